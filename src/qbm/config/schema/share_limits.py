"""``share_limits``: groups of torrents, and how long each is seeded (spec: commands.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from qbm.config.problem import printable
from qbm.config.schema.amounts import (
    Action,
    InactiveTime,
    Priority,
    Ratio,
    SeedingTime,
    Size,
    Speed,
    Time,
)
from qbm.config.schema.kinds import Count, Tag, Tags, Texts
from qbm.config.schema.section import Keys, Section, all_wrong, wrong
from qbm.config.schema.settings import Settings
from qbm.model.limit import Limit, ShareLimitAction

UNNUMBERED = 0
"""The priority of a group that says none, until ``numbered`` gives it one."""

_NO_TIME = timedelta()
_ZERO: dict[str, JsonValue] = {"default": 0}


class ShareLimitGroup(Section):
    """A group of ``share_limits``: which torrents are in it, and what holds for them.

    Speeds are in KiB/s, sizes in bytes. ``priority`` is an int or a float as it is written,
    for it is a part of the group's tag.
    """

    renamed: ClassVar[Mapping[str, str]] = {"last_active": "min_last_active"}

    priority: Priority = Field(
        default=UNNUMBERED,
        json_schema_extra={"default": None},
        description="Groups are tried from the lowest to the highest, and the first whose "
        "filters all hold has the torrent. Without a value: one more than the highest so far.",
    )
    include_all_tags: Tags = Field(default=(), description="Only torrents with all these tags.")
    include_any_tags: Tags = Field(default=(), description="Only torrents with one of these tags.")
    exclude_all_tags: Tags = Field(default=(), description="No torrents with all these tags.")
    exclude_any_tags: Tags = Field(default=(), description="No torrents with one of these tags.")
    categories: Texts = Field(default=(), description="Only torrents of these categories.")
    min_torrent_size: Size | None = Field(
        default=None, description="Only torrents of at least this size."
    )
    max_torrent_size: Size | None = Field(
        default=None, description="Only torrents of at most this size."
    )
    max_ratio: Ratio = Field(
        default=Limit.UNLIMITED,
        description="Ratio at which seeding is over; `-1` none, `-2` qBittorrent's own.",
    )
    max_seeding_time: SeedingTime = Field(
        default=Limit.UNLIMITED,
        description="Time of seeding after which it is over; `-1` none, `-2` qBittorrent's own.",
    )
    max_last_active: InactiveTime = Field(
        default=Limit.UNLIMITED,
        description="Time without activity after which seeding is over; `-1` none.",
    )
    min_seeding_time: Time = Field(
        default=_NO_TIME,
        description="Whatever the limits say, a torrent is seeded this long.",
        json_schema_extra=_ZERO,
    )
    min_last_active: Time = Field(
        default=_NO_TIME,
        description="A torrent that was active within this time has no limits.",
        json_schema_extra=_ZERO,
    )
    min_num_seeds: Count = Field(
        default=0, description="A torrent whose swarm has fewer seeds has no limits."
    )
    limit_upload_speed: Speed = Field(
        default=-1, description="Upload limit in KiB/s; `-1` for none."
    )
    enable_group_upload_speed: bool = Field(
        default=False, description="That limit is shared by all torrents of the group."
    )
    upload_speed_on_limit_reached: Speed = Field(
        default=0,
        description="Go on seeding at this speed (KiB/s, `-1` without a limit) once a limit is "
        "reached; `0`: stop as qBittorrent does.",
    )
    reset_upload_speed_on_unmet_minimums: bool = Field(
        default=True, description="No upload limit while a minimum is not reached."
    )
    cleanup: bool = Field(
        default=False, description="Remove torrents that have reached a limit, with their files."
    )
    resume_torrent_after_change: bool = Field(
        default=True, description="Start a stopped torrent when its limits were changed."
    )
    share_limit_action: Action = Field(
        default=ShareLimitAction.DEFAULT,
        description="What qBittorrent (5.2 and later) does at a limit: `Default`, `Stop`, "
        "`Remove`, `RemoveWithContent` or `EnableSuperSeeding`.",
    )
    add_group_to_tag: bool = Field(default=True, description="Tag the torrents with their group.")
    custom_tag: Tag | None = Field(
        default=None, description="That tag; without a value it is made from priority and group."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        all_wrong(self._contradictions())
        return self

    def _contradictions(self) -> Iterator[tuple[Keys, PydanticCustomError]]:
        smallest, largest = self.min_torrent_size, self.max_torrent_size
        if smallest is not None and largest is not None and smallest > largest:
            yield (
                ("min_torrent_size",),
                wrong("no torrent is of that size", "max_torrent_size or less"),
            )
        if isinstance(self.max_seeding_time, timedelta) and (
            self.min_seeding_time > self.max_seeding_time
        ):
            reason = "no torrent is to be seeded longer than max_seeding_time"
            yield ("min_seeding_time",), wrong(reason, "max_seeding_time or less")
        if self.min_seeding_time and not self._has_maximum():
            reason = "a minimum has no meaning without a maximum"
            allowed = "beside it max_ratio above 0, max_seeding_time or max_last_active"
            yield ("min_seeding_time",), wrong(reason, allowed)
        if self.cleanup and self.share_limit_action in _REMOVING:
            reason = "qBittorrent would remove the torrent by itself, before cleanup can"
            yield ("share_limit_action",), wrong(reason, "Default or Stop, or cleanup: false")

    def _has_maximum(self) -> bool:
        return (
            self.max_ratio not in (Limit.UNLIMITED, 0)
            or self.max_seeding_time is not Limit.UNLIMITED
            or self.max_last_active is not Limit.UNLIMITED
        )


_REMOVING = (ShareLimitAction.REMOVE, ShareLimitAction.REMOVE_WITH_CONTENT)


def numbered(groups: Mapping[str, ShareLimitGroup]) -> Mapping[str, ShareLimitGroup]:
    """The groups in ascending priority; one without is one after the highest before it."""
    complete: dict[str, ShareLimitGroup] = {}
    highest: float = 0
    for name, group in groups.items():
        priority = group.priority or highest + 1
        complete[name] = group.model_copy(update={"priority": priority})
        highest = max(highest, priority)
    all_wrong(_shared(complete))
    return dict(sorted(complete.items(), key=lambda each: each[1].priority))


def _shared(groups: Mapping[str, ShareLimitGroup]) -> Iterator[tuple[Keys, PydanticCustomError]]:
    """Priorities and tags that an earlier group has already."""
    by_priority: dict[float, str] = {}
    by_tag: dict[str, str] = {}
    for name, group in groups.items():
        first = by_priority.setdefault(group.priority, name)
        if first != name:
            reason = f"the group {printable(first)} has this priority already"
            yield (name, "priority"), wrong(reason, "a number of its own for each group")
        if group.custom_tag is None:
            continue
        first = by_tag.setdefault(group.custom_tag, name)
        if first != name:
            reason = f"the group {printable(first)} has this tag already"
            yield (name, "custom_tag"), wrong(reason, "a tag of its own for each group")


def group_tag(name: str, group: ShareLimitGroup, settings: Settings) -> str | None:
    """The tag of the torrents in a group; None if it has none."""
    if not group.add_group_to_tag:
        return None
    if group.custom_tag:
        return group.custom_tag
    made = f"{settings.share_limits_tag}_{group.priority}.{name}"
    return made.replace(",", " ").rstrip()  # qBittorrent would make two tags of it


_TAGS_OF_SETTINGS = tuple(
    name for name in Settings.model_fields if name.endswith("_tag") and name != "share_limits_tag"
)


def tags_taken(
    groups: Mapping[str, ShareLimitGroup], settings: Settings
) -> Iterator[tuple[Keys, PydanticCustomError]]:
    """Custom tags that ``settings`` gives another meaning."""
    taken = {getattr(settings, name): name for name in _TAGS_OF_SETTINGS}
    for group, options in groups.items():
        if options.custom_tag is not None and options.custom_tag in taken:
            reason = f"it is the tag of settings.{taken[options.custom_tag]}"
            yield (group, "custom_tag"), wrong(reason, "a tag that means nothing else")
