"""Wakes coroutines from other threads: something has happened, look again."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class Bell:
    """Whoever listens before looking misses nothing that happens after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def listen(self) -> asyncio.Event:
        """An event of the running loop that the next ring sets."""
        heard = asyncio.Event()
        with self._lock:
            self._listeners.append((asyncio.get_running_loop(), heard))
        return heard

    def ring(self) -> None:
        """Wake all who listen now; from any thread."""
        with self._lock:
            listeners, self._listeners = self._listeners, []
        for loop, heard in listeners:
            with contextlib.suppress(RuntimeError):  # its loop has been closed
                loop.call_soon_threadsafe(heard.set)
