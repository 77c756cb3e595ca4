"""The runs: what was asked for, how far each is, and how it ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, literal, select, update

from qbm.errors import Interrupted, LeaseLost
from qbm.model.command import CommandName
from qbm.model.plan import Planned
from qbm.store.holder import is_elsewhere
from qbm.store.journal import applied_of
from qbm.store.leases import SILENCE
from qbm.store.opened import Opened
from qbm.store.records import UNFINISHED, LeftOut, NewRun, Run, RunState
from qbm.store.tables import Instant, leases, runs

Count: TypeAlias = Callable[[Sequence[Planned]], Mapping[str, int]]


def _uncounted(_: Sequence[Planned]) -> Mapping[str, int]:
    return {}


_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"


class History(Opened):
    """Questions and writes about runs."""

    def accept(self, new: NewRun, now: datetime) -> Run:
        """Write down a run that is asked for; it waits until ``start``."""
        with self._writing() as connection:
            (run,) = accepted(connection, [new], now)
            return run

    def start(self, run_id: str, now: datetime) -> None:
        """Say that a run is at work; of a second attempt the first start stands.

        Its lease is taken before (``Leases.acquire``).

        Raises:
            LeaseLost: the run has ended meanwhile: somebody took its process for dead.
        """
        starting = (
            update(runs)
            .where(runs.c.id == run_id, runs.c.state.in_(UNFINISHED))
            .values(
                state=RunState.RUNNING,
                attempts=runs.c.attempts + 1,
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
        executed: Sequence[CommandName] = (),
        refused: Sequence[LeftOut] = (),
        failed_commands: Sequence[LeftOut] = (),
        warnings: Sequence[str] = (),
        error: str = "",
        exit_code: int = 0,
    ) -> None:
        """Say how a run ended, and let go of its lease; of two endings the first stands."""
        with self._writing() as connection:
            end(
                connection,
                run_id,
                state=state,
                ended_at=now,
                stats=stats or {},
                skipped_counts=skipped_counts or {},
                executed=executed,
                refused=refused,
                failed_commands=failed_commands,
                warnings=warnings,
                error=error,
                exit_code=exit_code,
            )

    def correct(self, run_id: str, stats: Mapping[str, int]) -> None:
        """Replace the counters of a run, once it is known what it had done."""
        with self._writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(stats=stats))

    def run(self, run_id: str) -> Run | None:
        """The run of that id, None if there is none."""
        with self._reading() as connection:
            row = connection.execute(a_run().where(runs.c.id == run_id)).first()
            return None if row is None else as_run(row)

    def runs(
        self, limit: int = 50, *, states: Sequence[RunState] = (), before: int | None = None
    ) -> list[Run]:
        """The latest runs, the last accepted first.

        ``states`` none means any; ``before`` an arrival number: only earlier ones.
        """
        latest = a_run().order_by(runs.c.arrival.desc()).limit(limit)
        if states:
            latest = latest.where(runs.c.state.in_(states))
        if before is not None:
            latest = latest.where(runs.c.arrival < before)
        with self._reading() as connection:
            return [as_run(row) for row in connection.execute(latest)]

    def of_request(self, request_id: str) -> tuple[Run, ...]:
        """The runs of a request, in the order of their acceptance."""
        asked = a_run().where(runs.c.request_id == request_id).order_by(runs.c.arrival)
        with self._reading() as connection:
            return tuple(as_run(row) for row in connection.execute(asked))

    def abandon_dead(
        self, now: datetime, is_alive: Callable[[str], bool], count: Count = _uncounted
    ) -> list[Run]:
        """End the unfinished runs that nobody carries out any more, as interrupted.

        Those are the runs whose holder is not ``is_alive``, and those elsewhere, where nobody
        can look, that have neither a good lease nor asked for one within ``SILENCE``. Their
        open intents stay open: the next run settles them. Answers the runs as they were.
        Those in a queue are not among them: the next server goes on with them. ``count`` makes
        counters of what each had done.
        """
        mortal = and_(runs.c.state.in_(UNFINISHED), runs.c.is_queued.is_(False))
        unfinished = a_run().where(mortal).order_by(runs.c.arrival)
        leased = select(leases.c.run_id).where(leases.c.expires_at > now)
        silent = select(runs.c.id).where(
            runs.c.heard_at <= now - SILENCE,
            runs.c.id.not_in(leased),
            mortal,
        )
        with self._writing() as connection:
            unheard = set(connection.execute(silent).scalars())
            dead = [
                run
                for run in map(as_run, connection.execute(unfinished))
                if not is_alive(run.holder) or (run.id in unheard and is_elsewhere(run.holder))
            ]
            for run in dead:
                end(
                    connection,
                    run.id,
                    state=RunState.INTERRUPTED,
                    ended_at=now,
                    stats=count(applied_of(connection, run.id)),
                    error="Its process ended before the run did.",
                    exit_code=Interrupted.exit_code,
                )
        return dead


def accepted(connection: Connection, news: Sequence[NewRun], now: datetime) -> tuple[Run, ...]:
    """Write down the runs of one request, in their order."""
    ids = [_run_id(now) for _ in news]
    nothing_yet = {"stats": {}, "skipped_counts": {}, "error": ""}
    rows: list[Mapping[str, object]] = [
        {
            **{name: getattr(new, name) for name in NewRun.__struct_fields__},
            **nothing_yet,
            "id": run_id,
            "request_id": ids[0],
            "state": RunState.WAITING,
            "created_at": now,
            "heard_at": now,
        }
        for run_id, new in zip(ids, news, strict=True)
    ]
    for row in rows:  # one by one, so that they arrive in this order on every database
        connection.execute(insert(runs).values(**row))
    asked = a_run().where(runs.c.request_id == ids[0]).order_by(runs.c.arrival)
    return tuple(as_run(row) for row in connection.execute(asked))


def a_run() -> Select[*tuple[Any, ...]]:
    """The query for runs as ``as_run`` takes them."""
    return select(*(runs.c[name] for name in Run.__struct_fields__))


def as_run(row: Row[*tuple[Any, ...]]) -> Run:
    """The value of a row."""
    return Run(**row._mapping)  # noqa: SLF001 - public, named so only to keep clear of columns


def end(connection: Connection, run_id: str, **ending: object) -> None:
    """Note the ending of an unfinished run, and let go of its lease."""
    unfinished = runs.c.state.in_(UNFINISHED)
    connection.execute(update(runs).where(runs.c.id == run_id, unfinished).values(**ending))
    connection.execute(delete(leases).where(leases.c.run_id == run_id))


def _run_id(now: datetime) -> str:
    """16 letters and digits that sort by time: milliseconds (48 bits), then chance (32 bits)."""
    number = (int(now.timestamp() * 1000) << 32) | secrets.randbits(32)
    return "".join(_BASE32[number >> shift & 31] for shift in range(75, -1, -5))
