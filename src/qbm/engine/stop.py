"""A wish to stop, heeded between two changes and while only reading."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from qbm.errors import Interrupted

_T = TypeVar("_T")


class Stop:
    """Set once, by a signal or a cancel request; never taken back."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def request(self) -> None:
        """Ask the run to end as soon as nothing is half done."""
        self._event.set()

    @property
    def is_requested(self) -> bool:
        """Somebody asked for an end."""
        return self._event.is_set()

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
            raise Interrupted("Stopped on request; nothing was left half done.")
        finally:
            work.cancel()
            wish.cancel()
            await asyncio.gather(work, wish, return_exceptions=True)
