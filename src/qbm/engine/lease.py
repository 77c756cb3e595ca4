"""A run's hold on its server, against every other run anywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec import Struct

from qbm.engine.counting import count
from qbm.engine.tools import Tools
from qbm.store import is_alive

_DURATION: Final = timedelta(minutes=5)
"""How long it lasts when its holder is not heard of, which one request may keep busy for two.

Only other hosts wait for that: on this one a holder that has died is known to be dead.
"""
_PAUSE: Final = 0.25


class Lease(Struct, frozen=True):
    """The lease among all who share the store, and the lock among all programs of this host."""

    run_id: str
    holder: str
    tools: Tools

    async def take(self) -> None:
        """Wait for the server; runs get it in the order of their arrival.

        Raises:
            Interrupted: a stop was requested first.
        """
        is_told = False
        while not self._is_ours():
            if not is_told:
                self.tools.log.info("waiting_for_server", server=self.tools.identity)
                is_told = True
            await self.tools.stop.unless(self.tools.clock.sleep(_PAUSE))

    def keep(self) -> None:
        """Say that the run is still at work.

        Raises:
            LeaseLost: another run has the server now.
        """
        store, now = self.tools.store, self.tools.clock.now()
        store.renew(self.tools.identity, self.run_id, self.holder, now, _DURATION)

    def _is_ours(self) -> bool:
        store, now = self.tools.store, self.tools.clock.now()
        store.abandon_dead(now, is_alive, count)
        is_leased = store.acquire(
            self.tools.identity,
            self.run_id,
            self.holder,
            now=now,
            duration=_DURATION,
            is_alive=is_alive,
        )
        return is_leased and self.tools.lock.take(now)
