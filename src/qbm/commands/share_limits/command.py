"""The whole command: rulings first, then group speeds, then the changes by their kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from qbm.commands.seeding_limits import effective, standing
from qbm.commands.share_limits.desired import changes, share_of, shares_speed
from qbm.commands.share_limits.groups import group_of
from qbm.commands.share_limits.ruling import Fate, Ruling, World, looks_at_seeding_time, ruled
from qbm.commands.share_limits.server_limits import switched_off
from qbm.commands.share_limits.tags import without_group
from qbm.config import Config
from qbm.model.change import (
    AddTags,
    Change,
    RemoveTags,
    RemoveTorrent,
    SetPreferences,
    SetShareLimits,
    SetUploadLimit,
    Start,
)
from qbm.model.command import CommandName
from qbm.model.limit import GlobalLimits
from qbm.model.plan import Deferred, Notice, Plan, Planned, Skipped
from qbm.model.projection import project
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown

_NAME = CommandName.SHARE_LIMITS

_IN_ORDER = (
    SetPreferences,
    SetShareLimits,
    SetUploadLimit,
    Start,
    RemoveTags,
    AddTags,
    RemoveTorrent,
)
"""Tags after the start: what is cut off in between still sees in the next run that the
tag is not on yet, and so starts the torrent then. Removals come last."""


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:
    """The server's own limits; the seeding time, if some group looks at it."""
    facts: dict[Fact, Callable[[Torrent], bool]] = {Fact.GLOBAL_LIMITS: lambda _: True}
    if any(looks_at_seeding_time(group) for group in config.share_limits.values()):
        only_complete = config.settings.share_limits_filter_completed
        facts[Fact.SEEDING_TIME] = lambda torrent: torrent.is_complete or not only_complete
    return facts


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    match change:
        case SetShareLimits() | SetUploadLimit():
            return {"updated_share_limits": 1}
        case RemoveTorrent(moves_content=moves):
            return {"cleaned_share_limits": 1, "deleted_contents" if moves else "deleted": 1}
        case AddTags(tags=tags):
            return {"tagged": len(tags)}
        case _:
            return {}


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:
    """The server's own limits, then each torrent's limits, speed and tags, then removals."""
    server = switched_off(snapshot.global_limits, config, selection)
    common = snapshot.global_limits
    if isinstance(server, Planned) and isinstance(server.change, SetPreferences):
        common = server.change.after
    world = World(config.share_limits, config.settings, common, now)
    chosen = selection.of(snapshot)
    rulings = {torrent.hash: _decide(torrent, world) for torrent in chosen}
    removed = frozenset(each for each, ruling in rulings.items() if _removes(ruling))
    is_shared = any(
        isinstance(each, Ruling) and shares_speed(world.groups[each.group])
        for each in rulings.values()
    )
    members = _members(snapshot, removed, world) if is_shared else {}
    outcomes: list[Planned | Skipped | Deferred | Notice] = [server] if server else []
    for torrent in chosen:
        found = _outcomes(torrent, rulings[torrent.hash], members, world)
        outcomes += [*found, *_released(torrent, found, snapshot.global_limits, world)]
    return Plan(
        planned=tuple(
            each
            for kind in _IN_ORDER
            for each in outcomes
            if isinstance(each, Planned) and isinstance(each.change, kind)
        ),
        skipped=tuple(each for each in outcomes if isinstance(each, Skipped)),
        deferred=tuple(each for each in outcomes if isinstance(each, Deferred)),
        notices=tuple(each for each in outcomes if isinstance(each, Notice)),
        needs_whole=not snapshot.is_whole and (is_shared or bool(removed)),
    )


