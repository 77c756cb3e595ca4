"""``cat_update``: a category from the tracker or the save path, then ``cat_change``.

Both are decided together and only the net difference is planned: a torrent that an entry
puts into *old* and ``cat_change`` moves to *new* would else go back and forth in each run.
Counter: ``categorized``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from qbm.commands.automatic_management import file_move, is_forced
from qbm.commands.cat_change import Chosen, Waiting, through
from qbm.commands.paths import candidates, last_folder, normalised
from qbm.commands.tracker_entry import matching_entry, real_urls
from qbm.config import Config
from qbm.model.change import Change, CreateCategory, SetAutoManagement, SetCategory
from qbm.model.command import CommandName
from qbm.model.names import is_category_name
from qbm.model.plan import Deferred, Notice, Plan, Planned, Skipped
from qbm.model.projection import project
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Category, Fact, Selection, Snapshot
from qbm.model.torrent import Torrent
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.CAT_UPDATE
UNCATEGORIZED = "Uncategorized"
"""Under ``cat``: save paths whose torrents are left without a category."""


class _Move(Struct, frozen=True):
    """A torrent that should be in another category, and why."""

    torrent: Torrent
    category: str
    reasons: tuple[Reason, ...]


class _World(Struct, frozen=True):
    """What decides besides the torrent itself; ``categories`` with those yet to be created."""

    categories: Mapping[str, Category]
    config: Config
    selection: Selection
    now: datetime


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:
    """Trackers, if an entry of ``tracker`` names a category."""
    if any(entry.cat for entry in config.tracker.values()):
        return {Fact.TRACKERS: lambda _: True}
    return {}


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    return {"categorized": 1} if isinstance(change, SetCategory) else {}


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:
    """The categories to create, then each torrent's new category."""
    world = _World(snapshot.categories, config, selection, now)
    created: dict[str, Planned] = {}
    while True:
        decisions = [each for torrent in selection.of(snapshot) for each in _decide(torrent, world)]
        moves = [each for each in decisions if isinstance(each, _Move)]
        # Where a new category lies decides where its torrents will be, so decide again.
        found = _creations(moves, world.categories)
        if not found:
            break
        created |= found
        world = replace(world, categories={**world.categories, **_made(found.values())})
    skipped = [each for each in decisions if isinstance(each, Skipped)]
    used = {each.category for each in moves}
    return Plan(
        planned=(
            *(created[name] for name in _parents_first(used & created.keys())),
            *(_planned(each, world) for each in moves),
        ),
        skipped=tuple(skipped),
        deferred=tuple(each for each in decisions if isinstance(each, Deferred)),
        notices=_paths_without_entry(skipped),
    )


def _decide(torrent: Torrent, world: _World) -> Iterator[_Move | Skipped | Deferred]:
    """What becomes of one torrent, all its steps at once.

    Where automatic management follows a category with the files, their new place may have an
    entry of its own: a second run must find nothing more to do.
    """
    if world.config.settings.cat_filter_completed and not torrent.is_complete:
        percent = int(torrent.progress * 100)
        reason = because(Code.NOT_COMPLETE, state=torrent.state, percent=percent)
        yield Skipped(torrent.hash, _NAME, reason)
        return
    here, way, reasons = torrent, [torrent.category], list[Reason]()
    while isinstance(step := _step(here, world), Chosen):
        way.append(step.category)
        if step.category in way[:-1]:
            round_trip = because(Code.CATEGORY_GOES_ROUND, way=" → ".join(way))
            yield Skipped(torrent.hash, _NAME, round_trip)
            return
        reasons += step.reasons
        here = _settled(here, step.category, world)
    if here is not torrent:
        yield _Move(torrent, here.category, tuple(reasons))
    if isinstance(step, Waiting):
        yield Deferred(torrent.hash, _NAME, step.reason)
    elif step.code is Code.SAVE_PATH_UNKNOWN:
        yield Deferred(torrent.hash, _NAME, step)
    elif here is torrent:
        yield Skipped(torrent.hash, _NAME, step)


def _step(torrent: Torrent, world: _World) -> Chosen | Waiting | Reason:
    """The entry's category, followed through ``cat_change``; the reason if it stays."""
    entry = _from_entries(torrent, world.config, world.selection)
    start = entry if isinstance(entry, Chosen) else Chosen(torrent.category)
    end = through(start, torrent, world.config, world.now)
    if isinstance(end, Waiting):
        return end
    if end.category != torrent.category:
        is_creatable = torrent.save_path is not UNKNOWN or end.category in world.categories
        return end if is_creatable else because(Code.SAVE_PATH_UNKNOWN)
    right = because(Code.CATEGORY_RIGHT, category=torrent.category)
    return right if isinstance(entry, Chosen) else entry


