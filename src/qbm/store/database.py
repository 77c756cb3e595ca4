"""The database file: made, opened, and its troubles told in words.

Everything that SQLAlchemy or SQLite raise for a reason outside of this program leaves here as
a ``StoreError`` that names the file; what is left is a mistake of ours and stays as it is.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError, ProgrammingError

from qbm.errors import StoreError, StoreUnwritable
from qbm.store.mounts import JournalMode, journal_mode

PATIENCE_SECONDS = 10.0
"""How long a statement waits for another process to end its transaction."""

_READING = {"qbm_begin": "BEGIN"}
_ELSEWHERE = "name another folder with QBM_STATE_DIR"
_MAKE_WRITABLE = f"Make the file and its folder writable for this user, or {_ELSEWHERE}"
_REPLACE = "Move the file away (a new one is made), or put a backup in its place"
_UNWRITABLE = {
    sqlite3.SQLITE_FULL: f"the disk is full. Free some space, or {_ELSEWHERE}, and run again",
    sqlite3.SQLITE_READONLY: f"it is read-only. {_MAKE_WRITABLE}",
    sqlite3.SQLITE_PERM: f"permission denied. {_MAKE_WRITABLE}",
    sqlite3.SQLITE_CANTOPEN: f"it cannot be opened. {_MAKE_WRITABLE}",
    sqlite3.SQLITE_IOERR: "the disk refuses to read or write it (full, over a quota, unplugged or "
    f"failing). Check the disk, or {_ELSEWHERE}",
}
_UNUSABLE = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked. Wait for that one to end, and run again",
    sqlite3.SQLITE_NOTADB: f"this is not a database of qbm. {_REPLACE}",
    sqlite3.SQLITE_CORRUPT: f"it is damaged. {_REPLACE}",
}


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn troubles with the database at ``path`` into a ``StoreError``.

    Raises:
        StoreUnwritable: full disk, read-only, no permission.
        StoreError: locked, damaged, no database, or anything else that SQLite reports.
    """
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except DatabaseError as error:
        raise _told(path, error.orig) from error
    except sqlite3.DatabaseError as error:
        raise _told(path, error) from error


def _told(path: Path, error: BaseException | None) -> StoreError:
    # The low byte of an extended result code is its family (sqlite.org/rescode.html).
    family = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if family in _UNWRITABLE:
        return StoreUnwritable(f"{path}: {_UNWRITABLE[family]}.")
    return StoreError(f"{path}: {_UNUSABLE.get(family, f'SQLite cannot use it ({error})')}.")


def make_file(path: Path) -> None:
    """Make an empty file with mode 0600, unless there is one.

    Raises:
        StoreUnwritable: it cannot be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnwritable(
            f"{path}: cannot make the database: {error.strerror}. Make its folder writable for "
            f"this user, or {_ELSEWHERE}.",
        ) from error


def mode_for(path: Path) -> JournalMode:
    """The journal mode that the file system of ``path`` allows."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        mounts = ""
    return journal_mode(PurePosixPath(path.resolve()), mounts)


def engine_for(path: Path, mode: JournalMode, patience: float = PATIENCE_SECONDS) -> Engine:
    """An engine for the SQLite file at ``path``; nothing is opened yet.

    A transaction begins with ``BEGIN IMMEDIATE``, so that it cannot fail half-way because
    another process has written in between; ``reading`` begins one that only reads.
    """
    engine = sqlalchemy.create_engine(
        sqlalchemy.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": patience},
    )

    def prepare(connection: sqlite3.Connection, record: object) -> None:
        del record
        connection.isolation_level = None  # ours are the BEGINs
        _set_journal_mode(connection, mode, patience)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: it waits for no writer."""
    with engine.connect().execution_options(**_READING) as connection:
        yield connection


def _begin(connection: Connection) -> None:
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql(options.get("qbm_begin", "BEGIN IMMEDIATE"))


def _set_journal_mode(
    connection: sqlite3.Connection,
    wanted: JournalMode,
    patience: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Switch the journal mode, if the file has another one.

    SQLite does not wait for other connections here, whatever the time-out (sqlite.org/wal.html),
    and two first starts at once meet.
    """
    give_up = time.monotonic() + patience
    while _pragma(connection, "journal_mode") != wanted:
        try:
            connection.execute(f"PRAGMA journal_mode = {wanted.value}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            sleep(0.02)


def _pragma(connection: sqlite3.Connection, name: str) -> str:
    return str(connection.execute(f"PRAGMA {name}").fetchone()[0])
