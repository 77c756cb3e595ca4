"""The tags that tell people a torrent's group and the minimum that it does not meet yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qbm.commands.share_limits.ruling import Ruling, World
from qbm.config.schema.share_limits import group_tag
from qbm.model.change import AddTags, RemoveTags, TorrentChange
from qbm.model.command import CommandName
from qbm.model.plan import Planned
from qbm.model.reason import Code, Reason, because, together
from qbm.model.torrent import Torrent

_NAME = CommandName.SHARE_LIMITS
_ANCIENT = ".share_limit"


def tag_changes(torrent: Torrent, ruling: Ruling, world: World) -> Iterator[Planned]:
    """At most one addition and one removal."""
    own_tag = _group_tag(ruling.group, world)
    added: dict[str, tuple[Reason, ...]] = {}
    if own_tag is not None:
        added[own_tag] = (because(Code.GROUP_TAG_NEW, group=ruling.group),)
    if ruling.minimum_tag is not None:
        added[ruling.minimum_tag] = ruling.reasons
    missing = {tag: why for tag, why in added.items() if tag not in torrent.tags}
    if missing:
        why = [reason for reasons in missing.values() for reason in reasons]
        yield planned(AddTags(torrent.hash, tuple(missing), _present(torrent)), why)
    stale_groups = _stale_group_tags(torrent, own_tag, world)
    stale_minimums = stale_minimum_tags(torrent, ruling, world)
    if gone := (*stale_groups, *stale_minimums):
        why = [
            because(code, tags=", ".join(tags))
            for code, tags in (
                (Code.GROUP_TAG_STALE, stale_groups),
                (Code.MINIMUM_TAG_STALE, stale_minimums),
            )
            if tags
        ]
        yield planned(RemoveTags(torrent.hash, gone, _present(torrent)), why)


def without_group(torrent: Torrent, world: World) -> Iterator[Planned]:
    """A torrent of no group loses its group tags; its limits are its owner's."""
    stale = _stale_group_tags(torrent, None, world)
    if stale:
        why = (because(Code.IN_NO_GROUP), because(Code.GROUP_TAG_STALE, tags=", ".join(stale)))
        yield planned(RemoveTags(torrent.hash, stale, _present(torrent)), why)


def _group_tag(name: str, world: World) -> str | None:
    return group_tag(name, world.groups[name], world.settings)


def is_new_to_group(torrent: Torrent, ruling: Ruling, world: World) -> bool:
    """It does not have the tag of its group yet; of a group without a tag, nobody knows."""
    tag = _group_tag(ruling.group, world)
    return tag is not None and tag not in torrent.tags


def stale_minimum_tags(torrent: Torrent, ruling: Ruling, world: World) -> tuple[str, ...]:
    """Tags of minimums other than the one that decides: a torrent has at most one."""
    return tuple(sorted(torrent.tags & _minimum_tags(world) - {ruling.minimum_tag}))


def _stale_group_tags(torrent: Torrent, own_tag: str | None, world: World) -> tuple[str, ...]:
    """Group tags other than its own: of other groups, priorities, and older versions.

    They are known by being some group's, by the prefix, or by the ancient ending; never by
    any other part of them (spec: differences).
    """
    prefix = f"{world.settings.share_limits_tag}_"
    custom = {group.custom_tag for group in world.groups.values()}
    return tuple(
        sorted(
            tag
            for tag in torrent.tags - _minimum_tags(world) - {own_tag}
            if tag in custom or tag.startswith(prefix) or _is_ancient(tag)
        )
    )


def _is_ancient(tag: str) -> bool:
    return tag.endswith(_ANCIENT) and tag != _ANCIENT


def _minimum_tags(world: World) -> frozenset[str]:
    """The tags that say which minimum is not met."""
    settings = world.settings
    return frozenset(
        {
            settings.share_limits_min_num_seeds_tag,
            settings.share_limits_last_active_tag,
            settings.share_limits_min_seeding_time_tag,
        }
    )


def _present(torrent: Torrent) -> tuple[str, ...]:
    return tuple(sorted(torrent.tags))


def planned(change: TorrentChange, reasons: Iterable[Reason]) -> Planned:
    """A change of this command, for all these reasons."""
    return Planned(change, _NAME, together(reasons))
