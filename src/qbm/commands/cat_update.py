"""``cat_update``: a category from the tracker or the save path, then ``cat_change``.

Both are decided together and only the net difference is planned: a torrent that an entry
puts into *old* and ``cat_change`` moves to *new* would else go back and forth in each run.
Counter: ``categorized``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from qbm.commands.cat_change import Chosen, Waiting, through
from qbm.commands.paths import candidates, last_folder, normalised
from qbm.commands.tracker_entry import matching_entry, real_urls
from qbm.config import Config
from qbm.model.change import Change, CreateCategory, SetCategory
from qbm.model.command import CommandName
from qbm.model.names import is_category_name
from qbm.model.plan import Deferred, Notice, Plan, Planned, Skipped
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Category, Fact, Selection, Snapshot
from qbm.model.torrent import Torrent
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.CAT_UPDATE
UNCATEGORIZED = "Uncategorized"
"""Under ``cat``: save paths whose torrents are left without a category."""


class _Move(Struct, frozen=True):
    """A torrent that should be in another category."""

    torrent: Torrent
    chosen: Chosen


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
    decisions = [_decide(each, config, selection, now) for each in selection.of(snapshot)]
    moves = [each for each in decisions if isinstance(each, _Move)]
    skipped = [each for each in decisions if isinstance(each, Skipped)]
    created = _creations(moves, snapshot)
    reachable = {"", *snapshot.categories, *created}
    unknown = because(Code.SAVE_PATH_UNKNOWN)
    return Plan(
        planned=(
            *created.values(),
            *(_planned(each, snapshot) for each in moves if each.chosen.category in reachable),
        ),
        skipped=(
            *skipped,
            *(
                Skipped(each.torrent.hash, _NAME, unknown)
                for each in moves
                if each.chosen.category not in reachable
            ),
        ),
        deferred=tuple(each for each in decisions if isinstance(each, Deferred)),
        notices=_paths_without_entry(skipped),
    )


def _decide(
    torrent: Torrent, config: Config, selection: Selection, now: datetime
) -> _Move | Skipped | Deferred:
    """What becomes of one torrent: the entry's category, followed through ``cat_change``."""
    if config.settings.cat_filter_completed and not torrent.is_complete:
        percent = int(torrent.progress * 100)
        reason = because(Code.NOT_COMPLETE, state=torrent.state, percent=percent)
        return Skipped(torrent.hash, _NAME, reason)
    entry = _from_entries(torrent, config, selection)
    start = entry if isinstance(entry, Chosen) else Chosen(torrent.category)
    end = through(start, torrent, config, now)
    if isinstance(end, Waiting):
        return Deferred(torrent.hash, _NAME, end.reason)
    if end.category != torrent.category:
        return _Move(torrent, end)
    right = because(Code.CATEGORY_RIGHT, category=torrent.category)
    return Skipped(torrent.hash, _NAME, right if isinstance(entry, Chosen) else entry)


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


def _creations(moves: Iterable[_Move], snapshot: Snapshot) -> Mapping[str, Planned]:
    """One creation per category that is missing, with its first known save path."""
    missing: dict[str, Planned] = {}
    for move in moves:
        name, save_path = move.chosen.category, move.torrent.save_path
        if name in snapshot.categories or name in missing or save_path is UNKNOWN:
            continue
        reason = because(Code.CATEGORY_MISSING, name=name)
        missing[name] = Planned(CreateCategory(name, save_path), _NAME, reason)
    return missing


def _planned(move: _Move, snapshot: Snapshot) -> Planned:
    torrent, chosen = move.torrent, move.chosen
    change = SetCategory(torrent.hash, before=torrent.category, after=chosen.category)
    moving = _file_move(torrent, snapshot.categories.get(chosen.category))
    return Planned(change, _NAME, together([*chosen.reasons, *moving]))


def _file_move(torrent: Torrent, category: Category | None) -> list[Reason]:
    """Said if qBittorrent will move the files: automatic management and another save path.

    A category that is yet to be created gets the torrent's own save path: no move.
    """
    if not torrent.auto_tmm or category is None or category.save_path == torrent.save_path:
        return []
    destination = category.save_path or "the category's folder under the default save path"
    return [because(Code.FILES_WILL_MOVE, destination=destination)]


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