def _decide(torrent: Torrent, world: World) -> Ruling | Skipped | Deferred | None:
    """What its group makes of a torrent; None if it has no group."""
    if is_left_out(torrent, world):
        return Skipped(torrent.hash, _NAME, _incomplete(torrent))
    match = group_of(torrent, world.groups)
    if match is None:
        return None
    if unread := match.unread:
        reason = because(Code.GROUP_UNDECIDED, group=match.group, filter=unread.key)
        return Skipped(torrent.hash, _NAME, reason)
    ruling = ruled(torrent, match.group, world)
    if isinstance(ruling, Reason):
        return Skipped(torrent.hash, _NAME, ruling)
    if ruling.fate is Fate.REMOVE:
        # Where its files are going, nobody knows before they are there.
        if torrent.save_path is UNKNOWN:
            return _later(torrent, because(Code.SAVE_PATH_UNKNOWN), ruling)
        if torrent.progress >= 1 and not torrent.is_complete:
            return _later(torrent, _incomplete(torrent), ruling)
    return ruling


def _outcomes(
    torrent: Torrent,
    ruling: Ruling | Skipped | Deferred | None,
    members: Mapping[str, int],
    world: World,
) -> list[Planned | Skipped | Deferred | Notice]:
    """The changes of one torrent, or why it is left as it is."""
    if isinstance(ruling, Skipped | Deferred):
        return [ruling]
    if ruling is None:
        right = because(Code.IN_NO_GROUP)
        planned = list(without_group(torrent, world))
    elif ruling.fate is Fate.REMOVE:
        return [_removal(torrent, ruling)]
    else:
        right = together([because(Code.LIMITS_RIGHT), *ruling.reasons])
        speed = share_of(world.groups[ruling.group], members.get(ruling.group, 0))
        planned = list(changes(torrent, ruling, speed, world))
    return [*planned] or [Skipped(torrent.hash, _NAME, right)]


def _released(
    torrent: Torrent,
    outcomes: Iterable[Planned | Skipped | Deferred | Notice],
    common: GlobalLimits | Unknown,
    world: World,
) -> list[Deferred]:
    """Named, if a stopped torrent's limits hold it no longer: ``recheck`` came before this.

    The next run with that command starts it, and nobody should wonder why. ``common`` are the
    server's limits as they are now.
    """
    changes = [each.change for each in outcomes if isinstance(each, Planned)]
    after = project(Snapshot({torrent.hash: torrent}, {}), changes).torrents.get(torrent.hash)
    if after is None or not after.is_stopped or after.progress < 1:
        return []
    was_over = standing(torrent, effective(torrent.share_limits, common), world.now).is_over
    is_over = standing(after, effective(after.share_limits, world.common), world.now).is_over
    if was_over is False or is_over is not False:
        return []
    return [Deferred(torrent.hash, _NAME, because(Code.LIMITS_LIFTED))]


def _removal(torrent: Torrent, ruling: Ruling) -> Planned:
    change = RemoveTorrent(
        hash=torrent.hash,
        category=torrent.category,
        tags=tuple(sorted(torrent.tags)),
        save_path=torrent.save_path or "",
    )
    return Planned(change, _NAME, together(ruling.reasons))


def _members(
    snapshot: Snapshot, removed: frozenset[TorrentHash], world: World
) -> Mapping[str, int]:
    """How many torrents of the whole library each group has, without those that go now."""
    found: Counter[str] = Counter()
    for torrent in snapshot.torrents.values():
        if torrent.hash in removed or is_left_out(torrent, world):
            continue
        match = group_of(torrent, world.groups)
        if match is not None and match.unread is None:
            found[match.group] += 1
    return found


def is_left_out(torrent: Torrent, world: World) -> bool:
    """``share_limits_filter_completed`` keeps it out of all groups."""
    return world.settings.share_limits_filter_completed and not torrent.is_complete


def _removes(ruling: Ruling | Skipped | Deferred | None) -> bool:
    return isinstance(ruling, Ruling) and ruling.fate is Fate.REMOVE


def _incomplete(torrent: Torrent) -> Reason:
    percent = int(torrent.progress * 100)
    return because(Code.NOT_COMPLETE, state=torrent.state, percent=percent)


def _later(torrent: Torrent, reason: Reason, ruling: Ruling) -> Deferred:
    return Deferred(torrent.hash, _NAME, together([reason, *ruling.reasons]))
