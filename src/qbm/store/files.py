"""What is kept of files: the lists of torrents, and where orphans were moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import asdict
from sqlalchemy import delete, insert, select, update

from qbm.model.torrent import TorrentHash
from qbm.store.opened import Opened
from qbm.store.records import FileList, MovedOrphan
from qbm.store.tables import file_lists, orphans

_Value = TypeVar("_Value")

_AT_ONCE = 500
"""In one statement: SQLite before 3.32 takes 999 parameters."""


class Files(Opened):
    """Questions and writes about files."""

    def file_lists(
        self, server: str, hashes: Collection[TorrentHash] | None = None
    ) -> Mapping[TorrentHash, FileList]:
        """The lists that were kept of the torrents of a server; of all, or of ``hashes``."""
        of_server = select(file_lists).where(file_lists.c.server == server)
        parts = [of_server]
        if hashes is not None:
            parts = [of_server.where(file_lists.c.hash.in_(some)) for some in _parts(hashes)]
        with self._reading() as connection:
            return {
                row.hash: FileList(row.fingerprint, row.files)
                for part in parts
                for row in connection.execute(part)
            }

    def missing(
        self, server: str, present: Collection[TorrentHash], now: datetime
    ) -> tuple[Mapping[TorrentHash, datetime], int]:
        """Which torrents with a kept list are not ``present``, each since when, and of how many.

        Writes that down, for the next time.
        """
        of_server = file_lists.c.server == server
        columns = file_lists.c.hash, file_lists.c.missing_since
        with self._writing() as connection:
            since = {
                TorrentHash(row.hash): row.missing_since
                for row in connection.execute(select(*columns).where(of_server))
            }
            gone = {each: at or now for each, at in since.items() if each not in present}
            back = [each for each, at in since.items() if at is not None and each in present]
            left = [each for each in gone if since[each] is None]
            for hashes, at in ((back, None), (left, now)):
                for some in _parts(hashes):
                    which = file_lists.c.hash.in_(some)
                    connection.execute(
                        update(file_lists).where(of_server, which).values(missing_since=at)
                    )
        return gone, len(since)

    def keep_file_lists(
        self,
        server: str,
        lists: Mapping[TorrentHash, FileList],
        gone: Collection[TorrentHash] = (),
    ) -> None:
        """Keep ``lists``, each instead of an older one, and forget those of ``gone``."""
        of_server = file_lists.c.server == server
        with self._writing() as connection:
            for some in _parts({*lists, *gone}):
                connection.execute(delete(file_lists).where(of_server, file_lists.c.hash.in_(some)))
            rows = [
                {"server": server, "hash": each, **asdict(known)} for each, known in lists.items()
            ]
            if rows:
                connection.execute(insert(file_lists), rows)

    def orphans(self) -> list[MovedOrphan]:
        """The orphans that runs have moved, on whichever server, the oldest first."""
        with self._reading() as connection:
            rows = connection.execute(select(orphans).order_by(orphans.c.moved_at))
            return [MovedOrphan(**row._mapping) for row in rows]  # noqa: SLF001 - public by its name

    def keep_orphans(self, moved: Sequence[MovedOrphan]) -> None:
        """Write down orphans that were moved; one of the same target before is replaced."""
        if not moved:
            return
        with self._writing() as connection:
            for some in _parts({each.target for each in moved}):
                connection.execute(delete(orphans).where(orphans.c.target.in_(some)))
            connection.execute(insert(orphans), [asdict(each) for each in moved])

    def forget_orphans(self, targets: Collection[str]) -> None:
        """Forget the orphans at these places: they were deleted, or put back."""
        with self._writing() as connection:
            for some in _parts(targets):
                connection.execute(delete(orphans).where(orphans.c.target.in_(some)))


def _parts(values: Iterable[_Value]) -> list[list[_Value]]:
    ordered = list(values)
    return [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]
