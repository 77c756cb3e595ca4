"""The log: events with fields, written as sentences or JSON to the screen and to a file."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, TextIO

import structlog
from msgspec import Struct
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from qbm.log.records import Layout, Level, Record, each_text
from qbm.log.redaction import Redactor
from qbm.log.screen import visible
from qbm.log.sinks import LogFile, Screen
from qbm.log.wording import worded

_BYTES_PER_MB: Final = 1_000_000


class FileSettings(Struct, frozen=True, kw_only=True):
    """A log file: where, in which layout, full at how many MB, and how many full ones to keep."""

    path: Path
    layout: Layout
    size: int = 10
    count: int = 5


class Log:
    """Where a run's events go: to the screen, and to a file once ``write_to`` has named one.

    ``logger`` is what the engine writes to, from any thread; ``redactor`` can be told of more
    secrets at any time. Close it at the end.
    """

    def __init__(self, level: Level, screen: Screen) -> None:
        self.redactor = Redactor()
        self._lock = threading.RLock()  # a sink may have something to say about itself
        self._screen = screen
        self._file: LogFile | None = None
        self.logger: FilteringBoundLogger = self.logger_at(level)

    def logger_at(self, level: Level) -> FilteringBoundLogger:
        """A logger of its own level, for a run that asked for another one than the rest."""
        logger: FilteringBoundLogger = structlog.wrap_logger(
            None,
            processors=[partial(self._deliver, level)],
            wrapper_class=structlog.make_filtering_bound_logger(_threshold(level)),
            context_class=dict,
        ).bind()
        return logger

    def write_to(self, settings: FileSettings) -> None:
        """Write to a file as well, from now on."""
        size = settings.size * _BYTES_PER_MB
        self._file = LogFile(settings.path, settings.layout, size, settings.count, self._complain)

    @property
    def file(self) -> Path | None:
        """The log file; None if there is none, or it cannot be written."""
        return self._file.path if self._file and not self._file.is_broken else None

    def close(self) -> None:
        """Close the file and clear the screen of what does not stay."""
        self._screen.close()
        if self._file:
            self._file.close()

    def _complain(self, text: str) -> None:
        self.logger.warning("warning", text=text)

    def _deliver(
        self, threshold: Level, _: WrappedLogger, method: str, event: EventDict
    ) -> EventDict:
        """Clean an event, word it once, and give it to every sink."""
        error = event.pop("exc_info", None)
        trace = "".join(traceback.format_exception(error)) if error else ""
        fields = each_text(event, self.redactor.clean)
        record = Record(
            Level[method.upper()],
            _stamp(int(time.time())),
            fields,
            worded(each_text(fields, visible)),
            self.redactor.clean(trace),
            threshold,
        )
        with self._lock:
            self._screen.write(record)
            if self._file:
                self._file.write(record)
        raise structlog.DropEvent


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """It takes colours: a terminal that knows them, and no ``NO_COLOR`` (no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _threshold(level: Level) -> int:
    """For structlog, which has no TRACE: 0 lets everything pass."""
    return 0 if level is Level.TRACE else level


@lru_cache(maxsize=2)
def _stamp(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
