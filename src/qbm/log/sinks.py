"""Where log lines go: a screen, and files that are renamed when they are full.

Neither may ever break a run: what cannot be written is lost, and that is said once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from msgspec.structs import replace

from qbm.log.records import Layout, Level, Record, each_text
from qbm.log.screen import cut, isolated, visible
from qbm.log.wording import LONGEST_NAME, worded

_PAUSE_SECONDS: Final = 10.0
"""How long a file that cannot be written is left alone."""
_WIPE: Final = "\r\x1b[K"
_READING: Final = "Reading from qBittorrent …"
_PASSING: Final = {"run_started": _READING, "dry_run": _READING}
"""Shown at a terminal until the next event comes."""
_RESET: Final = "\x1b[0m"
_BY_EVENT: Final = {
    "run_started": "\x1b[1m",
    "dry_run": "\x1b[1;36m",
    "run_ended": "\x1b[1m",
}
_BY_LEVEL: Final = {
    Level.DEBUG: "\x1b[2m",
    Level.WARNING: "\x1b[33m",
    Level.ERROR: "\x1b[31m",
    Level.CRITICAL: "\x1b[31m",
}


class Screen:
    """Standard error, as a rule; shows the records from ``level`` up.

    ``is_terminal`` says that it knows colours, and lines that are wiped out again. Events whose
    name is in ``hidden`` are not shown: the door's answer tells them.
    """

    def __init__(
        self,
        stream: TextIO,
        level: Level,
        layout: Layout,
        *,
        is_terminal: bool,
        hidden: Collection[str] = (),
    ) -> None:
        self._stream = stream
        self._level = level
        self._layout = layout
        self._is_terminal = is_terminal
        self._hidden = hidden
        self._is_gone = False
        self._passing = ""

    def write(self, record: Record) -> None:
        """Show one record, unless nobody looks any more."""
        event = record.event["event"]
        level = min(self._level, record.threshold)
        is_shown = record.level >= level and event not in self._hidden
        text = self._shown(record) if is_shown else ""
        passing = _PASSING.get(event, "") if self._is_terminal else ""
        if text or passing != self._passing:
            self._put(f"{_WIPE if self._passing else ''}{text}{passing}")
            self._passing = passing

    def close(self) -> None:
        """Wipe out what was only to be seen for a while."""
        if self._passing:
            self._put(_WIPE)
            self._passing = ""

    def _shown(self, record: Record) -> str:
        if record.traceback and min(self._level, record.threshold) > Level.DEBUG:
            record = replace(record, traceback="")
        return _coloured(record, self._layout) if self._is_terminal else self._layout(record)

    def _put(self, text: str) -> None:
        if self._is_gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a broken pipe, a closed stream
            self._is_gone = True


def _coloured(record: Record, layout: Layout) -> str:
    text = layout(_isolating(record))
    colour = _BY_EVENT.get(record.event["event"]) or _BY_LEVEL.get(record.level)
    return f"{colour}{text[:-1]}{_RESET}\n" if colour else text


def _isolating(record: Record) -> Record:
    """The record, its torrent's right-to-left name kept from turning the line around."""
    if record.text.isascii() or "torrent" not in record.event:
        return record
    event = each_text(record.event, visible)
    name = isolated(cut(visible(record.event["torrent"]), LONGEST_NAME))
    return replace(record, text=worded({**event, "torrent": name}))


class LogFile:
    """A file for its owner's eyes only, renamed to ``NAME.1`` and so on when it is full.

    ``size`` is in bytes, ``count`` the number of full files to keep. ``complain`` hears
    when the file cannot be written any more, and when it can be again; it is tried again after
    ``pause`` seconds.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        size: int,
        count: int,
        complain: Callable[[str], None],
        pause: float = _PAUSE_SECONDS,
    ) -> None:
        self.path = path
        self.is_broken = False
        self._layout = layout
        self._size = size
        self._count = count
        self._complain = complain
        self._pause = pause
        self._descriptor: int | None = None
        self._written = 0
        self._try_again = 0.0

    def write(self, record: Record) -> None:
        """Append one record, unless the file could not be written a moment ago."""
        if self.is_broken and time.monotonic() < self._try_again:
            return
        try:
            self._append(self._layout(record).encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._give_up(error)
        else:
            self._recover()

    def _give_up(self, error: OSError) -> None:
        was_broken, self.is_broken = self.is_broken, True
        self._try_again = time.monotonic() + self._pause
        self.close()
        if not was_broken:
            self._complain(
                f"The log file {self.path} cannot be written ({error.strerror}); "
                "going on without it.",
            )

    def _recover(self) -> None:
        if self.is_broken:
            self.is_broken = False
            self._complain(f"The log file {self.path} can be written again; some lines are lost.")

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _append(self, lines: bytes) -> None:
        descriptor = self._opened()
        if self._written and self._written + len(lines) > self._size:
            self._put_away(descriptor)
            descriptor = self._opened()
        self._written += len(lines)
        while lines:
            lines = lines[os.write(descriptor, lines) :]

    def _opened(self) -> int:
        if self._descriptor is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._descriptor = os.open(self.path, flags, 0o600)
            self._written = os.fstat(self._descriptor).st_size
        return self._descriptor

    def _put_away(self, descriptor: int) -> None:
        """Rename the full file; if another process has just done so, only let go of it."""
        is_still_there = self._is_at_its_path(descriptor)
        self.close()
        if not is_still_there:
            return
        for number in range(self._count, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number - 1).replace(self._numbered(number))
        if not self._count:
            self.path.unlink(missing_ok=True)

    def _is_at_its_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path
