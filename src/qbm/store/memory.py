"""What runs remember of torrents from one to the next: sightings and rechecks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from qbm.model.change import Recheck
from qbm.model.snapshot import Sighting
from qbm.model.torrent import TorrentHash
from qbm.store.opened import Opened
from qbm.store.records import EntryState
from qbm.store.tables import journal, runs, sightings

_HASHES_AT_ONCE = 500
"""In one statement: SQLite before 3.32 takes 999 parameters."""


class Memory(Opened):
    """Questions and writes about what is remembered."""

    def sightings(self, server: str, run_id: str) -> Mapping[TorrentHash, Sighting]:
        """The torrents of a server that runs other than ``run_id`` have seen unregistered."""
        of_server = select(sightings).where(sightings.c.server == server)
        with self._reading() as connection:
            rows = connection.execute(of_server).all()
        seen = {row.hash: Sighting(row.first_at, row.runs - (row.run_id == run_id)) for row in rows}
        return {each: sighting for each, sighting in seen.items() if sighting.runs}

    def remember(
        self,
        server: str,
        run_id: str,
        now: datetime,
        *,
        seen: Collection[TorrentHash],
        forgotten: Collection[TorrentHash],
    ) -> None:
        """Write down that a run has seen torrents unregistered, and forget the ``forgotten``.

        A further attempt of the same run does not count again.
        """
        of_server = sightings.c.server == server
        with self._writing() as connection:
            for some in _parts(forgotten):
                connection.execute(delete(sightings).where(of_server, sightings.c.hash.in_(some)))
            known: set[TorrentHash] = set()
            for some in _parts(seen):
                again = of_server, sightings.c.hash.in_(some)
                known |= set(connection.execute(select(sightings.c.hash).where(*again)).scalars())
                connection.execute(
                    update(sightings)
                    .where(*again, sightings.c.run_id != run_id)
                    .values(runs=sightings.c.runs + 1, run_id=run_id)
                )
            new = [
                {"server": server, "hash": each, "first_at": now, "runs": 1, "run_id": run_id}
                for each in sorted(set(seen) - known)
            ]
            if new:
                connection.execute(insert(sightings), new)

    def rechecked(
        self, server: str, hashes: Collection[TorrentHash]
    ) -> Mapping[TorrentHash, datetime]:
        """When each of ``hashes`` was last rechecked by a run on a server."""
        found: dict[TorrentHash, datetime] = {}
        with self._reading() as connection:
            for some in _parts(hashes):
                last = (
                    select(journal.c.hash, func.max(journal.c.intended_at).label("at"))
                    .join(runs)
                    .where(
                        runs.c.server == server,
                        journal.c.hash.in_(some),
                        journal.c.kind == Recheck.__name__,
                        journal.c.state == EntryState.APPLIED,
                    )
                    .group_by(journal.c.hash)
                )
                found |= {row.hash: row.at for row in connection.execute(last)}
        return found


def _parts(hashes: Collection[TorrentHash]) -> list[list[TorrentHash]]:
    ordered = sorted(hashes)
    return [
        ordered[start : start + _HASHES_AT_ONCE]
        for start in range(0, len(ordered), _HASHES_AT_ONCE)
    ]
