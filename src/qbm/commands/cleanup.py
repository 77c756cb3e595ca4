"""Cleanup: delete for good what has been in a bin for as long as it is to be kept.

Source: spec, *Cleanup*, and decisions, *Time in a bin*. It runs at the end of other commands
and has a plan of its own, made from what is in the bins by then. Counters:
``recycle_emptied``, ``orphaned_emptied``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from qbm.config import Config
from qbm.model.change import Change, DeleteFile
from qbm.model.command import CommandName
from qbm.model.disk import Bin, BinnedFile
from qbm.model.plan import Plan, Planned
from qbm.model.reason import Code, because

_NAME: Final = CommandName.CLEANUP_DIRS
_DAY: Final = timedelta(days=1)
_COUNTERS: Final = {Bin.RECYCLE_BIN: "recycle_emptied", Bin.ORPHANED_DIR: "orphaned_emptied"}
NAMES: Final[Mapping[Bin, str]] = {
    Bin.RECYCLE_BIN: "the recycle bin",
    Bin.ORPHANED_DIR: "the folder of orphans",
}
"""The bins, for people."""


def days_of(config: Config) -> Mapping[Bin, int]:
    """For how many days a file stays in each bin; one that is never emptied is not among them."""
    found = {
        Bin.RECYCLE_BIN: config.recyclebin.empty_after_x_days,
        Bin.ORPHANED_DIR: config.orphaned.empty_after_x_days,
    }
    if not config.recyclebin.enabled:
        found[Bin.RECYCLE_BIN] = None
    return {each: days for each, days in found.items() if days is not None}


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    if isinstance(change, DeleteFile) and change.bin is not None:
        return {_COUNTERS[change.bin]: 1}
    return {}


def plan(files: Iterable[BinnedFile], days: Mapping[Bin, int], now: datetime) -> Plan:
    """Those of ``files`` whose ``days`` are over, by path; of a bin without ``days``, none.

    0 days: everything that is there. Whose the files are is for the engine to look up.
    """
    due = [each for each in files if each.bin in days and _is_due(each, days, now)]
    return Plan(tuple(_planned(each, days) for each in sorted(due, key=_by_path)))


def _is_due(file: BinnedFile, days: Mapping[Bin, int], now: datetime) -> bool:
    """It is there for longer; a time to come, from a clock that was wrong, is no long time."""
    kept = days[file.bin]
    return kept == 0 or (now - file.put_at) / _DAY > kept


def _planned(file: BinnedFile, days: Mapping[Bin, int]) -> Planned:
    code = Code.BINNED_LONG if file.is_recorded else Code.BINNED_UNRECORDED
    reason = because(
        code, bin=NAMES[file.bin], put_at=f"{file.put_at:%Y-%m-%d %H:%M} UTC", days=days[file.bin]
    )
    return Planned(DeleteFile(path=file.path, stamp=file.stamp, bin=file.bin), _NAME, reason)


def _by_path(file: BinnedFile) -> str:
    return file.path
