"""Which group of ``share_limits`` a torrent belongs to, told filter by filter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from qbm.config import ShareLimitGroup
from qbm.model.torrent import Torrent
from qbm.model.unknown import UNKNOWN, Unknown


class Filter(Struct, frozen=True):
    """A filter of a group, what it wants and what the torrent has, as texts for people.

    ``key`` is its name in the config. It holds, or not, or what it looks at was not read.
    """

    key: str
    wanted: str
    found: str
    holds: bool | Unknown


class Match(Struct, frozen=True):
    """A torrent beside one group: each filter that the group has."""

    group: str
    filters: tuple[Filter, ...] = ()

    @property
    def holds(self) -> bool | Unknown:
        """The torrent belongs to the group; unknown if only unread facts could say no."""
        holding = [each.holds for each in self.filters]
        if False in holding:
            return False
        return UNKNOWN if UNKNOWN in holding else True

    @property
    def unread(self) -> Filter | None:
        """The first filter that looks at what was not read."""
        return next((each for each in self.filters if each.holds is UNKNOWN), None)


def matches(torrent: Torrent, groups: Mapping[str, ShareLimitGroup]) -> Iterator[Match]:
    """The torrent beside each group, in the order in which they are tried."""
    for name, group in groups.items():
        yield Match(name, tuple(_filters(torrent, group)))


def group_of(torrent: Torrent, groups: Mapping[str, ShareLimitGroup]) -> Match | None:
    """The first group whose filters all hold, or may hold for all that is known; else None.

    Past one that may hold nobody looks: a later group could be the one that removes.
    """
    return next((each for each in matches(torrent, groups) if each.holds is not False), None)


def _filters(torrent: Torrent, group: ShareLimitGroup) -> Iterator[Filter]:
    tags = torrent.tags
    found = _listed(sorted(tags))
    if wanted := group.include_all_tags:
        yield Filter("include_all_tags", _listed(wanted), found, tags.issuperset(wanted))
    if wanted := group.include_any_tags:
        yield Filter("include_any_tags", _listed(wanted), found, not tags.isdisjoint(wanted))
    if wanted := group.exclude_all_tags:
        yield Filter("exclude_all_tags", _listed(wanted), found, not tags.issuperset(wanted))
    if wanted := group.exclude_any_tags:
        yield Filter("exclude_any_tags", _listed(wanted), found, tags.isdisjoint(wanted))
    if wanted := group.categories:
        is_one = torrent.category in wanted
        yield Filter("categories", _listed(wanted), torrent.category, is_one)
    yield from _size_filters(torrent.total_size, group)


def _size_filters(size: int | Unknown, group: ShareLimitGroup) -> Iterator[Filter]:
    """Both bounds are included; sizes in bytes."""
    found = "" if size is UNKNOWN else str(size)
    if (smallest := group.min_torrent_size) is not None:
        fits = UNKNOWN if size is UNKNOWN else size >= smallest
        yield Filter("min_torrent_size", str(smallest), found, fits)
    if (largest := group.max_torrent_size) is not None:
        fits = UNKNOWN if size is UNKNOWN else size <= largest
        yield Filter("max_torrent_size", str(largest), found, fits)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
