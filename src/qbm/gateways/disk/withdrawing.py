"""Ends moves that were cut off, the other way: the file stays where it was.

A run that is killed within a move plans anew, and may then want the file where it is. So the
move is undone as long as the file is at its old place, and found done if it is not.
"""

from __future__ import annotations

import os
from contextlib import suppress
from enum import StrEnum

from qbm.errors import DiskError
from qbm.gateways.disk.claims import Claim
from qbm.gateways.disk.copying import IsStopped, is_equal
from qbm.gateways.disk.failures import shown, status, translated
from qbm.gateways.disk.finding import is_movable, stamp_of
from qbm.model.stamp import Stamp


class Ending(StrEnum):
    """Where a file is once a move of it that was cut off has been looked after."""

    DONE = "done"
    """Whole at the target, and nowhere else."""
    WITHDRAWN = "withdrawn"
    """Where it was, whole; nothing of the move is at the target."""
    CHANGED = "changed"
    """Another one is where it was, or it was written to since; that one is left as it is."""
    MISSING = "missing"
    """At neither place; nothing of the move is at the target."""
    STOPPED = "stopped"
    """A stop was asked for while the copy was compared; all is as it was. Ask again."""


def is_begun(source: str, target: str) -> bool:
    """A move of ``source`` to ``target`` was cut off, and nothing has ended it since.

    Raises:
        DiskError: it cannot be told.
    """
    return _has_left(Claim.of(source, target))


def withdraw(
    source: str, target: str, expected: Stamp, *, is_stopped: IsStopped = lambda: False
) -> Ending:
    """Undo what a cut off ``move`` of these has left, unless all is done but for the marks.

    What is at ``target`` goes only if the move has taken that name and it is empty or a copy
    of the source, byte for byte. Says the same when it is asked again.

    Raises:
        DiskError: something cannot be read or removed; the file is whole at one place.
    """
    claim = Claim.of(source, target)
    with translated(f"What is left of the move from {shown(source)} cannot be removed"):
        found = status(source)
        if found is None:
            return _without_source(claim, expected)
        if _has_left(claim):
            is_own = _is_own(claim, source, found, is_stopped)
            if is_own is None:
                return Ending.STOPPED
            if is_own:
                os.unlink(target)
            claim.settle()
        return Ending.WITHDRAWN if expected.fits(stamp_of(found)) else Ending.CHANGED


def _without_source(claim: Claim, expected: Stamp) -> Ending:
    if claim.holds(expected):
        with suppress(OSError, DiskError):  # a mark that cannot be removed is empty and harmless
            claim.settle()
        return Ending.DONE
    if _has_left(claim):
        claim.give_up()
        claim.settle()
    return Ending.MISSING


def _has_left(claim: Claim) -> bool:
    """There are marks. After a power cut half a copy may be there without its claim."""
    return any(status(each) is not None for each in (claim.mark, claim.part))


def _is_own(claim: Claim, source: str, found: os.stat_result, is_stopped: IsStopped) -> bool | None:
    """What has the name that was claimed is the move's and may go; None if stopped.

    Another hard link of the source is no copy: somebody has put it there.
    """
    placed = status(claim.target) if status(claim.mark) is not None else None
    if placed is None or os.path.samestat(placed, found):
        return False
    if claim.is_reserved():
        return True
    return is_movable(found) and is_equal(source, claim.target, is_stopped)
