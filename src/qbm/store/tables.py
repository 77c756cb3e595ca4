"""The tables. Times are UTC ISO texts of one width, so that they sort and people can read them."""

from __future__ import annotations

import json
import os
import zlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
)
from sqlalchemy.types import TypeDecorator

from qbm.errors import StoreTooNew
from qbm.model.change import Change
from qbm.model.command import CommandName
from qbm.model.reason import Reason
from qbm.model.stamp import Stamp
from qbm.model.torrent import TorrentFile
from qbm.store.records import EntryState, LeftOut, RunState, Step, Trigger

_Value = TypeVar("_Value")
_Word = TypeVar("_Word", bound=StrEnum)


class Instant(TypeDecorator[datetime]):
    """An aware time, kept as ``2025-01-31T12:00:00.000000+00:00``."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """The text of a time; naive ones are an error of the caller."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """The time in a text."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)


class AnyText(TypeDecorator[str]):
    """Text that may hold a file's name; what is not Unicode in it is kept as an escape."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text without lone surrogates, which no database takes."""
        del dialect
        return None if value is None else value.encode(errors="backslashreplace").decode()


class Json(TypeDecorator[_Value], Generic[_Value]):
    """A value kept as JSON text; ``shape`` is its type, with which it is read back."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:  # noqa: ANN401 - a type form, such as a union
        super().__init__()
        self.shape = shape
        self._decoder = msgspec.json.Decoder(shape)
        self._encoder = msgspec.json.Encoder()

    def process_bind_param(self, value: _Value | None, dialect: Dialect) -> str | None:
        """The JSON of a value; names that are no text are escaped as JSON can."""
        del dialect
        if value is None:
            return None
        try:
            return self._encoder.encode(value).decode()
        except UnicodeEncodeError:
            return json.dumps(msgspec.to_builtins(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> _Value | None:
        """The value in a JSON text.

        Raises:
            StoreTooNew: it is of a kind that this version does not know.
        """
        del dialect
        try:
            if value is None:
                return None
            try:
                read: _Value = self._decoder.decode(value)
            except msgspec.ValidationError:
                raise
            except msgspec.DecodeError:  # a lone surrogate: a name that is no text
                read = msgspec.convert(json.loads(value), self.shape)
        except msgspec.ValidationError as error:
            raise StoreTooNew(
                f"The journal holds what only a newer qbm knows ({error}). Run that version once "
                "more, so that it settles what it has begun."
            ) from error
        return read


class FilePath(TypeDecorator[str]):
    """A path of this machine, kept as its very bytes: not all of them are text."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """The bytes of a path."""
        del dialect
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """The path of some bytes."""
        del dialect
        return None if value is None else os.fsdecode(value)


class FileNames(TypeDecorator[tuple[TorrentFile, ...]]):
    """The files of a torrent, packed: of a large library they are a hundred megabytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(
        self, value: tuple[TorrentFile, ...] | None, dialect: Dialect
    ) -> bytes | None:
        """The packed files."""
        del dialect
        if value is None:
            return None
        rows = [(each.name, each.size, each.progress, each.priority) for each in value]
        return zlib.compress(msgspec.json.encode(rows), level=1)

    def process_result_value(
        self, value: bytes | None, dialect: Dialect
    ) -> tuple[TorrentFile, ...] | None:
        """The files in a pack."""
        del dialect
        if value is None:
            return None
        return tuple(TorrentFile(*row) for row in _ROWS.decode(zlib.decompress(value)))


_ROWS = msgspec.json.Decoder(list[tuple[str, int, float, int]])


class Word(TypeDecorator[_Word], Generic[_Word]):
    """A member of a ``StrEnum``, kept as its text."""

    impl = String(32)
    cache_ok = True

    def __init__(self, words: type[_Word]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: _Word | None, dialect: Dialect) -> str | None:
        """The text of a member."""
        del dialect
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> _Word | None:
        """The member of a text."""
        del dialect
        return None if value is None else self.words(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)

_Commands = Json[tuple[CommandName, ...]]
_Left = Json[tuple[LeftOut, ...]]

runs = Table(
    "runs",
    metadata,
    Column("arrival", Integer, primary_key=True, autoincrement=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("server", Text, nullable=False),
    Column("config_file", AnyText, nullable=False),
    Column("trigger", Word(Trigger), nullable=False),
    Column("holder", Text, nullable=False),
    Column("commands", _Commands(tuple[CommandName, ...]), nullable=False),
    Column("hashes", Json[tuple[str, ...]](tuple[str, ...])),
    Column("dry_run", Boolean, nullable=False),
    Column("state", Word(RunState), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("heard_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("stats", Json[dict[str, int]](dict[str, int]), nullable=False),
    Column("skipped_counts", Json[dict[str, int]](dict[str, int]), nullable=False),
    Column("error", AnyText, nullable=False),
    Column("request_id", String(16), nullable=False, server_default="", index=True),
    Column("is_queued", Boolean, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("skip_cleanup", Boolean, nullable=False, server_default="0"),
    Column("warns_of_version", Boolean, nullable=False, server_default="1"),
    Column("log_level", String(32)),
    Column("executed", _Commands(tuple[CommandName, ...]), nullable=False, server_default="[]"),
    Column("refused", _Left(tuple[LeftOut, ...]), nullable=False, server_default="[]"),
    Column("failed_commands", _Left(tuple[LeftOut, ...]), nullable=False, server_default="[]"),
    Column("warnings", Json[tuple[str, ...]](tuple[str, ...]), nullable=False, server_default="[]"),
    Column("exit_code", Integer, nullable=False, server_default="0"),
    Column("older_than_days", Integer, nullable=False, server_default="0"),
    Column("is_partly", Boolean, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey(runs.c.id), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("batch", Integer),
    Column("command", Word(CommandName), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("hash", String(64), index=True),
    Column("change", Json[Change](Change), nullable=False),
    Column("reason", Json[Reason](Reason), nullable=False),
    Column("state", Word(EntryState), nullable=False),
    Column("detail", AnyText, nullable=False),
    Column("intended_at", Instant),
    Column("concluded_at", Instant),
    Column("torrent", AnyText, nullable=False, server_default=""),
    Column("step", Word(Step), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
# Few entries are open at a time among very many, and each run asks for them first. A literal:
# SQLite uses such an index only where the query's text implies its condition.
IS_OPEN = journal.c.state == literal_column(f"'{EntryState.INTENDED}'")
Index("ix_journal_open", journal.c.id, sqlite_where=IS_OPEN)

sightings = Table(
    "sightings",
    metadata,
    Column("server", Text, primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("first_at", Instant, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("run_id", String(16), nullable=False),
)

file_lists = Table(
    "file_lists",
    metadata,
    Column("server", Text, primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("files", FileNames, nullable=False),
    # Since when the server has not shown the torrent any more; NULL while it does.
    Column("missing_since", Instant, nullable=True),
)

orphans = Table(
    "orphans",
    metadata,
    Column("target", FilePath, primary_key=True),
    Column("source", FilePath, nullable=False),
    Column("server", Text, nullable=False),
    Column("run_id", String(16), nullable=False),
    Column("stamp", Json[Stamp](Stamp), nullable=False),
    Column("moved_at", Instant, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("server", Text, primary_key=True),
    Column("run_id", ForeignKey(runs.c.id), nullable=False),
    Column("holder", Text, nullable=False),
    Column("acquired_at", Instant, nullable=False),
    Column("renewed_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
