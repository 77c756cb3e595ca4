"""The version of the tables: compared at each start, brought up to date when it is older."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
)

from qbm.errors import StoreTooNew, StoreUnwritable
from qbm.store.database import in_words, make_file, reading
from qbm.store.tables import metadata

VERSION_TABLE = "qbm_schema"
"""Not Alembic's usual name: others keep tables in this file, and may use Alembic too."""

# As Alembic makes it.
_VERSION = Table(
    VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True, nullable=False)
)


class Schema(Struct, frozen=True):
    """A state of the tables: the newest revision in a folder of migrations; they count up."""

    version: str
    migrations: Path


OURS = Schema("0004", Path(__file__).parent / "migrations")


def bring_up_to_date(engine: Engine, path: Path, schema: Schema = OURS) -> None:
    """Make or migrate the tables, if they are not of this version yet.

    An existing database is copied first, to ``qbm.db.<its version>.backup`` beside it.

    Raises:
        StoreTooNew: a newer qbm has migrated this database.
        StoreError: the database cannot be read or written.
    """
    with in_words(path):
        with reading(engine) as connection:
            if _version(connection, path, schema) == schema.version:
                return
        # Another process may do the same: whoever comes second finds the work done.
        with engine.begin() as connection:
            version = _version(connection, path, schema)
            if version == schema.version:
                return
            if version is None and schema is OURS:
                _create(connection)
                return
            if version is not None:
                _copy(path, backup_path(path, version))
            _migrate(connection, schema)


def backup_path(path: Path, version: str) -> Path:
    """Where the copy of a database of ``version`` goes."""
    return path.with_name(f"{path.name}.{version}.backup")


def _version(connection: Connection, path: Path, schema: Schema) -> str | None:
    """The version of the tables, None if there are none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(select(_VERSION.c.version_num)).scalar()
    if found is not None and found > schema.version:
        raise StoreTooNew(
            f"{path}: a newer qbm has written this database (its version is {found}, this "
            f"program knows {schema.version}). Use that version again, or put the copy that it "
            f"made ({backup_path(path, schema.version).name}) in its place.",
        )
    return found


def _copy(path: Path, backup: Path) -> None:
    """Copy the database as it is now; a copy that is there is a complete one."""
    unfinished = backup.with_name(f"{backup.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)  # of a copy that was cut off
        make_file(unfinished)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as copy:
            copy.execute("PRAGMA journal_mode = OFF")  # leaves nothing else behind when cut off
            source.backup(copy)
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


def _create(connection: Connection) -> None:
    """The newest tables at once: Alembic would take longer to import than the first run takes.

    A test holds them to what the migrations make.
    """
    metadata.create_all(connection, checkfirst=False)  # a foreign table in the way is an error
    _VERSION.metadata.create_all(connection)
    connection.execute(insert(_VERSION).values(version_num=OURS.version))


def _migrate(connection: Connection, schema: Schema) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, and seldom needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    command.upgrade(config, schema.version)
