"""``cat_update``: a category from the tracker or the save path, then ``cat_change``.

Both are decided together and only the net difference is planned: a torrent that an entry
puts into *old* and ``cat_change`` moves to *new* would else go back and forth in each run.
Counter: ``categorized``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from qbm.commands.paths import candidates, last_folder
from qbm.commands.tracker_entry import matching_entry, real_urls
from qbm.config import Config
from qbm.model.change import Change, CreateCategory, SetCategory
from qbm.model.command import CommandName
from qbm.model.names import is_category_name
from qbm.model.plan import Deferred, Notice, Plan, Planned, Skipped
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Category, Fact, Selection, Snapshot
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.CAT_UPDATE
UNCATEGORIZED = "Uncategorized"
"""Under ``cat``: save paths whose torrents are left without a category."""


class _Chosen(Struct, frozen=True):
    """The category that an entry asks for, and why."""

    category: str
    reason: Reason


class _Waiting(Struct, frozen=True):
    """A ``cat_change`` whose delay is not over yet."""

    reason: Reason


_Decision: TypeAlias = Planned | Skipped | Deferred


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
    decisions: list[_Decision] = [
        _decide(torrent, snapshot, config, selection, now) for torrent in selection.of(snapshot)
    ]
    moved = [each for each in decisions if isinstance(each, Planned)]
    skipped = [each for each in decisions if isinstance(each, Skipped)]
    return Plan(
        planned=(*_creations(moved, snapshot), *moved),
        skipped=tuple(skipped),
        deferred=tuple(each for each in decisions if isinstance(each, Deferred)),
        notices=_paths_without_entry(skipped),
    )


def _decide(
    torrent: Torrent, snapshot: Snapshot, config: Config, selection: Selection, now: datetime
) -> _Decision:
    """What becomes of one torrent: the entry's category, followed through ``cat_change``."""
    if config.settings.cat_filter_completed and not torrent.is_complete:
        percent = int(torrent.progress * 100)
        reason = because(Code.NOT_COMPLETE, state=torrent.state, percent=percent)
        return Skipped(torrent.hash, _NAME, reason)
    entry = _from_entries(torrent, config, selection)
    start = entry if isinstance(entry, _Chosen) else _Chosen(torrent.category, entry)
    end = _through_cat_change(start.category, torrent, config, now)
    if isinstance(end, _Waiting):
        if start.category == torrent.category:
            return Deferred(torrent.hash, _NAME, end.reason)
        end = None
    chosen = end or start
    if chosen.category == torrent.category:
        right = because(Code.CATEGORY_RIGHT, category=torrent.category)
        return Skipped(torrent.hash, _NAME, right if isinstance(entry, _Chosen) else entry)
    return _moved(torrent, chosen, snapshot)


def _moved(torrent: Torrent, chosen: _Chosen, snapshot: Snapshot) -> Planned | Skipped:
    category = snapshot.categories.get(chosen.category)
    if category is None and torrent.save_path is UNKNOWN:
        return Skipped(torrent.hash, _NAME, because(Code.SAVE_PATH_UNKNOWN))
    change = SetCategory(torrent.hash, before=torrent.category, after=chosen.category)
    return Planned(change, _NAME, together([chosen.reason, *_file_move(torrent, category)]))


def _file_move(torrent: Torrent, category: Category | None) -> list[Reason]:
    """Said if qBittorrent will move the files: automatic management and another save path.

    A category that is yet to be created gets the torrent's own save path: no move.
    """
    if not torrent.auto_tmm or category is None or category.save_path == torrent.save_path:
        return []
    destination = category.save_path or "the category's folder under the default save path"
    return [because(Code.FILES_WILL_MOVE, destination=destination)]


def _from_entries(torrent: Torrent, config: Config, selection: Selection) -> _Chosen | Reason:
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
            return _Chosen(entry.cat, because(Code.CATEGORY_FROM_TRACKER, entry=word))
    return _from_save_path(torrent, config)


def _from_save_path(torrent: Torrent, config: Config) -> _Chosen | Reason:
    if torrent.save_path is UNKNOWN:
        return because(Code.SAVE_PATH_UNKNOWN)
    found = candidates(torrent.save_path, config.cat)
    if torrent.category in found:
        return because(Code.CATEGORY_RIGHT, category=torrent.category)
    for category, entry in found.items():
        if category == UNCATEGORIZED:
            return because(Code.CATEGORY_UNWANTED, save_path=torrent.save_path)
        reason = because(Code.CATEGORY_FROM_PATH, save_path=torrent.save_path, entry=entry)
        return _Chosen(category, reason)
    folder = last_folder(torrent.save_path)
    if config.settings.cat_update_use_folder_name and is_category_name(folder):
        return _Chosen(folder, because(Code.CATEGORY_FROM_FOLDER, save_path=torrent.save_path))
    return because(Code.NO_CATEGORY_ENTRY, save_path=torrent.save_path)


def _through_cat_change(
    category: str, torrent: Torrent, config: Config, now: datetime
) -> _Chosen | _Waiting | None:
    """Where ``cat_change`` leads from ``category``, all steps at once; None if nowhere.

    The config refuses circles, so this ends.
    """
    end: _Chosen | None = None
    while (step := config.cat_change.get(category)) is not None:
        delay = timedelta(minutes=step.delay_minutes)
        if delay and (torrent.completion_on is None or torrent.completion_on + delay > now):
            return end or _Waiting(_delayed(category, step.new_cat, delay, torrent))
        reason = because(Code.CATEGORY_CHANGED, old=category, new=step.new_cat)
        end = _Chosen(step.new_cat, together([end.reason, reason]) if end else reason)
        category = step.new_cat
    return end


def _delayed(old: str, new: str, delay: timedelta, torrent: Torrent) -> Reason:
    due = torrent.completion_on + delay if torrent.completion_on else "a time not known yet"
    minutes = int(delay.total_seconds() // 60)
    return because(Code.CHANGE_DELAYED, old=old, new=new, delay=minutes, due=due)


def _creations(moved: Iterable[Planned], snapshot: Snapshot) -> list[Planned]:
    """One creation per category that is missing, with the first torrent's save path."""
    missing: dict[str, Planned] = {}
    for planned in moved:
        change = planned.change
        if not isinstance(change, SetCategory) or change.after in snapshot.categories:
            continue
        save_path = snapshot.torrents[change.hash].save_path
        if change.after and change.after not in missing and save_path is not UNKNOWN:
            reason = because(Code.CATEGORY_MISSING, name=change.after)
            missing[change.after] = Planned(CreateCategory(change.after, save_path), _NAME, reason)
    return list(missing.values())


def _paths_without_entry(skipped: Iterable[Skipped]) -> tuple[Notice, ...]:
    """Each save path without an entry once, with the number of its torrents."""
    numbers: dict[str, list[TorrentHash]] = {}
    for each in skipped:
        if each.reason.code is Code.NO_CATEGORY_ENTRY:
            numbers.setdefault(each.reason.fields["save_path"], []).append(each.hash)
    return tuple(
        Notice(_NAME, because(Code.PATH_WITHOUT_ENTRY, save_path=path, number=len(hashes)))
        for path, hashes in sorted(numbers.items())
    )
