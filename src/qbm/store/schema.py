"""The version of the tables: compared at each start, brought up to date when it is older."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from qbm.errors import StoreTooNew, StoreUnwritable
from qbm.store.database import in_words, make_file

SCHEMA = "0001"
"""The newest revision in ``migrations/versions``; revisions count up."""

VERSION_TABLE = "qbm_schema"
"""Not Alembic's usual name: others keep tables in this file, and may use Alembic too."""

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(engine: Engine, path: Path) -> None:
    """Make or migrate the tables, if they are not of this version yet.

    An existing database is copied first, to ``qbm.db.<its version>.backup`` beside it.

    Raises:
        StoreTooNew: a newer qbm has migrated this database.
        StoreError: the database cannot be read or written.
    """
    with in_words(path):
        with engine.connect().execution_options(qbm_begin="BEGIN") as connection:
            if _found(connection, path) == SCHEMA:
                return
        # Another process may do the same: whoever comes second finds the work done.
        with engine.begin() as connection:
            version = _found(connection, path)
            if version == SCHEMA:
                return
            if version is not None:
                _copy(path, backup_path(path, version))
            _migrate(connection)


def backup_path(path: Path, version: str) -> Path:
    """Where the copy of a database of ``version`` goes."""
    return path.with_name(f"{path.name}.{version}.backup")


def _found(connection: Connection, path: Path) -> str | None:
    """The version of the tables, None if there are none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if version is not None and version > SCHEMA:
        raise StoreTooNew(
            f"{path}: a newer qbm has written this database (its version is {version}, this "
            f"program knows {SCHEMA}). Use that version again, or put back the copy it made "
            f"({backup_path(path, SCHEMA).name}) in its place.",
        )
    return version


def _copy(path: Path, backup: Path) -> None:
    """Copy the database as it is now; a copy that is there is a complete one."""
    unfinished = backup.with_name(f"{backup.name}.unfinished")
    make_file(unfinished)
    source, target = sqlite3.connect(path), sqlite3.connect(unfinished)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()
    try:
        _flush(unfinished)
        unfinished.replace(backup)
    except OSError as error:
        raise StoreUnwritable(
            f"{backup}: cannot keep a copy of the database before changing its tables: "
            f"{error.strerror}. Free some space and run again.",
        ) from error


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - takes as long to import as a start may take
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, SCHEMA)
