"""Single files moved and deleted by a run; a long copy keeps its lease and heeds a stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from functools import partial
from pathlib import PurePath
from typing import Final

from qbm.config import Config
from qbm.engine.lease import Lease
from qbm.errors import DiskError, LeaseLost
from qbm.gateways import disk
from qbm.model.paths import PathMap, legible
from qbm.model.snapshot import Category
from qbm.model.stamp import Stamp
from qbm.model.unknown import UNKNOWN

_HEARTBEAT: Final = 10.0
"""Seconds of one long copy after which the lease is renewed and the log told."""


class Carrier:
    """Carries files for the run that holds ``lease``, one after the other."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._is_lost = threading.Event()
        self._copied = 0

    async def move(self, source: str, target: str, expected: Stamp, name: str) -> disk.Fate:
        """As ``disk.move``; ``name`` is what the log calls the file.

        Raises:
            DiskError: it could not be moved; it is whole where it was.
            LeaseLost: another run has the server now; the copy was given up.
        """
        moving = partial(
            disk.move,
            source,
            target,
            expected,
            progress=self._note,
            is_stopped=lambda: self._is_lost.is_set() or self._lease.tools.stop.is_requested,
        )
        return await self._kept_alive(moving, name, expected.size)

    async def delete(self, path: str, expected: Stamp, name: str) -> disk.Fate:
        """As ``disk.delete``; else as ``move``."""
        return await self._kept_alive(partial(disk.delete, path, expected), name, expected.size)

    def _note(self, copied: int) -> None:
        self._copied = copied

    async def _kept_alive(self, work: Callable[[], disk.Fate], name: str, size: int) -> disk.Fate:
        """The result of ``work``, done in a thread; if it takes long, the lease is kept."""
        self._copied = 0
        working = asyncio.ensure_future(asyncio.to_thread(work))
        while not (await asyncio.wait({working}, timeout=_HEARTBEAT))[0]:
            self._lease.tools.log.info("moving", file=name, copied=self._copied, size=size)
            try:
                self._lease.keep()
            except LeaseLost:
                self._is_lost.set()
                await asyncio.wait({working})
                raise
        return await working


def kept_folders(config: Config, categories: Collection[Category]) -> list[str]:
    """Folders that stay even if they are empty, as this machine names them.

    Roots, bins, and the save paths of categories (spec: recycle bin, rem_orphaned).
    """
    paths, directory = PathMap(config.directory.roots), config.directory
    said = [each for entries in config.cat.values() for each in entries]
    said += [each.folder for each in categories if each.folder is not UNKNOWN]
    local = [found for each in said if each and (found := paths.local(each)) is not None]
    # Below the server's default save path, which may be any root.
    implied = [each.save_path or each.name for each in categories if each.folder is UNKNOWN]
    local += [f"{root}/{each}" for root in directory.remote_dir for each in implied]
    return [*directory.remote_dir, *directory.recycle_bin, *directory.orphaned_dir, *local]


def bin_names(config: Config) -> frozenset[str]:
    """What folders are called that hold files which were put away, at any depth."""
    bins = (*config.directory.recycle_bin, *config.directory.orphaned_dir)
    return frozenset(PurePath(each).name for each in bins)


def brought_to_disk(folders: Collection[str]) -> None:
    """Have the names in ``folders`` survive a power cut as well.

    Raises:
        DiskError: the disk fails.
    """
    for folder in folders:
        if disk.is_folder(folder):
            try:
                disk.sync_folder(folder)
            except OSError as error:
                raise DiskError(
                    f"The folder {legible(folder)} cannot be written: {error.strerror}. "
                    "Check the disk, then run again."
                ) from error
