"""Folders for servers, in memory where there is room.

qBittorrent flushes a file to disk for every torrent: on a shared disk 3,000 of them took a
minute, and a server that was stopped meanwhile had lost those not yet written.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 1 << 30
_PREFIX = "qbm-lab-"


@contextmanager
def server_folder() -> Iterator[Path]:
    """A new folder for one server; it is deleted at the end of the block."""
    parent = _roomiest()
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _roomiest() -> Path:
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _sweep(parent: Path) -> None:
    """Deletes what processes that were killed have left behind."""
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
