"""What holds for share_limits and recheck in every library (spec: safety, invariants)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qbm.commands.registry import steps
from qbm.config import Config
from qbm.config.schema.share_limits import group_tag
from qbm.engine.planning import plan_run
from qbm.model.change import (
    FileChange,
    RemoveTorrent,
    ServerChange,
    SetPreferences,
    Start,
    torrent_of,
)
from qbm.model.command import CommandName
from qbm.model.limit import GlobalLimits, Limit, ShareLimitAction, ShareLimits, ShareLimitsMode
from qbm.model.plan import Plan
from qbm.model.projection import achieved, expects, project
from qbm.model.snapshot import Selection, Snapshot
from qbm.model.torrent import State, Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN
from tests.factories import ADDED, NOW, a_config, a_hash, a_snapshot, a_torrent

_TAGS = ("A", "B", "keep", "mine", "~share_limit_1.g1", "~share_limit_9.gone", "old.share_limit")
_MINIMUM_TAGS = ("MinSeedsNotMet", "LastActiveLimitNotReached", "MinSeedTimeNotReached")
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_TIMES = (timedelta(), _HOUR, _DAY, 10 * _DAY)
_NO_LIMIT = (Limit.UNLIMITED, Limit.GLOBAL)

_limits = st.builds(
    ShareLimits,
    ratio_limit=st.sampled_from((0.0, 1.0, 2.0, *_NO_LIMIT)),
    seeding_time_limit=st.sampled_from((*_TIMES, *_NO_LIMIT)),
    inactive_seeding_time_limit=st.sampled_from((_DAY, *_NO_LIMIT)),
    share_limit_action=st.sampled_from(ShareLimitAction),
    share_limits_mode=st.sampled_from(ShareLimitsMode),
)
_common = st.one_of(
    st.just(UNKNOWN),
    st.builds(
        GlobalLimits,
        max_ratio=st.sampled_from((1.0, Limit.UNLIMITED)),
        max_seeding_time=st.sampled_from((_DAY, Limit.UNLIMITED)),
        max_inactive_seeding_time=st.sampled_from((_HOUR, Limit.UNLIMITED)),
        max_ratio_act=st.sampled_from(ShareLimitAction),
    ),
)
_facts = st.fixed_dictionaries(
    {
        "name": st.sampled_from(("film", "series")),
        "category": st.sampled_from(("", "films", "tv")),
        "tags": st.frozensets(st.sampled_from((*_TAGS, *_MINIMUM_TAGS)), max_size=4),
        "state": st.sampled_from(
            (State.STALLED_UP, State.STOPPED_UP, State.STOPPED_DL, State.MOVING, State.DOWNLOADING)
        ),
        "progress": st.sampled_from((0.0, 0.5, 1.0, 1.0)),
        "save_path": st.sampled_from(("/x", "/y", UNKNOWN)),
        "added_on": st.sampled_from((ADDED, ADDED + _DAY)),
        "total_size": st.sampled_from((2**20, 2**30, 2**31, UNKNOWN)),
        "ratio": st.sampled_from((0.0, 0.99, 1.0, 2.5, UNKNOWN)),
        "num_complete": st.sampled_from((0, 3, 50, UNKNOWN)),
        "seeding_time": st.sampled_from((*_TIMES, UNKNOWN)),
        "last_activity": st.sampled_from((NOW, NOW - _HOUR, NOW - 10 * _DAY, UNKNOWN)),
        "up_limit": st.sampled_from((0, 1024, 5 * 1024, 777)),
        "share_limits": _limits,
        "has_whole_content": st.sampled_from((True, False, UNKNOWN)),
    }
)


def _old_and_complete(facts: dict[str, Any]) -> dict[str, Any]:
    """4.2.5 knows neither inactive time nor action nor mode."""
    own = facts["share_limits"]
    bare = ShareLimits(ratio_limit=own.ratio_limit, seeding_time_limit=own.seeding_time_limit)
    return {**facts, "share_limits": bare}


_torrents = st.tuples(st.booleans(), st.lists(_facts, max_size=6)).map(
    lambda drawn: [
        a_torrent(str(number), **(_old_and_complete(facts) if drawn[0] else facts))
        for number, facts in enumerate(drawn[1])
    ]
)

# No filter on what the command itself puts on: such a group flips, and the config warns of it.
_tags = st.lists(st.sampled_from(("A", "B", "mine")), max_size=2)
_group = st.fixed_dictionaries(
    {},
    optional={
        "include_all_tags": _tags,
        "include_any_tags": _tags,
        "exclude_all_tags": _tags,
        "exclude_any_tags": _tags,
        "categories": st.sampled_from(("films", "tv")),
        "min_torrent_size": st.sampled_from(("2MB", "1GB")),
        "max_ratio": st.sampled_from((-2, -1, 1, 2)),
        "max_seeding_time": st.sampled_from((-2, -1, 60 * 24, 60 * 24 * 30)),
        "max_last_active": st.sampled_from((-1, 30, 60 * 24)),
        "min_last_active": st.sampled_from((0, 30, 60 * 24)),
        "min_num_seeds": st.sampled_from((0, 4)),
        "limit_upload_speed": st.sampled_from((-1, 0, 1, 5, 100)),
        "enable_group_upload_speed": st.booleans(),
        "upload_speed_on_limit_reached": st.sampled_from((-1, 0, 5)),
        "reset_upload_speed_on_unmet_minimums": st.booleans(),
        "cleanup": st.booleans(),
        "resume_torrent_after_change": st.booleans(),
        "add_group_to_tag": st.booleans(),
    },
)


def _complete(groups: list[dict[str, Any]], minimum: int) -> dict[str, Any]:
    """Named and numbered; a minimum of seeding time only where a maximum gives it a meaning."""
    named: dict[str, Any] = {}
    for number, group in enumerate(groups, start=1):
        has_maximum = group.get("max_last_active", -1) > 0
        seeding = {"min_seeding_time": minimum} if has_maximum and minimum else {}
        if isinstance(group.get("max_seeding_time"), int) and group["max_seeding_time"] > 0:
            seeding = {}
        custom = {"custom_tag": f"custom{number}"} if number == 2 else {}
        named[f"g{number}"] = {"priority": number, **group, **seeding, **custom}
    return named


_configs = st.builds(
    lambda groups, minimum, filtered, protect: a_config(
        share_limits=_complete(groups, minimum),
        settings={"share_limits_filter_completed": filtered, "protect_tag": protect},
    ),
    st.lists(_group, max_size=3),
    st.sampled_from((0, 60 * 24 * 5)),
    st.booleans(),
    st.sampled_from((None, "keep")),
)
_COMMANDS = (CommandName.RECHECK, CommandName.SHARE_LIMITS)


def _library(torrents: list[Torrent], common: Any) -> Snapshot:
    return replace(a_snapshot(torrents), global_limits=common)


def _planned(
    snapshot: Snapshot, config: Config, *commands: CommandName, selection: Selection | None = None
) -> tuple[Plan, Snapshot]:
    chosen = steps(commands or _COMMANDS, config)
    return plan_run(snapshot, chosen, config, selection or Selection(), NOW)


def _hashes(plan: Plan) -> set[TorrentHash]:
    return {of for each in plan.planned if (of := torrent_of(each.change)) is not None}


@given(_torrents, _common, _configs)
def test_a_command_right_after_itself_plans_nothing(
    torrents: list[Torrent], common: Any, config: Config
) -> None:
    for command in _COMMANDS:
        _, after = _planned(_library(torrents, common), config, command)
        assert _planned(after, config, command)[0].planned == ()


@given(_torrents, _common, _configs)
def test_a_run_right_after_a_run_only_starts_what_the_first_has_named(
    torrents: list[Torrent], common: Any, config: Config
) -> None:
    """recheck comes before share_limits, which may lift the limit that held a torrent back."""
    first, after = _planned(_library(torrents, common), config)
    second, after = _planned(after, config)
    assert {type(each.change) for each in second.planned} <= {Start}
    assert _hashes(second) <= {each.hash for each in first.deferred}
    assert _planned(after, config)[0].planned == ()


@given(_torrents, _common, _configs, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    torrents: list[Torrent], common: Any, config: Config, chance: Any
) -> None:
    plan, _ = _planned(_library(torrents, common), config)
    chance.shuffle(torrents)
    assert _planned(_library(torrents, common), config)[0] == plan


@given(_torrents, _common, _configs)
def test_every_change_fits_when_its_turn_comes_and_shows_when_it_is_done(
    torrents: list[Torrent], common: Any, config: Config
) -> None:
    snapshot = _library(torrents, common)
    for planned in _planned(snapshot, config)[0].planned:
        assert expects(planned.change, snapshot)
        snapshot = project(snapshot, [planned.change])
        assert achieved(planned.change, snapshot)
        assert str(planned.reason)


@given(_torrents, _common, _configs)
def test_every_torrent_is_changed_or_left_for_a_reason(
    torrents: list[Torrent], common: Any, config: Config
) -> None:
    for command in _COMMANDS:
        plan, _ = _planned(_library(torrents, common), config, command)
        told = _hashes(plan)
        told |= {each.hash for each in plan.skipped} | {each.hash for each in plan.deferred}
        assert told == {each.hash for each in torrents}


@given(_torrents, _common, _configs)
def test_a_torrent_has_at_most_one_group_tag_and_one_tag_of_a_minimum(
    torrents: list[Torrent], common: Any, config: Config
) -> None:
    plan, after = _planned(_library(torrents, common), config, CommandName.SHARE_LIMITS)
    untouched = {each.hash for each in plan.skipped} - _hashes(plan)
    untouched |= {each.hash for each in plan.deferred}
    own = {group_tag(name, group, config.settings) for name, group in config.share_limits.items()}
    for each in after.torrents.values():
        group_tags = {
            tag
            for tag in each.tags
            if tag in own or tag.startswith("~share_limit_") or tag.endswith(".share_limit")
        }
        if each.hash not in untouched:
            assert len(group_tags) <= 1
            assert group_tags <= own
        elif any(each.hash == skipped.hash for skipped in plan.skipped):
            assert each.tags == next(one.tags for one in torrents if one.hash == each.hash)


@given(_torrents, _common, _configs)
def test_a_removed_torrent_is_not_changed_and_a_protected_one_stays(
    torrents: list[Torrent], common: Any, config: Config
) -> None:
    plan, _ = _planned(_library(torrents, common), config, CommandName.SHARE_LIMITS)
    removed = [each.change.hash for each in plan.planned if isinstance(each.change, RemoveTorrent)]
    changed = [
        each.change.hash
        for each in plan.planned
        if not isinstance(each.change, RemoveTorrent | ServerChange | FileChange)
    ]
    assert not set(removed) & set(changed)
    assert len(removed) == len(set(removed))
    if config.settings.protect_tag:
        protected = {each.hash for each in torrents if config.settings.protect_tag in each.tags}
        assert not protected & set(removed)


@given(_torrents, _configs)
def test_what_could_not_be_read_removes_and_rechecks_nothing(
    torrents: list[Torrent], config: Config
) -> None:
    unread = [
        replace(
            each,
            name=each.hash,
            ratio=UNKNOWN,
            seeding_time=UNKNOWN,
            last_activity=UNKNOWN,
            num_complete=UNKNOWN,
            has_whole_content=UNKNOWN,
        )
        for each in torrents
    ]
    plan, _ = _planned(_library(unread, UNKNOWN), config)
    kinds = {type(each.change).__name__ for each in plan.planned}
    assert not kinds & {"RemoveTorrent", "Recheck", "SetPreferences"}


@given(_torrents, _common, _configs, st.sets(st.integers(0, 5)))
def test_only_what_was_asked_for_is_changed_and_no_preference(
    torrents: list[Torrent], common: Any, config: Config, chosen: set[int]
) -> None:
    hashes = frozenset(a_hash(str(number)) for number in chosen)
    plan, _ = _planned(_library(torrents, common), config, selection=Selection(hashes=hashes))
    assert _hashes(plan) <= hashes
    assert not any(isinstance(each.change, SetPreferences) for each in plan.planned)


@given(_torrents, _common, _configs, st.sampled_from(_COMMANDS))
def test_only_stopped_torrents_are_started_and_each_once(
    torrents: list[Torrent], common: Any, config: Config, command: CommandName
) -> None:
    plan, _ = _planned(_library(torrents, common), config, command)
    started = [each.change.hash for each in plan.planned if isinstance(each.change, Start)]
    assert len(started) == len(set(started))
    assert set(started) <= {each.hash for each in torrents if each.is_stopped}
