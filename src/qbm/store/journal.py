"""The journal: what each run wanted to change, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import Connection, Row, Update, func, insert, select, update

from qbm.errors import StoreError
from qbm.model.change import torrent_of
from qbm.model.plan import Applied, Failed, Outcome, Planned, Stale, Unconfirmed
from qbm.model.torrent import TorrentHash
from qbm.store.opened import Opened
from qbm.store.records import Entry, EntryState, Intent, Step
from qbm.store.tables import IS_OPEN, journal, runs

_IDS_AT_ONCE = 500
"""In one statement: SQLite before 3.32 takes 999 parameters."""
_NO_NAMES: Mapping[TorrentHash, str] = {}
_PLANNED_ANEW = "the run was cut off before this; it planned anew from fresh facts"
_INTENT_COLUMNS = (journal.c.intended_at, journal.c.step)
_PLANNED_COLUMNS = (journal.c.change, journal.c.command, journal.c.reason)


class Journal(Opened):
    """Questions and writes about the journal."""

    def record(
        self,
        run_id: str,
        planned: Sequence[Planned],
        names: Mapping[TorrentHash, str] = _NO_NAMES,
    ) -> list[int]:
        """Write down a plan before anything of it is done; answers the ids, in its order.

        ``names`` are the torrents'. A second plan of the same run is counted on from the first.
        """
        if not planned:
            return []
        of_run = journal.c.run_id == run_id
        with self._writing() as connection:
            begin = connection.execute(
                select(func.coalesce(func.max(journal.c.position) + 1, 0)).where(of_run),
            ).scalar_one()
            connection.execute(
                insert(journal),
                [
                    _row(run_id, position, each, names)
                    for position, each in enumerate(planned, begin)
                ],
            )
            written = select(journal.c.id).where(of_run, journal.c.position >= begin)
            return list(connection.execute(written.order_by(journal.c.position)).scalars())

    def supersede(self, run_id: str, now: datetime) -> None:
        """Conclude what an earlier attempt of this run planned and did not come to."""
        left = journal.c.run_id == run_id, journal.c.state == EntryState.PLANNED
        ending = {"state": EntryState.STALE, "detail": _PLANNED_ANEW, "concluded_at": now}
        with self._writing() as connection:
            connection.execute(update(journal).where(*left).values(**ending))

    def intend(self, ids: Sequence[int], batch: int, now: datetime) -> None:
        """Write down that these planned changes are about to be sent.

        Only when this has returned may they be.

        Raises:
            StoreError: not all of them are waiting to be done; then none is intended.
        """
        if not ids:
            return
        intending = (
            update(journal)
            .where(journal.c.state == EntryState.PLANNED)
            .values(state=EntryState.INTENDED, batch=batch, intended_at=now)
        )
        with self._writing() as connection:
            changed = _update_each(connection, intending, ids)
            if changed != len(ids):
                raise StoreError(
                    f"{self.path}: of {len(ids)} changes about to be made the journal still "
                    f"expects {changed}. Something else has altered it; run again.",
                )

    def reached(self, entry: int, step: Step) -> None:
        """Write down how far a removal is; only then may what follows be begun."""
        with self._writing() as connection:
            connection.execute(update(journal).where(journal.c.id == entry).values(step=step))

    def conclude(self, outcomes: Mapping[int, Outcome], now: datetime) -> None:
        """Write down what became of changes, by entry id; of two outcomes the first stands.

        Entries that are merely planned can be concluded too: a stale change is never intended.
        """
        if not outcomes:
            return
        alike: dict[Outcome, list[int]] = {}
        for each, outcome in outcomes.items():
            alike.setdefault(outcome, []).append(each)
        with self._writing() as connection:
            for outcome, ids in alike.items():
                concluding = (
                    update(journal)
                    .where(journal.c.concluded_at.is_(None))
                    .values(state=_state_after(outcome), detail=_detail_of(outcome))
                    .values(concluded_at=now)
                )
                _update_each(connection, concluding, ids)

    def open_intents(self, server: str) -> list[Intent]:
        """What was about to be changed on a server and was never concluded, oldest first."""
        still_open = (
            select(journal.c.id, journal.c.run_id, *_INTENT_COLUMNS, *_PLANNED_COLUMNS)
            .join(runs)
            .where(runs.c.server == server, IS_OPEN)
            .order_by(journal.c.id)
        )
        with self._reading() as connection:
            return [
                Intent(row.id, row.run_id, _planned(row), row.intended_at, row.step)
                for row in connection.execute(still_open)
            ]

    def entries(self, run_id: str) -> list[Entry]:
        """The journal of a run, in the order of its plan."""
        of_run = select(journal).where(journal.c.run_id == run_id).order_by(journal.c.position)
        with self._reading() as connection:
            return [
                Entry(
                    id=row.id,
                    run_id=row.run_id,
                    position=row.position,
                    batch=row.batch,
                    planned=_planned(row),
                    torrent=row.torrent,
                    state=row.state,
                    detail=row.detail,
                    intended_at=row.intended_at,
                    concluded_at=row.concluded_at,
                )
                for row in connection.execute(of_run)
            ]

    def applied(self, run_id: str) -> list[Planned]:
        """What a run has changed, over all its attempts: its counters are sums over this."""
        with self._reading() as connection:
            return applied_of(connection, run_id)


def applied_of(connection: Connection, run_id: str) -> list[Planned]:
    """What a run has changed, in the order of its plan."""
    changed = (
        select(*_PLANNED_COLUMNS)
        .where(journal.c.run_id == run_id, journal.c.state == EntryState.APPLIED)
        .order_by(journal.c.position)
    )
    return [_planned(row) for row in connection.execute(changed)]


def _row(
    run_id: str, position: int, planned: Planned, names: Mapping[TorrentHash, str]
) -> dict[str, object]:
    torrent = torrent_of(planned.change)
    return {
        "run_id": run_id,
        "position": position,
        "command": planned.command,
        "kind": type(planned.change).__name__,
        "hash": torrent,
        "torrent": names.get(torrent, "") if torrent else "",
        "change": planned.change,
        "reason": planned.reason,
        "state": EntryState.PLANNED,
        "detail": "",
    }


def _planned(row: Row[*tuple[Any, ...]]) -> Planned:
    return Planned(row.change, row.command, row.reason)


def _update_each(connection: Connection, updating: Update, ids: Sequence[int]) -> int:
    """Update the journal's entries of ``ids``; how many of them it was true for.

    Many at a time: a statement for each takes five times as long.
    """
    return sum(
        connection.execute(
            updating.where(journal.c.id.in_(ids[start : start + _IDS_AT_ONCE]))
        ).rowcount
        for start in range(0, len(ids), _IDS_AT_ONCE)
    )


def _state_after(outcome: Outcome) -> EntryState:
    match outcome:
        case Applied():
            return EntryState.APPLIED
        case Stale():
            return EntryState.STALE
        case Failed():
            return EntryState.FAILED
        case Unconfirmed():
            return EntryState.UNCONFIRMED
        case _:
            assert_never(outcome)


def _detail_of(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Applied) else outcome.detail
