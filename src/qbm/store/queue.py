"""The queue: runs that are kept over restarts, carried out in the order of their arrival."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update

from qbm.errors import Interrupted
from qbm.store.history import History, a_run, accepted, as_run, end
from qbm.store.records import NOBODY, UNFINISHED, NewRun, Run, RunState
from qbm.store.tables import leases, runs

_UNFINISHED = runs.c.state.in_(UNFINISHED)
_IN_LINE = (_UNFINISHED, runs.c.is_queued)
_LETTING_GO = delete(leases).where(leases.c.run_id.in_(select(runs.c.id).where(*_IN_LINE)))


class Queue(History):
    """Questions and writes about queued runs."""

    def enqueue(self, news: Sequence[NewRun], now: datetime) -> tuple[tuple[Run, ...], bool]:
        """Write down the runs of one request; answers them in their order.

        The flag says that another run of one of their servers is under way or in line.
        """
        servers = {new.server for new in news}
        others = select(func.count()).where(
            runs.c.server.in_(servers), _UNFINISHED, runs.c.holder != NOBODY
        )
        with self._writing() as connection:
            is_busy = connection.execute(others).scalar_one() > 0
            return accepted(connection, news, now), is_busy

    def adopt(self, holder: str) -> tuple[Run, ...]:
        """Take over every unfinished run of the queue; answers them in the order of arrival.

        For a server that starts, and has the state folder to itself: whoever had them is gone,
        also where nobody can look, such as a container that has been made anew.
        """
        adopting = update(runs).where(*_IN_LINE).values(holder=holder, state=RunState.WAITING)
        with self._writing() as connection:
            connection.execute(_LETTING_GO)
            connection.execute(adopting)
            in_line = a_run().where(*_IN_LINE).order_by(runs.c.arrival)
            return tuple(as_run(row) for row in connection.execute(in_line))

    def leave_queue(self) -> int:
        """Note that nobody attends to the queue, so that other runs do not wait for it.

        For whoever has the state folder to itself and is no server. Answers how many runs
        wait for one.
        """
        with self._writing() as connection:
            connection.execute(_LETTING_GO)
            return connection.execute(update(runs).where(*_IN_LINE).values(holder=NOBODY)).rowcount

    def next_in_line(self, server: str) -> Run | None:
        """The unfinished run of a server's queue that arrived first, None if there is none."""
        first = a_run().where(*_IN_LINE, runs.c.server == server).order_by(runs.c.arrival).limit(1)
        with self._reading() as connection:
            row = connection.execute(first).first()
            return None if row is None else as_run(row)

    def put_back(self, run_id: str) -> None:
        """Let a queued run wait again: its server ended before it did."""
        with self._writing() as connection:
            waiting = update(runs).where(runs.c.id == run_id, *_IN_LINE)
            connection.execute(waiting.values(state=RunState.WAITING))
            connection.execute(delete(leases).where(leases.c.run_id == run_id))

    def move(self, run_id: str, server: str) -> None:
        """Note that a waiting run's config names another server now; its place stays."""
        with self._writing() as connection:
            moving = update(runs).where(runs.c.id == run_id, runs.c.state == RunState.WAITING)
            connection.execute(moving.values(server=server))

    def cancel_waiting(self, run_id: str, now: datetime) -> bool:
        """End a run that has not begun; False if it has, or there is none."""
        is_waiting = select(runs.c.id).where(
            runs.c.id == run_id, runs.c.state == RunState.WAITING, runs.c.is_queued
        )
        with self._writing() as connection:
            if connection.execute(is_waiting).first() is None:
                return False
            end(
                connection,
                run_id,
                state=RunState.INTERRUPTED,
                ended_at=now,
                error="Cancelled before it began.",
                exit_code=Interrupted.exit_code,
            )
            return True

    def in_line(self) -> tuple[Run, ...]:
        """The unfinished runs of the queue, in the order of arrival."""
        waiting = a_run().where(*_IN_LINE).order_by(runs.c.arrival)
        with self._reading() as connection:
            return tuple(as_run(row) for row in connection.execute(waiting))

    def last_ended(self) -> Run | None:
        """The run that ended last, None before the first."""
        last = a_run().where(runs.c.ended_at.is_not(None)).order_by(runs.c.ended_at.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(last).first()
            return None if row is None else as_run(row)
