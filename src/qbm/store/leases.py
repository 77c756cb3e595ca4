"""Leases: which run has which server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from qbm.errors import LeaseLost
from qbm.store.opened import Opened
from qbm.store.records import NOBODY, UNFINISHED
from qbm.store.tables import leases, runs

SILENCE = timedelta(seconds=60)
"""After this long without asking for its server, a waiting run elsewhere counts as dead."""


class Leases(Opened):
    """Questions and writes about leases."""

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

        Only the unfinished run with the lowest arrival number that somebody attends to can
        have it, and only if the lease is free, has run out, is this holder's own, or its
        holder is not ``is_alive`` (which says True where it cannot know).
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


def _next_run(connection: Connection, server: str) -> str | None:
    """The unfinished run of a server that was accepted first, of those that have a holder."""
    waiting = select(runs.c.id).where(
        runs.c.server == server, runs.c.state.in_(UNFINISHED), runs.c.holder != NOBODY
    )
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
