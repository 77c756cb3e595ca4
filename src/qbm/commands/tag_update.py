"""``tag_update``: tags from trackers, and the stalled and private tags.

Tags are only added, but for the stalled tag, which follows the torrent's state. Counter:
``tagged``, one per tag added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from qbm.commands.tracker_entry import matching_entry, real_urls
from qbm.config import Config
from qbm.model.change import AddTags, Change, RemoveTags
from qbm.model.command import CommandName
from qbm.model.names import tags_in
from qbm.model.plan import Plan, Planned, Skipped
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import State, Torrent
from qbm.model.tracker import Tracker, host_of
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.TAG_UPDATE
_OTHER = "other"


class _Wanted(Struct, frozen=True):
    """Tags that a torrent should have, and why."""

    tags: tuple[str, ...]
    reason: Reason


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:
    """Every torrent's trackers; the private flag only where the tag is not there yet."""
    tag = config.settings.private_tag
    if not tag:
        return {Fact.TRACKERS: lambda _: True}
    return {
        Fact.TRACKERS: lambda _: True,
        Fact.PRIVATE: lambda torrent: tag not in torrent.tags,
    }


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    return {"tagged": len(change.tags)} if isinstance(change, AddTags) else {}


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:  # noqa: ARG001 - all commands share one signature
    """One addition and at most one removal per torrent; additions first."""
    added: list[Planned] = []
    removed: list[Planned] = []
    skipped: list[Skipped] = []
    for torrent in selection.of(snapshot):
        if torrent.trackers is UNKNOWN:
            skipped.append(Skipped(torrent.hash, _NAME, because(Code.TRACKERS_UNKNOWN)))
            continue
        wanted = list(_wanted(torrent, torrent.trackers, config))
        addition = _addition(torrent, wanted)
        removal = _removal(torrent, wanted, config)
        if addition:
            added.append(addition)
        if removal:
            removed.append(removal)
        if not addition and not removal:
            skipped.append(Skipped(torrent.hash, _NAME, _nothing_missing(wanted)))
    return Plan(planned=(*added, *removed), skipped=tuple(skipped))


def _nothing_missing(wanted: list[_Wanted]) -> Reason:
    tags = ", ".join(tag for each in wanted for tag in each.tags)
    return because(Code.TAGS_PRESENT, tags=tags) if tags else because(Code.TAG_NONE_WANTED)


def _addition(torrent: Torrent, wanted: list[_Wanted]) -> Planned | None:
    """The tags that are missing, each with its reason, as one change."""
    missing: dict[str, Reason] = {}
    for each in wanted:
        for tag in each.tags:
            if tag not in torrent.tags:
                missing.setdefault(tag, each.reason)
    if not missing:
        return None
    change = AddTags(torrent.hash, tuple(missing), before=tuple(sorted(torrent.tags)))
    return Planned(change, _NAME, together(missing.values()))


def _removal(torrent: Torrent, wanted: list[_Wanted], config: Config) -> Planned | None:
    """The stalled tag, unless something else wants the very same tag."""
    tag = config.settings.stalled_tag
    is_wanted = any(tag in each.tags for each in wanted)
    if not config.settings.tag_stalled_torrents or tag not in torrent.tags or is_wanted:
        return None
    change = RemoveTags(torrent.hash, (tag,), before=tuple(sorted(torrent.tags)))
    return Planned(change, _NAME, because(Code.TAG_NOT_STALLED))


def _wanted(torrent: Torrent, trackers: tuple[Tracker, ...], config: Config) -> Iterator[_Wanted]:
    yield _from_trackers(real_urls(trackers), config)
    settings = config.settings
    if settings.tag_stalled_torrents and settings.stalled_tag and _is_stalled(torrent):
        yield _Wanted((settings.stalled_tag,), because(Code.TAG_STALLED))
    if settings.private_tag and torrent.private is True:
        yield _Wanted((settings.private_tag,), because(Code.TAG_PRIVATE))


def _from_trackers(urls: list[str], config: Config) -> _Wanted:
    match = matching_entry(urls, config)
    if match is not None:
        reason = because(Code.TAG_FROM_TRACKER, host=match.host, entry=match.word)
        return _Wanted(match.entry.tags, reason)
    host = host_of(urls[0]) if urls else ""
    other = config.other.tags if config.other else ()
    if not host:
        return _Wanted(other or (_OTHER,), because(Code.TAG_NO_TRACKER))
    if other:
        return _Wanted(other, because(Code.TAG_FROM_OTHER, host=host))
    return _Wanted(tags_in(host), because(Code.TAG_FROM_HOST, host=host))


def _is_stalled(torrent: Torrent) -> bool:
    return torrent.state is State.STALLED_DL
