"""Ctrl-C and SIGTERM, for what must not end in the middle of something."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from structlog.typing import FilteringBoundLogger

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heeding_signals(stop: Callable[[], None], log: FilteringBoundLogger) -> Iterator[None]:
    """A signal calls ``stop`` in the running loop; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        log.info("stopping")
        stop()

    def taken(_: int, __: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        # Not here: the signal may have come in the middle of a line of the log.
        loop.call_soon_threadsafe(ask)

    before = {each: signal.signal(each, taken) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
