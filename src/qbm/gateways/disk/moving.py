"""Moves and deletes of single files, safe at every instant.

Both may be asked for again and again: after a kill at any instant the same call ends what
was begun, and then exactly one whole file is there.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from enum import StrEnum

from qbm.errors import DiskError
from qbm.gateways.disk.claims import Claim
from qbm.gateways.disk.copying import IsStopped, Progress, copy, is_equal, sync_folder
from qbm.gateways.disk.failures import shown, status, translated
from qbm.gateways.disk.finding import is_movable, stamp, stamp_of
from qbm.gateways.disk.space import can_move
from qbm.model.stamp import Stamp


class Fate(StrEnum):
    """What came of a file that was to be moved or deleted."""

    DONE = "done"
    """It is whole at the target and nowhere else, or it is deleted."""
    MISSING = "missing"
    """It is not there (any more)."""
    CHANGED = "changed"
    """Another one is in its place, or it was written to; it stays."""
    OCCUPIED = "occupied"
    """Something else has the name of the target; both stay. Choose another name."""
    STOPPED = "stopped"
    """A stop was asked for while it was copied; it stays where it is, whole."""


def move(
    source: str,
    target: str,
    expected: Stamp,
    *,
    progress: Progress = lambda _: None,
    is_stopped: IsStopped = lambda: False,
) -> Fate:
    """Move a file or a symbolic link, which is not followed, to ``target``.

    Folders on the way to the target are made. Within a device it is one rename, and hard
    links, times and mode stay as they are. Across devices it is copied beside the target,
    brought onto the disk, checked for its size and renamed, and only then the source goes;
    ``progress`` and ``is_stopped`` are called between chunks of a few megabytes. Never
    overwrites anything.

    Raises:
        DiskError: no space, no permission, a faulty disk; the source is whole, and at the
            target there is nothing.
    """
    claim = Claim.of(source, target)
    with translated(f"{shown(source)} cannot be moved to {shown(target)}"):
        fate = _refusal(source, expected)
        if fate is Fate.MISSING:
            return _without_source(claim, expected)
        if fate is not None:
            claim.give_up()
            claim.settle()
            return fate
        try:
            if not claim.take():
                return Fate.OCCUPIED
            return _onto(claim, source, expected, progress, is_stopped)
        except (OSError, DiskError):
            # Of an attempt that got no further. The first error tells more than one of these.
            with suppress(OSError, DiskError):
                if _is_there(source, expected):
                    claim.give_up()
            raise


def delete(path: str, expected: Stamp) -> Fate:
    """Delete a file or a symbolic link: DONE, MISSING or CHANGED.

    Raises:
        DiskError: no permission, a faulty disk; it is still there.
    """
    with translated(f"{shown(path)} cannot be deleted"):
        fate = _refusal(path, expected)
        if fate is None:
            os.unlink(path)
            return Fate.DONE
        return fate


def _refusal(path: str, expected: Stamp) -> Fate | None:
    found = status(path)
    if found is None:
        return Fate.MISSING
    if not is_movable(found):
        raise DiskError(
            f"{shown(path)} is neither a file nor a symbolic link and stays where it is. "
            "Look at it and move it by hand."
        )
    return None if expected.fits(stamp_of(found)) else Fate.CHANGED


def _without_source(claim: Claim, expected: Stamp) -> Fate:
    if claim.holds(expected):
        return _done(claim)
    claim.give_up()
    claim.settle()
    return Fate.MISSING


def _onto(
    claim: Claim, source: str, expected: Stamp, progress: Progress, is_stopped: IsStopped
) -> Fate:
    """Move onto the name that was taken, which is empty or an earlier attempt's copy."""
    if not claim.is_reserved():
        return _after_copy(claim, source, expected, is_stopped)
    try:
        os.replace(source, claim.target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _across(claim, source, expected, progress, is_stopped)
    return _done(claim)


def _across(
    claim: Claim, source: str, expected: Stamp, progress: Progress, is_stopped: IsStopped
) -> Fate:
    if status(claim.part) is not None:
        os.unlink(claim.part)
    obstacle = can_move(source, os.path.dirname(claim.target))
    if obstacle is not None:
        raise DiskError(
            f"{shown(source)} cannot be moved to {shown(claim.target)}: {obstacle}. "
            "Mend that and run again."
        )
    if not copy(source, claim.part, progress, is_stopped):
        claim.give_up()
        return Fate.STOPPED
    copied = os.lstat(claim.part).st_size
    if copied != expected.size:
        claim.give_up()
        fate = _refusal(source, expected)
        if fate is not None:
            return fate
        raise DiskError(
            f"{shown(source)} cannot be moved to {shown(claim.target)}: only {copied:,} of its "
            f"{expected.size:,} bytes could be copied. Check both disks and run again."
        )
    os.replace(claim.part, claim.target)
    return _take_away(claim, source, expected)


def _after_copy(claim: Claim, source: str, expected: Stamp, is_stopped: IsStopped) -> Fate:
    """An earlier attempt ended between the copy and the source's end, if the bytes say so."""
    match is_equal(source, claim.target, is_stopped):
        case None:
            return Fate.STOPPED
        case False:
            claim.settle()
            return Fate.OCCUPIED
        case True:
            return _take_away(claim, source, expected)


def _take_away(claim: Claim, source: str, expected: Stamp) -> Fate:
    """Unlink the source, of which there is a whole copy; if it must stay, the copy goes."""
    try:
        sync_folder(os.path.dirname(claim.target))
        if not _is_there(source, expected):
            return _done(claim)  # somebody took it away, and the copy is the only one
        if _refusal(source, expected) is Fate.CHANGED:
            os.unlink(claim.target)
            claim.settle()
            return Fate.CHANGED
        os.unlink(source)
    except OSError:
        if _is_there(source, expected):
            os.unlink(claim.target)
        raise
    return _done(claim)


def _done(claim: Claim) -> Fate:
    # The file is where it should be. A mark that cannot be removed is empty and harmless.
    with suppress(OSError, DiskError):
        claim.settle()
    return Fate.DONE


def _is_there(path: str, expected: Stamp) -> bool:
    """The file itself, written to or not."""
    found = stamp(path)
    return found is not None and found.inode == expected.inode
