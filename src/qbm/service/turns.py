"""Whose turn it is: one thread at a time attends to a server; the others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Turns:
    """The servers that are attended to in this process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._attended: set[str] = set()

    def is_free(self, server: str) -> bool:
        """Nobody attends to the server; may be otherwise a moment later."""
        with self._changed:
            return server not in self._attended

    def are_all_free(self) -> bool:
        """Nobody attends to any server."""
        with self._changed:
            return not self._attended

    def take(self, server: str) -> bool:
        """Take the turn at a server; False if somebody has it."""
        with self._changed:
            if server in self._attended:
                return False
            self._attended.add(server)
            return True

    def leave_unless(self, server: str, has_more: Callable[[], bool]) -> bool:
        """Give a turn up, unless there is more to do; no turn is taken in between.

        What is to be done is written down before ``take`` is tried: so it is either seen by
        ``has_more``, or finds the turn free.
        """
        with self._changed:
            if has_more():
                return False
            self._attended.discard(server)
            self._changed.notify_all()
            return True

    def leave(self, server: str) -> None:
        """Give a turn up."""
        self.leave_unless(server, lambda: False)

    def wait(self, seconds: float) -> None:
        """Wait until a turn was given up, at most so long."""
        with self._changed:
            self._changed.wait(seconds)

    def announce(self) -> None:
        """Wake all who wait, so that they look again."""
        with self._changed:
            self._changed.notify_all()
