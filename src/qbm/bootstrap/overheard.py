"""What the HTTP server says of connections, into our log instead of raw on standard error."""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from structlog.typing import FilteringBoundLogger

_NAME: Final = "uvicorn"
"""The parent of ``uvicorn.error`` and ``uvicorn.asgi``."""


class Overheard(logging.Handler):
    """Logs a fault of ours as one; what is the client's (no HTTP, half a body) only at debug."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log it."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(error, CancelledError):
            self._log.debug("http_server", text=record.getMessage().strip())
        else:
            self._log.critical("crashed", text="A fault in an answer", exc_info=error)


@contextmanager
def overhearing(log: FilteringBoundLogger) -> Iterator[None]:
    """Within it, what uvicorn says goes to ``log``."""
    logger, handler = logging.getLogger(_NAME), Overheard(log)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(handler)
