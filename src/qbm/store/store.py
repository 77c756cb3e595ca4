"""The store: every question and every write that concerns runs, their journal and leases.

Each method is one transaction; when a method that writes has returned, what it wrote is on
disk (``synchronous=FULL``). Any method raises ``StoreUnwritable`` or ``StoreError`` with a
text for the user if the database cannot be used.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, assert_never

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Update,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from qbm.errors import LeaseLost, StoreError
from qbm.model.plan import Applied, Failed, Outcome, Planned, Stale, Unconfirmed
from qbm.store.database import PATIENCE_SECONDS, engine_for, in_words, make_file, mode_for, reading
from qbm.store.holder import is_elsewhere
from qbm.store.locks import make_state_dir
from qbm.store.records import UNFINISHED, Entry, EntryState, Intent, NewRun, Run, RunState
from qbm.store.schema import bring_up_to_date
from qbm.store.tables import IS_OPEN, Instant, journal, leases, runs

DATABASE = "qbm.db"
_IDS_AT_ONCE = 500
"""In one statement: SQLite before 3.32 takes 999 parameters."""

SILENCE = timedelta(seconds=60)
"""After this long without asking for its server, a waiting run elsewhere counts as dead."""

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_PLANNED_COLUMNS = (journal.c.change, journal.c.command, journal.c.reason)


class Store:
    """An open database; ``Store.open`` makes one, ``close`` (or ``with``) ends it.

    May be used from several threads.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine

    @classmethod
    def open(
        cls,
        state_dir: Path,
        patience: float = PATIENCE_SECONDS,
        *,
        database: Path | None = None,
    ) -> Self:
        """The store of a state folder; folder, file and tables are made if they are missing.

        ``patience`` is how many seconds a transaction waits for that of another process,
        ``database`` a file elsewhere than in the folder.

        Raises:
            StoreUnwritable: full disk, read-only folder, no permission.
            StoreTooNew: a newer qbm has written the database.
            StoreError: it is locked, damaged, or no database.
        """
        make_state_dir(state_dir)
        path = database or state_dir / DATABASE
        make_state_dir(path.parent)
        make_file(path)
        engine = engine_for(path, mode_for(path), patience)
        try:
            bring_up_to_date(engine, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(path, engine)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Runs

    def accept(self, new: NewRun, now: datetime) -> Run:
        """Write down a run that is asked for; it waits until ``start``."""
        run_id = _run_id(now)
        asked = {name: getattr(new, name) for name in NewRun.__struct_fields__}
        nothing_yet = {"stats": {}, "skipped_counts": {}, "error": ""}
        accepting = insert(runs).values(
            **asked,
            **nothing_yet,
            id=run_id,
            state=RunState.WAITING,
            created_at=now,
            heard_at=now,
        )
        with self._writing() as connection:
            connection.execute(accepting)
            return _run(connection.execute(_runs().where(runs.c.id == run_id)).one())

    def start(self, run_id: str, now: datetime) -> None:
        """Say that a run is at work; of a second attempt the first start stands.

        Raises:
            LeaseLost: the run has ended meanwhile: somebody took its process for dead.
        """
        starting = (
            update(runs)
            .where(runs.c.id == run_id, runs.c.state.in_(UNFINISHED))
            .values(
                state=RunState.RUNNING,
                started_at=func.coalesce(runs.c.started_at, literal(now, Instant)),
            )
        )
        with self._writing() as connection:
            if connection.execute(starting).rowcount == 0:
                raise LeaseLost(f"Run {run_id} was given up by another process. Run again.")

    def finish(
        self,
        run_id: str,
        state: RunState,
        now: datetime,
        *,
        stats: Mapping[str, int] | None = None,
        skipped_counts: Mapping[str, int] | None = None,
        error: str = "",
    ) -> None:
        """Say how a run ended, and let go of its lease; of two endings the first stands."""
        with self._writing() as connection:
            _finish(
                connection,
                run_id,
                state=state,
                ended_at=now,
                stats=stats or {},
                skipped_counts=skipped_counts or {},
                error=error,
            )

    def correct(self, run_id: str, stats: Mapping[str, int]) -> None:
        """Replace the counters of a run, once it is known what it had done."""
        with self._writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(stats=stats))

    def run(self, run_id: str) -> Run | None:
        """The run of that id, None if there is none."""
        with self._reading() as connection:
            row = connection.execute(_runs().where(runs.c.id == run_id)).first()
            return None if row is None else _run(row)

    def runs(self, limit: int = 50) -> list[Run]:
        """The latest runs, the last accepted first."""
        latest = _runs().order_by(runs.c.arrival.desc()).limit(limit)
        with self._reading() as connection:
            return [_run(row) for row in connection.execute(latest)]

    def abandon_dead(self, now: datetime, is_alive: Callable[[str], bool]) -> list[Run]:
        """End the unfinished runs that nobody carries out any more, as interrupted.

        Those are the runs whose holder is not ``is_alive``, and those elsewhere, where nobody
        can look, that have neither a good lease nor asked for one within ``SILENCE``. Their
        open intents stay open: the next run settles them. Answers the runs as they were.
        """
        unfinished = _runs().where(runs.c.state.in_(UNFINISHED)).order_by(runs.c.arrival)
        leased = select(leases.c.run_id).where(leases.c.expires_at > now)
        silent = select(runs.c.id).where(
            runs.c.heard_at <= now - SILENCE,
            runs.c.id.not_in(leased),
            runs.c.state.in_(UNFINISHED),
        )
        with self._writing() as connection:
            unheard = set(connection.execute(silent).scalars())
            dead = [
                run
                for run in map(_run, connection.execute(unfinished))
                if not is_alive(run.holder) or (run.id in unheard and is_elsewhere(run.holder))
            ]
            for run in dead:
                _finish(
                    connection,
                    run.id,
                    state=RunState.INTERRUPTED,
                    ended_at=now,
                    error="Its process ended before the run did.",
                )
        return dead

    # The journal

    def record(self, run_id: str, planned: Sequence[Planned]) -> list[int]:
        """Write down a plan before anything of it is done; answers the ids, in its order.

        A second plan of the same run is counted on from the first.
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
                [_row(run_id, position, each) for position, each in enumerate(planned, begin)],
            )
            written = select(journal.c.id).where(of_run, journal.c.position >= begin)
            return list(connection.execute(written.order_by(journal.c.position)).scalars())

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
            select(journal.c.id, journal.c.run_id, journal.c.intended_at, *_PLANNED_COLUMNS)
            .join(runs)
            .where(runs.c.server == server, IS_OPEN)
            .order_by(journal.c.id)
        )
        with self._reading() as connection:
            return [
                Intent(row.id, row.run_id, _planned(row), row.intended_at)
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
                    state=row.state,
                    detail=row.detail,
                    intended_at=row.intended_at,
                    concluded_at=row.concluded_at,
                )
                for row in connection.execute(of_run)
            ]

    def applied(self, run_id: str) -> list[Planned]:
        """What a run has changed, over all its attempts: its counters are sums over this."""
        changed = (
            select(*_PLANNED_COLUMNS)
            .where(journal.c.run_id == run_id, journal.c.state == EntryState.APPLIED)
            .order_by(journal.c.position)
        )
        with self._reading() as connection:
            return [_planned(row) for row in connection.execute(changed)]

    # Leases

    def acquire(
        self,
        server: str,
        run_id: str,
        holder: str,
        *,
        now: datetime,
        duration: timedelta,
        is_alive: Callable[[str], bool],
    ) -> bool:
        """Give a server to a run until ``now + duration``; False if it is not its turn.

        A run that waits asks again, much more often than once in ``SILENCE``.

        Only the unfinished run with the lowest arrival number can have it, and only if the
        lease is free, has run out, is this holder's own, or its holder is not ``is_alive``
        (which says True where it cannot know).
        """
        with self._writing() as connection:
            others = _other_holders(connection, server, holder, now)
            if _next_run(connection, server) != run_id or any(map(is_alive, others)):
                _hear(connection, run_id, now)
                return False
            connection.execute(delete(leases).where(leases.c.server == server))
            connection.execute(
                insert(leases).values(
                    server=server,
                    run_id=run_id,
                    holder=holder,
                    acquired_at=now,
                    renewed_at=now,
                    expires_at=now + duration,
                ),
            )
            return True

    def renew(
        self,
        server: str,
        run_id: str,
        holder: str,
        now: datetime,
        duration: timedelta,
    ) -> None:
        """Keep the server until ``now + duration``; to be called before each batch.

        A lease that has run out is kept as long as nobody has taken it.

        Raises:
            LeaseLost: the server is no longer this run's.
        """
        renewing = (
            update(leases)
            .where(_held_by(server, run_id, holder))
            .values(renewed_at=now, expires_at=now + duration)
        )
        with self._writing() as connection:
            if connection.execute(renewing).rowcount == 0:
                raise LeaseLost(
                    f"Another run has taken over the server of run {run_id}, which did not "
                    "answer for too long. It sent nothing more; the next run settles the rest.",
                )

    def release(self, server: str, run_id: str, holder: str) -> None:
        """Let go of a server; does nothing if it is not this run's."""
        with self._writing() as connection:
            connection.execute(delete(leases).where(_held_by(server, run_id, holder)))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with in_words(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with in_words(self.path), reading(self._engine) as connection:
            yield connection


def _run_id(now: datetime) -> str:
    """16 letters and digits that sort by time: milliseconds (48 bits), then chance (32 bits)."""
    number = (int(now.timestamp() * 1000) << 32) | secrets.randbits(32)
    return "".join(_BASE32[number >> shift & 31] for shift in range(75, -1, -5))


def _runs() -> Select[*tuple[Any, ...]]:
    return select(*(runs.c[name] for name in Run.__struct_fields__))


def _run(row: Row[*tuple[Any, ...]]) -> Run:
    return Run(**row._mapping)  # noqa: SLF001 - public, named so only to keep clear of columns


def _finish(connection: Connection, run_id: str, **ending: object) -> None:
    unfinished = runs.c.state.in_(UNFINISHED)
    connection.execute(update(runs).where(runs.c.id == run_id, unfinished).values(**ending))
    connection.execute(delete(leases).where(leases.c.run_id == run_id))


def _next_run(connection: Connection, server: str) -> str | None:
    """The unfinished run of a server that was accepted first."""
    waiting = select(runs.c.id).where(runs.c.server == server, runs.c.state.in_(UNFINISHED))
    return connection.execute(waiting.order_by(runs.c.arrival).limit(1)).scalar()


def _other_holders(
    connection: Connection, server: str, holder: str, now: datetime
) -> Sequence[str]:
    """Who else has a lease of a server that has not run out.

    One from the future is of a clock that was set back since; it would last for as long.
    """
    good = select(leases.c.holder).where(
        leases.c.server == server,
        leases.c.holder != holder,
        leases.c.expires_at > now,
        leases.c.renewed_at < now + SILENCE,
    )
    return connection.execute(good).scalars().all()


def _hear(connection: Connection, run_id: str, now: datetime) -> None:
    """Note that a waiting run is still there, but not at each of its frequent questions."""
    long_ago = runs.c.heard_at <= now - SILENCE / 4
    connection.execute(update(runs).where(runs.c.id == run_id, long_ago).values(heard_at=now))


def _held_by(server: str, run_id: str, holder: str) -> ColumnElement[bool]:
    return and_(
        leases.c.server == server,
        leases.c.run_id == run_id,
        leases.c.holder == holder,
    )


def _row(run_id: str, position: int, planned: Planned) -> dict[str, object]:
    return {
        "run_id": run_id,
        "position": position,
        "command": planned.command,
        "kind": type(planned.change).__name__,
        "hash": getattr(planned.change, "hash", None),
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
