"""``tag_nohardlinks``: tag the torrents whose files have no name outside, such as in a library.

Source: spec, *tag_nohardlinks*. A torrent of whose large files one is in doubt is left as it
is, tagged or not. Counters: ``tagged_noHL``, ``untagged_noHL``, ``tagged``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from qbm.config import Config
from qbm.config.schema.nohardlinks import NoHardlinks, with_global_options
from qbm.model.change import AddTags, Change, RemoveTags
from qbm.model.command import CommandName
from qbm.model.disk import Doubt, FileLinks, LinkScope
from qbm.model.links import outside_category, outside_roots, scope_of
from qbm.model.plan import Notice, Plan, Planned, Skipped
from qbm.model.reason import Code, Reason, because
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.TAG_NOHARDLINKS
_DOUBTS: Mapping[Doubt, Code] = {
    Doubt.MISSING: Code.LINKS_FILE_MISSING,
    Doubt.UNREADABLE: Code.LINKS_FILE_UNREADABLE,
    Doubt.SYMLINK: Code.LINKS_FILE_SYMLINK,
    Doubt.OUTSIDE: Code.LINKS_FILE_OUTSIDE,
    Doubt.UNPROVEN: Code.LINKS_UNPROVEN,
    Doubt.UNSEEN: Code.LINKS_UNSEEN,
}


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:
    """The hard links of the torrents in its categories."""
    categories = with_global_options(config.nohardlinks)
    return {Fact.LINKS: lambda torrent: torrent.category in categories}


def wants_links(
    snapshot: Snapshot, config: Config, selection: Selection
) -> Collection[TorrentHash]:
    """The torrents that it decides about by their files."""
    return [
        torrent.hash
        for torrent, options in _looked_at(snapshot, config, selection)
        if _left_out(torrent, options, config) is None
    ]


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    match change:
        case AddTags(tags=tags):
            return {"tagged_noHL": len(tags), "tagged": len(tags)}
        case RemoveTags(tags=tags):
            return {"untagged_noHL": len(tags)}
        case _:
            return {}


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:  # noqa: ARG001 - all commands share one signature
    """The tags of torrents without links first, then those to be taken off."""
    decisions = [
        _decide(torrent, options, config)
        for torrent, options in _looked_at(snapshot, config, selection)
    ]
    planned = [each for each in decisions if isinstance(each, Planned)]
    return Plan(
        # Equal changes side by side are one request.
        planned=tuple(sorted(planned, key=lambda each: isinstance(each.change, RemoveTags))),
        skipped=tuple(each for each in decisions if isinstance(each, Skipped)),
        notices=() if selection.is_narrowed else tuple(_unused(snapshot, config)),
    )


def _looked_at(
    snapshot: Snapshot, config: Config, selection: Selection
) -> list[tuple[Torrent, NoHardlinks]]:
    categories = with_global_options(config.nohardlinks)
    return [
        (torrent, categories[torrent.category])
        for torrent in selection.of(snapshot)
        if torrent.category in categories
    ]


def _unused(snapshot: Snapshot, config: Config) -> list[Notice]:
    """A name that is no torrent's category is most likely misspelt."""
    used = {each.category for each in snapshot.torrents.values()}
    return [
        Notice(_NAME, because(Code.LINKS_CATEGORY_UNUSED, category=category))
        for category in with_global_options(config.nohardlinks)
        if category not in used
    ]


def _left_out(torrent: Torrent, options: NoHardlinks, config: Config) -> Reason | None:
    """Why its files are not even looked at; None if they are."""
    if excluded := [tag for tag in options.exclude_tags if tag in torrent.tags]:
        return because(Code.LINKS_EXCLUDED, tag=excluded[0])
    if config.settings.tag_nohardlinks_filter_completed and not torrent.is_complete:
        percent = f"{torrent.progress * 100:.3g}"
        return because(Code.NOT_COMPLETE, state=torrent.state, percent=percent)
    if not torrent.is_settled:
        return because(Code.UNSETTLED, state=torrent.state)
    return None


def _decide(torrent: Torrent, options: NoHardlinks, config: Config) -> Planned | Skipped:
    tag = config.settings.nohardlinks_tag
    left = _left_out(torrent, options, config) or _doubt(torrent)
    if left is not None or torrent.links is UNKNOWN:
        return Skipped(torrent.hash, _NAME, left or because(Code.LINKS_UNKNOWN))
    is_linked, reason = _judged(torrent.links, options)
    if is_linked == (tag not in torrent.tags):
        return Skipped(torrent.hash, _NAME, reason)
    before = tuple(sorted(torrent.tags))
    change = (RemoveTags if is_linked else AddTags)(torrent.hash, (tag,), before=before)
    return Planned(change, _NAME, reason)


def _doubt(torrent: Torrent) -> Reason | None:
    """Why nothing is known of its links; None if all is."""
    if torrent.links is UNKNOWN or not torrent.links:
        return because(Code.LINKS_UNKNOWN)
    for file in torrent.links:
        if file.doubt is not None:
            return because(_DOUBTS[file.doubt], path=file.path)
        if outside_roots(file) < 0:
            return because(Code.LINKS_UNPROVEN, path=file.path)
    return None


def _judged(files: tuple[FileLinks, ...], options: NoHardlinks) -> tuple[bool, Reason]:
    """Whether one of the files has a link that counts, and why."""
    if options.ignore_root_dir:
        counted = outside_roots
    elif options.ignore_category_dir:
        counted = outside_category
    else:
        counted = _others
    linked = [each for each in files if counted(each) > 0]
    scope = scope_of(files)
    if not linked:
        code = Code.LINKS_NONE if scope is LinkScope.NONE else Code.LINKS_INSIDE
        return False, because(code, scope=scope, number=len(files))
    first = linked[0]
    facts = {"path": first.path, "links": first.links, "others": counted(first)}
    return True, because(Code.LINKS_FOUND, scope=scope, **facts)


def _others(file: FileLinks) -> int:
    return file.links - 1
