"""``commands`` and ``settings``: what a run does, and what several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from qbm.config.schema.kinds import Count, Tag, Tags, Texts
from qbm.config.schema.section import Section
from qbm.model.command import COMMANDS, CommandName


class Commands(Section):
    """``commands``: what a scheduled or ``--run`` run does, instead of what the flags say."""

    cat_update: bool = Field(
        default=False, description="Set categories, by `cat`, `tracker` and `cat_change`."
    )
    tag_update: bool = Field(
        default=False, description="Add tags, by `tracker`; the stalled and the private tag."
    )
    rem_unregistered: bool = Field(
        default=False, description="Remove torrents that their tracker no longer knows."
    )
    tag_tracker_error: bool = Field(
        default=False, description="Tag torrents whose trackers all report an error."
    )
    recheck: bool = Field(
        default=False, description="Recheck stopped torrents, and start those that are complete."
    )
    rem_orphaned: bool = Field(
        default=False, description="Put files away that belong to no torrent."
    )
    tag_nohardlinks: bool = Field(
        default=False, description="Tag torrents whose files have no hard links elsewhere."
    )
    share_limits: bool = Field(default=False, description="Share limits by groups.")
    dry_run: bool = Field(
        default=False,
        description="Change nothing, only say what would be changed. No flag overrules it.",
    )
    skip_cleanup: bool = Field(default=False, description="Do not empty the bins after a run.")
    skip_qb_version_check: bool = Field(
        default=False, description="No warning about a qBittorrent that no test has seen."
    )

    @property
    def names(self) -> tuple[CommandName, ...]:
        """The commands that are on, in run order."""
        return tuple(name for name in COMMANDS if getattr(self, name))


def _spelled_out(tag: str) -> str:
    """``share_limit`` of older files meant today's ``~share_limit``."""
    return "~share_limit" if tag == "share_limit" else tag


class Settings(Section):
    """``settings``: what several commands share."""

    renamed: ClassVar[Mapping[str, str]] = {"share_limits_suffix_tag": "share_limits_tag"}

    cat_filter_completed: bool = Field(
        default=True, description="Only complete torrents get a category."
    )
    cat_update_all: bool = Field(
        default=True,
        description="Also change torrents that have a category already, if Automatic Torrent "
        "Management is on for them. `false`: only those without a category.",
    )
    cat_update_use_folder_name: bool = Field(
        default=False,
        description="A save path without an entry under `cat` gives the name of its last folder "
        "as the category.",
    )
    force_auto_tmm: bool = Field(
        default=False,
        description="Switch Automatic Torrent Management on for every torrent that has a "
        "category; qBittorrent then moves its files to the category's folder. In every run with "
        "a command other than `tag_update` and `rem_orphaned`.",
    )
    force_auto_tmm_ignore_tags: Tags = Field(
        default=(), description="Torrents with one of these tags are spared that."
    )
    tag_stalled_torrents: bool = Field(
        default=True,
        description="Tag torrents that download but get no data (state `stalledDL`), and take "
        "the tag away afterwards.",
    )
    stalled_tag: Tag = Field(default="stalledDL", description="That tag.")
    private_tag: Tag | None = Field(
        default=None, description="Tag for private torrents; none without a value."
    )
    tracker_error_tag: Tag = Field(
        default="issue", description="Tag for torrents whose trackers report an error."
    )
    rem_unregistered_filter_completed: bool = Field(
        default=False, description="Only complete torrents are removed as unregistered, or tagged."
    )
    rem_unregistered_ignore_list: Texts = Field(
        default=(),
        description="Words or phrases of a tracker's message that never mean unregistered.",
    )
    rem_unregistered_grace_minutes: Count = Field(
        default=10,
        description="Minutes since a torrent was added before it can count as unregistered.",
    )
    rem_unregistered_max_torrents: Count = Field(
        default=10, description="Most removals per tracker and run; `0` for no cap."
    )
    rem_unregistered_min_sightings: Count = Field(
        default=1, description="Runs that must have seen a torrent unregistered."
    )
    rem_unregistered_min_age_minutes: Count = Field(
        default=0, description="Minutes since the first of those runs."
    )
    rem_unregistered_veto_hours: Count = Field(
        default=48,
        description="Hours for which another tracker's outage or maintenance holds a removal back.",
    )
    nohardlinks_tag: Tag = Field(
        default="noHL", description="Tag for torrents without hard links elsewhere."
    )
    tag_nohardlinks_filter_completed: bool = Field(
        default=True, description="Only complete torrents are looked at for hard links."
    )
    share_limits_filter_completed: bool = Field(
        default=True, description="Only complete torrents get share limits."
    )
    share_limits_tag: Annotated[Tag, AfterValidator(_spelled_out)] = Field(
        default="~share_limit",
        description="What the tags of share limit groups begin with; "
        "`~share_limit_1.films` for the group `films` of priority 1.",
    )
    share_limits_min_seeding_time_tag: Tag = Field(
        default="MinSeedTimeNotReached", description="Tag while `min_seeding_time` is not reached."
    )
    share_limits_min_num_seeds_tag: Tag = Field(
        default="MinSeedsNotMet",
        description="Tag while there are fewer seeds than `min_num_seeds`.",
    )
    share_limits_last_active_tag: Tag = Field(
        default="LastActiveLimitNotReached",
        description="Tag while the last activity is more recent than `min_last_active`.",
    )
    disable_qbt_default_share_limits: bool = Field(
        default=True,
        description="Switch qBittorrent's own limits for all torrents off if it would do anything "
        "but stop a torrent there.",
    )
    max_removal_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        default=20,
        description="If a run would remove more than this percentage of all torrents, it removes "
        "none of them; up to 10 are never too many. `0`: no such guard.",
    )
    protect_tag: Tag | None = Field(
        default=None,
        description="Torrents with this tag are never removed; without a value none are spared.",
    )
