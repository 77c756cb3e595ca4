"""A wish to stop, heeded between two changes and while only reading.

Made in any thread, heeded in the one that carries the run out.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from qbm.errors import Interrupted, Suspended

_T = TypeVar("_T")


class Stop:
    """Set once, by a signal, a cancel request or a server's end; never taken back.

    To be made where the run is carried out: it wakes up that thread's event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._set = threading.Event()
        self._is_suspended = False
        self._is_for_good = False

    def request(self) -> None:
        """Ask the run to end for good, as soon as nothing is half done."""
        self._is_for_good = True
        self._set.set()
        self._wake()

    def suspend(self) -> None:
        """Ask the run to stop as soon as nothing is half done, and to go on another time.

        A wish to end for good, before or after, wins.
        """
        self._is_suspended = True
        self._set.set()
        self._wake()

    @property
    def is_requested(self) -> bool:
        """Somebody asked for an end."""
        return self._set.is_set()

    def error(self, what_stays: str) -> Interrupted:
        """What a run that heeds this ends with; ``what_stays`` says how it leaves things."""
        if self._is_suspended and not self._is_for_good:
            return Suspended(f"The server ends; {what_stays} The run goes on when it starts again.")
        return Interrupted(f"Stopped on request; {what_stays}")

    async def unless(self, reading: Coroutine[Any, Any, _T]) -> _T:
        """The result of ``reading``, given up at once when a stop is requested.

        Raises:
            Interrupted: a stop was requested; nothing has been changed by ``reading``.
        """
        work = asyncio.ensure_future(reading)
        wish = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({work, wish}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise self.error("nothing was left half done.")
        finally:
            work.cancel()
            wish.cancel()
            await asyncio.gather(work, wish, return_exceptions=True)

    def _wake(self) -> None:
        # The run may have ended meanwhile, and its loop with it: then nobody is left to wake.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)
