"""Move and delete files that nobody owns (spec: rem_orphaned, *Cleanup*).

Right before a file is touched its owners are asked for anew, and it must be the one that was
planned. The journal has the intent before and the outcome after; what a kill has cut off in
between, ``settle_files`` tells from the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import Final, assert_never

from msgspec import Struct

from qbm.config import Config
from qbm.engine.batches import Numbered
from qbm.engine.carrying import Carrier, bin_names, brought_to_disk, kept_folders
from qbm.engine.lease import Lease
from qbm.engine.owning import StillUnowned, still_unowned
from qbm.engine.recovery import conclude, is_about_file
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.model.change import DeleteFile, FileChange, MoveFile
from qbm.model.command import CommandName
from qbm.model.plan import Applied, Failed, Outcome, Planned, Stale, Unconfirmed
from qbm.model.snapshot import Category
from qbm.store import MovedOrphan

_AT_ONCE: Final = 50
"""Files that are intended together, and looked at together after a kill."""
_FRESH_FOR: Final = 5.0
"""Seconds for which it counts as known whose the files are, as for removals."""
_CHANGED: Final = Stale("another file is in its place, or it was written to meanwhile")
_GONE: Final = Stale("somebody else took it away meanwhile")
_LINKED: Final = Stale("somebody has made a hard link to it meanwhile")
_OCCUPIED: Final = Stale("something else has the name that it was to have; the next run finds one")
_STOPPED: Final = Stale("a stop was asked for first")
_CUT_OFF: Final = Unconfirmed("the run was cut off, and the file is where it was")


class _Known(Struct, frozen=True):
    """Whose files were at a ``Clock.monotonic`` second."""

    owners: StillUnowned
    asked_at: float


class Clearer:
    """Carries out the changes of files that a run has planned."""

    def __init__(
        self,
        lease: Lease,
        config: Config,
        tools: Tools,
        sending: Callable[[Sequence[Numbered]], None],
    ) -> None:
        self._lease = lease
        self._config = config
        self._tools = tools
        self._sending = sending
        self._carrier = Carrier(lease)

    async def clear(self, batch: int, entries: Sequence[Numbered]) -> Mapping[int, Outcome]:
        """Move or delete the files of ``entries``; the outcome of each, as the journal has it.

        Raises:
            Interrupted: a stop was asked for; what was not done is as it was.
            LeaseLost: another run has the server now.
            ServerError: the server is gone; what is open is settled by the next run.
            StoreError: something could not be written down, so nothing more was done.
        """
        outcomes: dict[int, Outcome] = {}
        known: _Known | None = None
        for start in range(0, len(entries), _AT_ONCE):
            if self._tools.stop.is_requested:
                break
            self._lease.keep()
            if known is None or self._is_old(known):
                known = await self._looked(entries[start:])
            done = await self._cleared(batch, entries[start : start + _AT_ONCE], known)
            outcomes |= done
        if self._tools.stop.is_requested:
            raise self._tools.stop.error("files that were not moved or deleted yet stay.")
        return outcomes

    async def _looked(self, entries: Sequence[Numbered]) -> _Known:
        paths = [_path(each.planned) for each in entries]
        asked_at = self._tools.clock.monotonic()
        asking = still_unowned(paths, self._config, self._tools)
        return _Known(await self._tools.stop.unless(asking), asked_at)

    def _is_old(self, known: _Known) -> bool:
        return self._tools.clock.monotonic() - known.asked_at > _FRESH_FOR

    async def _cleared(
        self, batch: int, entries: Sequence[Numbered], known: _Known
    ) -> dict[int, Outcome]:
        """Intend some, do them, and conclude them; then the folders that are empty by that."""
        tools = self._tools
        stale = await asyncio.to_thread(_unfit, entries, known.owners)
        tools.store.conclude(stale, tools.clock.now())
        fitting = [each for each in entries if each.id not in stale]
        if not fitting:
            return stale
        tools.store.intend([each.id for each in fitting], batch, tools.clock.now())
        self._sending(fitting)
        outcomes = await self._carried(fitting, known)
        done = [each.planned for each in fitting if isinstance(outcomes[each.id], Applied)]
        await _tidied(done, self._config, known.owners.categories)
        _written_down(done, self._lease.run_id, tools)
        tools.store.conclude(outcomes, tools.clock.now())
        return stale | outcomes

    async def _carried(self, entries: Sequence[Numbered], known: _Known) -> dict[int, Outcome]:
        outcomes: dict[int, Outcome] = {}
        for position, entry in enumerate(entries):
            if self._tools.stop.is_requested:
                outcomes[entry.id] = _STOPPED
                continue
            if self._is_old(known):
                known = await self._looked(entries[position:])
            why = known.owners.why_not(_path(entry.planned))
            outcomes[entry.id] = await self._done(entry) if why is None else Stale(why)
        return outcomes

    async def _done(self, entry: Numbered) -> Outcome:
        """What comes of one; the rest goes on if it fails."""
        try:
            match _change(entry.planned):
                case MoveFile(source=source, target=target, stamp=stamp):
                    fate = await self._carrier.move(source, target, stamp, source)
                case DeleteFile(path=path, stamp=stamp):
                    fate = await self._carrier.delete(path, stamp, path)
        except DiskError as error:
            return Failed(str(error))
        return _outcome(fate)


async def settle_files(config: Config, tools: Tools) -> int:
    """Conclude the changes of files that a killed run has left open; how many there were.

    The disk tells. What was done counts for the run that did it; a move that was not is
    undone, so that this run finds the file where it was and plans anew.

    Raises:
        Interrupted: a stop was asked for; the rest is for the next run.
        ServerError: the server could not be read.
        StoreError: something could not be read or written.
    """
    intents = [each for each in tools.store.open_intents(tools.identity) if is_about_file(each)]
    if not intents:
        return 0
    categories = await tools.stop.unless(tools.server.categories())
    for start in range(0, len(intents), _AT_ONCE):
        some = intents[start : start + _AT_ONCE]
        outcomes = {
            each.id: await asyncio.to_thread(_settled, _change(each.planned), tools)
            for each in some
        }
        done = [each for each in some if isinstance(outcomes[each.id], Applied)]
        await _tidied([each.planned for each in done], config, tuple(categories.values()))
        for each in done:
            _written_down([each.planned], each.run_id, tools)
        conclude(some, outcomes, tools.store, tools.clock)
    return len(intents)


def _settled(change: FileChange, tools: Tools) -> Outcome:
    """What has become of a change that was cut off.

    Raises:
        Interrupted: a stop was asked for while a copy was compared.
    """
    try:
        match change:
            case MoveFile(source=source, target=target, stamp=stamp):
                return _withdrawn(source, target, stamp, tools)
            case DeleteFile(path=path, stamp=stamp):
                found = disk.stamp(path)
                return Applied() if found is None else _CUT_OFF if found == stamp else _CHANGED
    except DiskError as error:
        return Failed(str(error))
    assert_never(change)


def _withdrawn(source: str, target: str, stamp: disk.Stamp, tools: Tools) -> Outcome:
    ending = disk.withdraw(source, target, stamp, is_stopped=lambda: tools.stop.is_requested)
    match ending:
        case disk.Ending.DONE:
            return Applied()
        case disk.Ending.WITHDRAWN:
            return _CUT_OFF
        case disk.Ending.CHANGED:
            return _CHANGED
        case disk.Ending.MISSING:
            return _GONE
        case disk.Ending.STOPPED:
            raise tools.stop.error("the next run goes on with what a killed one has left.")
    assert_never(ending)


def _unfit(entries: Sequence[Numbered], owners: StillUnowned) -> dict[int, Outcome]:
    """The entries whose files are not to be touched after all, and why."""
    unfit: dict[int, Outcome] = {}
    for entry in entries:
        why = owners.why_not(_path(entry.planned))
        if why is not None:
            unfit[entry.id] = Stale(why)
            continue
        change = _change(entry.planned)
        try:
            found = disk.stamp(_path(entry.planned))
            links = disk.links(_path(entry.planned))
        except DiskError as error:
            unfit[entry.id] = Failed(str(error))
            continue
        if found != change.stamp:
            unfit[entry.id] = _GONE if found is None else _CHANGED
        elif change.links is not None and links > change.links:
            unfit[entry.id] = _LINKED
    return unfit


def _outcome(fate: disk.Fate) -> Outcome:
    match fate:
        case disk.Fate.DONE:
            return Applied()
        case disk.Fate.MISSING:
            return _GONE
        case disk.Fate.CHANGED:
            return _CHANGED
        case disk.Fate.OCCUPIED:
            return _OCCUPIED
        case disk.Fate.STOPPED:
            return _STOPPED
    assert_never(fate)


async def _tidied(
    done: Sequence[Planned], config: Config, categories: Collection[Category]
) -> None:
    """Have new names survive a power cut, and remove the folders that this has left empty.

    What cannot be removed stays: it is empty, and the files are where they should be.
    """
    changes = [_change(each) for each in done]
    targets = {_folder_of(each.target) for each in changes if isinstance(each, MoveFile)}
    left = {_folder_of(_path(each)) for each in done}
    keep = [*kept_folders(config, categories), *_bins_above(left, config)]
    with suppress(DiskError):
        await asyncio.to_thread(brought_to_disk, targets)
        await asyncio.to_thread(disk.remove_empty_folders, left, keep=keep)


def _bins_above(folders: Collection[str], config: Config) -> Iterator[str]:
    """The bins that ``folders`` are in, of which there is one per save path if so configured."""
    names = bin_names(config)
    for folder in map(PurePath, folders):
        yield from (str(each) for each in (folder, *folder.parents) if each.name in names)


def _folder_of(path: str) -> str:
    return str(PurePath(path).parent)


def _written_down(done: Sequence[Planned], run_id: str, tools: Tools) -> None:
    """Where orphans are now, so that they can be brought back; or that they are back."""
    moves = [(each.command, change) for each in done if isinstance(change := each.change, MoveFile)]
    back = [change.source for command, change in moves if command is CommandName.RESTORE]
    moved = [
        MovedOrphan(
            server=tools.identity,
            run_id=run_id,
            source=change.source,
            target=change.target,
            stamp=change.stamp,
            moved_at=tools.clock.now(),
        )
        for command, change in moves
        if command is not CommandName.RESTORE
    ]
    tools.store.keep_orphans(moved)
    if back:
        tools.store.forget_orphans(back)


def _change(planned: Planned) -> FileChange:
    if not isinstance(planned.change, FileChange):
        raise TypeError(f"about no file: {planned.change}")
    return planned.change


def _path(planned: Planned) -> str:
    """Where the file is."""
    change = _change(planned)
    return change.source if isinstance(change, MoveFile) else change.path
