"""Empty the bins at the end of a run, by a plan of its own (spec: *Cleanup*).

A real run plans when all else is done, so that what it has just put into a bin with 0 days
goes too; a dry run foretells that. A file that a torrent owns, because somebody seeds from
the bin, stays; so does one of which that cannot be told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from qbm.commands import cleanup
from qbm.commands.cleanup import NAMES
from qbm.config import Config
from qbm.engine.batches import Numbered, batches
from qbm.engine.binned import Place, Walked, places, walked, written
from qbm.engine.clearing import Clearer
from qbm.engine.emptied import Books
from qbm.engine.lease import Lease
from qbm.engine.owning import StillUnowned, still_unowned
from qbm.engine.planning import removals
from qbm.engine.report import Reporter
from qbm.engine.request import Concluded, RunRequest
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.recycle_bin import Bin as RecycleBin
from qbm.gateways.recycle_bin import Record, Records
from qbm.model.change import DeleteFile, Disposal
from qbm.model.command import CommandName
from qbm.model.disk import Bin, BinnedFile
from qbm.model.paths import PathMap
from qbm.model.plan import Notice, Outcome, Plan, Planned, Refused
from qbm.model.reason import Code, because
from qbm.model.snapshot import Snapshot
from qbm.store import Intent, MovedOrphan

_NAME: Final = CommandName.CLEANUP_DIRS
_AT_ONCE: Final = 1000
"""Files that are journaled, looked up and deleted together."""
_NAMES_LISTED: Final = 3


class Cleaned(Struct, frozen=True):
    """What a cleanup meant to do, and what came of it; nothing in a dry run."""

    plan: Plan
    concluded: tuple[Concluded, ...] = ()


def days_for(request: RunRequest, config: Config, plan: Plan) -> Mapping[Bin, int]:
    """For how many days files stay in each bin that the run is to empty; ``plan`` is the run's.

    The folder of orphans only if ``rem_orphaned`` ran and no guard refused it; none at all for
    a run on some torrents (decisions: *Hashes*).
    """
    if request.hashes or request.skip_cleanup:
        return {}
    if _NAME in request.commands:
        return {Bin.RECYCLE_BIN: request.older_than_days}
    days = dict(cleanup.days_of(config))
    refused = {each.command for each in plan.refused}
    if CommandName.REM_ORPHANED not in {*request.commands} - refused:
        days.pop(Bin.ORPHANED_DIR, None)
    return days


async def foretell(
    days: Mapping[Bin, int],
    snapshot: Snapshot,
    config: Config,
    lease: Lease,
    reporter: Reporter,
    plan: Plan,
) -> Cleaned:
    """What a real run would delete once it has carried ``plan`` out; touches no file.

    ``snapshot`` is what ``plan`` was made from. Else as ``clean_up``, and so is what it raises.

    Raises:
        DiskError: what would be put into a bin cannot be looked at.
    """
    if not days:
        return Cleaned(Plan())
    looked = await _looked(days, snapshot, config, lease.tools)
    coming: tuple[BinnedFile, ...] = ()
    if days.get(Bin.RECYCLE_BIN) == 0:
        arriving = _coming(plan, snapshot, config, lease.tools.clock.now())
        coming = await asyncio.to_thread(tuple, arriving)
    emptying = await _planned(looked, coming, days, config, lease.tools)
    reporter.decided(emptying)
    lease.tools.store.record(lease.run_id, emptying.planned)
    reporter.changing(emptying.planned)
    return Cleaned(emptying)


async def clean_up(
    days: Mapping[Bin, int],
    snapshot: Snapshot,
    config: Config,
    lease: Lease,
    reporter: Reporter,
) -> Cleaned:
    """Empty the bins that ``days`` names (see ``days_for``), and take away their empty folders.

    To be called when the run's own plan is carried out; the changes follow those in its
    journal. ``snapshot`` has all torrents of the server with their save paths, as fresh as the
    run has them: before anything is deleted, its owners are looked up anew.

    Raises:
        Interrupted: a stop was asked for; the journal is complete.
        LeaseLost: another run has the server now.
        ServerError: the server is gone; the next run settles what is open.
        StoreError: something could not be read or written down, so nothing more was done.
    """
    if not days:
        return Cleaned(Plan())
    tools = lease.tools
    lease.keep()
    looked = await _looked(days, snapshot, config, tools)
    plan = await _planned(looked, (), days, config, tools)
    reporter.decided(plan)
    numbers = tools.store.record(lease.run_id, plan.planned)
    entries = [Numbered(*each) for each in zip(numbers, plan.planned, strict=True)]
    clearer = Clearer(lease, config, tools, reporter.sending)
    outcomes: dict[int, Outcome] = {}
    for number, batch in enumerate(batches(entries, _AT_ONCE)):
        if tools.stop.is_requested:
            break
        lease.keep()
        outcomes |= await clearer.clear(number, batch)
    concluded = tuple(
        Concluded(each.planned, outcomes[each.id]) for each in entries if each.id in outcomes
    )
    reporter.concluded(concluded)
    await asyncio.to_thread(_tidied, looked, config, tools)
    if len(outcomes) < len(entries):
        raise tools.stop.error("what was deleted until then is gone; the rest stays in the bins.")
    return Cleaned(plan, concluded)


# What is there


class _Looked(Struct, frozen=True, kw_only=True):
    """What the bins hold, and what is written down of it.

    ``bins`` are all there are, ``homes`` the folders on this machine that torrents and
    categories are saved in.
    """

    bins: Sequence[Place]
    walked: Walked
    homes: Sequence[str]
    records: Sequence[Record]
    orphans: Sequence[MovedOrphan]
    intents: Sequence[Intent]


async def _looked(
    days: Mapping[Bin, int], snapshot: Snapshot, config: Config, tools: Tools
) -> _Looked:
    records, _ = await asyncio.to_thread(Records(tools.state_dir).all)
    orphans = tools.store.orphans()
    intents = tools.store.open_intents(tools.identity)
    paths = PathMap(config.directory.roots)
    of_categories = [each.save_path for each in snapshot.categories.values()]
    of_torrents = [each.save_path or "" for each in snapshot.torrents.values()]
    listed = [each for entries in config.cat.values() for each in entries]
    bins = places(
        config, dict.fromkeys([*of_categories, *of_torrents, *(each.save_path for each in records)])
    )
    apart = [*config.directory.remote_dir, *_local(paths, [*of_categories, *listed])]
    found = await asyncio.to_thread(
        walked,
        frozenset(days),
        bins,
        (*dict.fromkeys(apart), str(tools.state_dir)),
        written(records, orphans, intents),
        lambda: tools.stop.is_requested,
    )
    if found is None:
        raise tools.stop.error("nothing was left half done.")
    return _Looked(
        bins=bins,
        walked=found,
        homes=[*apart, *_local(paths, dict.fromkeys(of_torrents))],
        records=records,
        orphans=orphans,
        intents=intents,
    )


def _local(paths: PathMap, folders: Iterable[str]) -> list[str]:
    found = (paths.local(each) for each in folders if each)
    return [each for each in found if each is not None]


def _coming(plan: Plan, snapshot: Snapshot, config: Config, now: datetime) -> Iterator[BinnedFile]:
    """What ``plan`` would put into the recycle bin."""
    recycle_bin = RecycleBin.of(config)
    for _, change in removals(plan):
        content = change.content
        if content is None or content.disposal is not Disposal.RECYCLE:
            continue
        save_path = snapshot.torrents[change.hash].save_path or ""
        taken: list[str] = []
        for path in content.files:
            local = recycle_bin.paths.local(path)
            real = disk.find(local) if local else None
            stamp = disk.stamp(real) if real else None
            target = recycle_bin.target(path, save_path, change.hash, taken)
            if stamp is None or target is None:
                continue
            taken.append(target)
            yield BinnedFile(
                bin=Bin.RECYCLE_BIN, path=target, stamp=stamp, put_at=now, is_recorded=True
            )


# What is to go


async def _planned(
    looked: _Looked,
    coming: Collection[BinnedFile],
    days: Mapping[Bin, int],
    config: Config,
    tools: Tools,
) -> Plan:
    """The files that are due and that nobody owns, and what there is to say of the others."""
    files = (*looked.walked.files, *coming)
    due = cleanup.plan(files, days, tools.clock.now())
    arriving = {each.path for each in coming}
    there = [path for each in due.planned if (path := _path(each)) not in arriving]
    if not there:
        return Plan.joined([due, _said(looked.walked)])
    found = await tools.stop.unless(still_unowned(there, config, tools))
    unowned = arriving | found.unowned
    going = tuple(each for each in due.planned if _path(each) in unowned)
    staying = [each for each in due.planned if _path(each) not in unowned]
    left = Plan(planned=going, notices=tuple(_left(staying, found)))
    return Plan.joined([left, _said(looked.walked)])


def _path(planned: Planned) -> str:
    return _deletion(planned).path


def _bin(planned: Planned) -> Bin | None:
    return _deletion(planned).bin


def _deletion(planned: Planned) -> DeleteFile:
    if not isinstance(planned.change, DeleteFile):
        raise TypeError(f"a cleanup only deletes: {planned.change}")
    return planned.change


def _left(staying: Sequence[Planned], found: StillUnowned) -> Iterator[Notice]:
    """What is said of files that are due and stay, once for each bin."""
    for which in Bin:
        paths = [_path(each) for each in staying if _bin(each) is which]
        owned = [each for each in paths if each in found.owners]
        unsure = [each for each in paths if each not in found.owners]
        facts = {"bin": NAMES[which]}
        if owned:
            owners = dict.fromkeys(name for each in owned for name in found.owners[each])
            yield _notice(Code.BINNED_OWNED, **facts, number=len(owned), owners=_names([*owners]))
        if unsure:
            why = found.doubts.get(unsure[0], "")
            yield _notice(Code.BINNED_UNSURE, **facts, number=len(unsure), why=why)


def _said(found: Walked) -> Plan:
    """What is said of bins that are left as they are."""
    return Plan(
        notices=tuple(
            _notice(Code.BIN_UNREADABLE, folder=folder, why=why) for folder, why in found.unreadable
        ),
        refused=tuple(
            Refused(_NAME, because(Code.BIN_HOLDS_MORE, folder=folder, what=what))
            for folder, what in found.refused
        ),
    )


def _notice(code: Code, **fields: object) -> Notice:
    return Notice(_NAME, because(code, **fields))


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_NAMES_LISTED])
    more = len(names) - _NAMES_LISTED
    return f"{listed} and {more:,} more" if more > 0 else listed


# What is done afterwards


def _tidied(looked: _Looked, config: Config, tools: Tools) -> None:
    """Bring what is written down to what is left, and take away empty folders."""
    books = Books(looked.records, looked.orphans, looked.intents, looked.walked.places)
    books.bring_up_to_date(config.recyclebin.empty_after_x_days, tools)
    keep = [*(each.folder for each in looked.bins), *looked.homes]
    try:
        disk.remove_empty_folders(looked.walked.folders, keep=keep)
    except DiskError as error:
        tools.log.warning("warning", text=str(error))
