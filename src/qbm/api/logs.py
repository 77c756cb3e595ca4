"""The log files, for a page that shows them."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Annotated, BinaryIO, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from qbm.api.answers import errors, sendable
from qbm.api.site import SiteOf
from qbm.config.problem import printable

router = APIRouter(prefix="/api", tags=["logs"])

_NAME: Final = re.compile(r"(?!\.)[^/\\\0]+\.log(\.\d{1,4})?")
"""A log, or an older part of it: ``qbit_manage.log.1``."""
_BLOCK: Final = 64 * 1024
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a log's end; more than a person reads, and few enough to be sent in a blink."""


class Logs(BaseModel):
    """Lines of a log, the oldest first; of a large one the last 4 MB at most."""

    logs: list[str]


class LogFiles(BaseModel):
    """The names of the logs."""

    log_files: list[str]


@router.get("/logs", responses=errors(400, 404))
def logs(
    site: SiteOf,
    limit: Annotated[int | None, Query(description="How many lines; none, 0 or less: all.")] = None,
    log_filename: Annotated[str | None, Query(description="None: the present log.")] = None,
) -> Logs:
    """The last lines of a log."""
    name = site.log_file if log_filename is None else log_filename
    if not _NAME.fullmatch(name):
        raise HTTPException(400, "Invalid log filename")
    path = site.logs / name
    if not _is_log(path):
        raise HTTPException(404, f"Log file '{printable(name)}' not found")
    lines = tail(path, limit if limit and limit > 0 else None)
    return Logs(logs=[sendable(site.clean(line)) for line in lines])


@router.get("/log_files")
def log_files(site: SiteOf) -> LogFiles:
    """The logs there are."""
    try:
        names = [entry.name for entry in os.scandir(site.logs) if _is_log(Path(entry.path))]
    except OSError:  # no folder yet, as nothing was logged to it
        names = []
    return LogFiles(log_files=sorted(names))


def _is_log(path: Path) -> bool:
    """A regular file with a log's name; a link could lead out of the folder."""
    try:
        is_regular = stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
    return is_regular and path.name.isprintable() and _NAME.fullmatch(path.name) is not None


def tail(path: Path, count: int | None) -> list[str]:
    """The last ``count`` lines of a file, None for all, from its last 4 MB; none if it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        raw = _end_of(file, count)
    lines = raw.decode(errors="replace").split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines if count is None else lines[-count:]


def _end_of(file: BinaryIO, count: int | None) -> bytes:
    """Whole lines from the file's end, at least ``count`` of them if it has so many."""
    size = file.seek(0, os.SEEK_END)
    start, raw = size, b""
    while start and size - start < _MOST_BYTES and (count is None or raw.count(b"\n") <= count):
        step = min(_BLOCK, start)
        start -= step
        file.seek(start)
        raw = file.read(step) + raw
    return raw if not start else raw[raw.find(b"\n") + 1 :]