def _settled(torrent: Torrent, category: str, world: _World) -> Torrent:
    """The torrent as it will be in ``category``, with the management that will be forced."""
    changes: list[Change] = [SetCategory(torrent.hash, torrent.category, category)]
    if torrent.save_path is not UNKNOWN:
        changes.insert(0, CreateCategory(category, torrent.save_path))
    if not torrent.auto_tmm and is_forced(torrent, world.config):
        changes.append(SetAutoManagement(torrent.hash, before=False, after=True))
    alone = Snapshot({torrent.hash: torrent}, world.categories)
    return project(alone, changes).torrents[torrent.hash]


def _from_entries(torrent: Torrent, config: Config, selection: Selection) -> Chosen | Reason:
    """The category that ``tracker`` or ``cat`` asks for, or the reason for none."""
    settings = config.settings
    if torrent.category:
        if not settings.cat_update_all and not selection.is_narrowed:
            return because(Code.CATEGORY_KEPT, category=torrent.category)
        if not torrent.auto_tmm:
            return because(Code.CATEGORY_CHOSEN_BY_HAND, category=torrent.category)
    if needs(config):
        if torrent.trackers is UNKNOWN:
            return because(Code.TRACKERS_UNKNOWN)
        match = matching_entry(real_urls(torrent.trackers), config)
        entry = match.entry if match else config.other
        if entry is not None and entry.cat:
            word = match.word if match else "other"
            return Chosen(entry.cat, (because(Code.CATEGORY_FROM_TRACKER, entry=word),))
    return _from_save_path(torrent, config)


def _from_save_path(torrent: Torrent, config: Config) -> Chosen | Reason:
    if torrent.save_path is UNKNOWN:
        return because(Code.SAVE_PATH_UNKNOWN)
    found = candidates(torrent.save_path, config.cat)
    if torrent.category in found:
        return because(Code.CATEGORY_RIGHT, category=torrent.category)
    for category, entry in found.items():
        if category == UNCATEGORIZED:
            return because(Code.CATEGORY_UNWANTED, save_path=torrent.save_path)
        is_pattern = normalised(entry) != normalised(torrent.save_path)
        code = Code.CATEGORY_FROM_PATTERN if is_pattern else Code.CATEGORY_FROM_PATH
        return Chosen(category, (because(code, save_path=torrent.save_path, entry=entry),))
    folder = last_folder(torrent.save_path)
    if config.settings.cat_update_use_folder_name and is_category_name(folder):
        return Chosen(folder, (because(Code.CATEGORY_FROM_FOLDER, save_path=torrent.save_path),))
    return because(Code.NO_CATEGORY_ENTRY, save_path=torrent.save_path)


def _creations(moves: Iterable[_Move], categories: Mapping[str, Category]) -> Mapping[str, Planned]:
    """One creation per category that is missing, with its first torrent's save path."""
    missing: dict[str, Planned] = {}
    for move in moves:
        name, save_path = move.category, move.torrent.save_path
        if name in categories or name in missing or save_path is UNKNOWN:
            continue
        reason = because(Code.CATEGORY_MISSING, name=name)
        missing[name] = Planned(CreateCategory(name, save_path), _NAME, reason)
    return missing


def _parents_first(names: Iterable[str]) -> list[str]:
    """From 5.3 on, making ``a/b`` makes ``a`` as well, but with the default path."""
    return sorted(names, key=lambda name: (name.count("/"), name))


def _made(creations: Iterable[Planned]) -> dict[str, Category]:
    """The categories that these will make."""
    return dict(project(Snapshot({}, {}), (each.change for each in creations)).categories)


def _planned(move: _Move, world: _World) -> Planned:
    torrent = move.torrent
    change = SetCategory(torrent.hash, before=torrent.category, after=move.category)
    moving = file_move(torrent, move.category, world.categories) if torrent.auto_tmm else []
    return Planned(change, _NAME, together([*move.reasons, *moving]))


def _paths_without_entry(skipped: Iterable[Skipped]) -> tuple[Notice, ...]:
    """Each save path without an entry once, with the number of its torrents."""
    numbers = Counter(
        each.reason.fields["save_path"]
        for each in skipped
        if each.reason.code is Code.NO_CATEGORY_ENTRY
    )
    return tuple(
        Notice(_NAME, because(Code.PATH_WITHOUT_ENTRY, save_path=path, number=number))
        for path, number in sorted(numbers.items())
    )
