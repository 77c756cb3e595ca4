"""share_limits, rule by rule, each also for a second run (spec: commands, share_limits)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.commands import share_limits
from qbm.engine.counting import count
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
from qbm.model.limit import (
    GlobalLimits,
    Limit,
    ShareLimitAction,
    ShareLimits,
    ShareLimitsMode,
)
from qbm.model.plan import Plan
from qbm.model.projection import achieved, expects, project
from qbm.model.reason import Code
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import State, Torrent
from qbm.model.unknown import UNKNOWN
from tests.factories import NOW, a_config, a_hash, a_snapshot, a_torrent

_OFF, _OWN = Limit.UNLIMITED, Limit.GLOBAL
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_KIB = 1024
_SEEDS, _ACTIVE, _TIME = "MinSeedsNotMet", "LastActiveLimitNotReached", "MinSeedTimeNotReached"
_TAG = "~share_limit_1.g"


def _limits(
    ratio: float | Limit = _OFF, time: timedelta | Limit = _OFF, inactive: Limit | None = _OWN
) -> ShareLimits:
    """As 5.1.0 has them: with the inactive time, without action and mode."""
    return ShareLimits(
        ratio_limit=ratio, seeding_time_limit=time, inactive_seeding_time_limit=inactive
    )


_NONE = _limits(inactive=_OFF)


def _seeding(key: str = "one", **facts: Any) -> Torrent:
    """Ratio 1, seeded for ten days, active a day ago, in a swarm of five seeds."""
    usual: dict[str, Any] = {
        "total_size": 10 * 2**30,
        "ratio": 1.0,
        "num_complete": 5,
        "seeding_time": 10 * _DAY,
        "last_activity": NOW - _DAY,
        "share_limits": _limits(_OWN, _OWN),
    }
    return a_torrent(key, **{**usual, **facts})


def _server(*torrents: Torrent, common: GlobalLimits | None = None) -> Snapshot:
    usual = GlobalLimits(max_inactive_seeding_time=_OFF)
    return replace(a_snapshot(torrents), global_limits=common or usual)


def _planned(
    snapshot: Snapshot,
    groups: dict[str, Any],
    selection: Selection | None = None,
    **settings: Any,
) -> Plan:
    """The plan; a second run, and each change in its turn, are as they must be."""
    config = a_config(share_limits=groups, settings=settings)
    chosen = selection or Selection()
    plan = share_limits.plan(snapshot, config, chosen, NOW)
    after = snapshot
    for each in plan.planned:
        assert expects(each.change, after), each
        after = project(after, [each.change])
        assert achieved(each.change, after), each
        assert str(each.reason)
    assert share_limits.plan(after, config, chosen, NOW).planned == ()
    return plan


def _one(torrent: Torrent, group: dict[str, Any] | None = None, **settings: Any) -> list[str]:
    """What is planned for one torrent beside one group called g, in words."""
    return _words(_planned(_server(torrent), {"g": {"priority": 1, **(group or {})}}, **settings))


def _words(plan: Plan) -> list[str]:
    return [_word(each.change) for each in plan.planned]


def _word(change: Change) -> str:
    match change:
        case SetShareLimits(after=after):
            return f"limits {_limit(after.ratio_limit)} {_limit(after.seeding_time_limit)} " + (
                _limit(after.inactive_seeding_time_limit)
            )
        case SetUploadLimit(after=after):
            return f"speed {after // _KIB}"
        case AddTags(tags=tags):
            return "+" + ",".join(tags)
        case RemoveTags(tags=tags):
            return "-" + ",".join(tags)
        case Start():
            return "start"
        case RemoveTorrent():
            return "remove"
        case SetPreferences():
            return "preferences"
        case _:
            raise AssertionError(change)


def _limit(limit: object) -> str:
    match limit:
        case None:
            return "-"
        case Limit.UNLIMITED:
            return "none"
        case Limit.GLOBAL:
            return "global"
        case timedelta():
            return f"{limit / _HOUR:g}h"
        case _:
            return f"{limit:g}"


_SETTLED = _limits(2.0)
"""What the group ``{"max_ratio": 2}`` sets."""


@pytest.mark.parametrize(
    ("group", "facts", "words"),
    [
        # No limit is reached
        ({"max_ratio": 2}, {}, ["limits 2 none global"]),
        ({"max_seeding_time": "20d"}, {}, ["limits none 480h global"]),
        ({"max_ratio": -1, "max_seeding_time": -1}, {}, ["limits none none global"]),
        (
            {"max_ratio": -2, "max_seeding_time": -2},
            {"share_limits": _NONE},
            ["limits global global global"],
        ),
        ({"max_ratio": 2}, {"share_limits": _SETTLED}, []),
        ({"max_ratio": 2}, {"share_limits": _limits(1.999)}, []),
        ({"max_ratio": 2}, {"share_limits": _limits(2.01)}, ["limits 2 none global"]),
        ({"max_ratio": 20000}, {"share_limits": _limits(9999.0)}, []),
        ({"max_seeding_time": 14400.5}, {}, ["limits none 240.017h global"]),
        ({"limit_upload_speed": 100}, {}, ["limits none none global", "speed 100"]),
        ({"limit_upload_speed": 0}, {"up_limit": 5 * _KIB}, ["limits none none global", "speed 0"]),
        ({"limit_upload_speed": -1}, {"share_limits": _limits()}, []),
        ({"limit_upload_speed": 100}, {"share_limits": _limits(), "up_limit": 100 * _KIB}, []),
        # More than a signed 32-bit number of bytes per second is none to the server
        ({"limit_upload_speed": 2**21}, {"share_limits": _limits()}, []),
        ({"limit_upload_speed": 2**21 - 1}, {"share_limits": _limits()}, [f"speed {2**21 - 1}"]),
        # Starts
        ({"max_ratio": 2}, {"state": State.STOPPED_UP}, ["limits 2 none global", "start"]),
        ({"max_ratio": 2}, {"state": State.PAUSED_UP}, ["limits 2 none global", "start"]),
        ({"max_ratio": 2}, {"state": State.STOPPED_UP, "share_limits": _SETTLED}, []),
        (
            {"max_ratio": 2, "limit_upload_speed": 9},
            {"state": State.STOPPED_UP, "share_limits": _SETTLED},
            ["speed 9", "start"],
        ),
        (
            {"max_ratio": 2, "resume_torrent_after_change": False},
            {"state": State.STOPPED_UP},
            ["limits 2 none global"],
        ),
        (
            {"max_ratio": 2},
            {"state": State.STOPPED_UP, "share_limits": _SETTLED, "tags": frozenset({_SEEDS})},
            ["start", f"-{_SEEDS}"],
        ),
        # A limit is reached: as before, but never started
        ({"max_ratio": 1}, {"state": State.STOPPED_UP}, ["limits 1 none global"]),
        ({"max_ratio": 0}, {"ratio": 0.0}, ["limits 0 none global"]),
        ({"max_seeding_time": "10d"}, {"state": State.STOPPED_UP}, ["limits none 240h global"]),
        ({"max_last_active": "1d"}, {"state": State.STOPPED_UP}, ["limits none none global"]),
        (
            {"max_last_active": "25h"},
            {"state": State.STOPPED_UP},
            ["limits none none global", "start"],
        ),
        ({"max_ratio": 1, "limit_upload_speed": 7}, {}, ["limits 1 none global", "speed 7"]),
        (
            {"max_ratio": 1},
            {"share_limits": _limits(1.0), "tags": frozenset({_SEEDS, _TIME})},
            [f"-{_TIME},{_SEEDS}"],
        ),
        # ... with a speed for what is over
        (
            {"max_ratio": 1, "upload_speed_on_limit_reached": 5},
            {"state": State.STOPPED_UP},
            ["limits none none none", "speed 5", "start"],
        ),
        (
            {"max_ratio": 1, "upload_speed_on_limit_reached": -1},
            {"up_limit": 3 * _KIB},
            ["limits none none none", "speed 0"],
        ),
        (
            {
                "max_ratio": 1,
                "upload_speed_on_limit_reached": 5,
                "resume_torrent_after_change": False,
            },
            {"state": State.STOPPED_UP},
            ["limits none none none", "speed 5"],
        ),
        (
            {"max_ratio": 1, "upload_speed_on_limit_reached": 5},
            {"state": State.STOPPED_UP, "share_limits": _NONE, "up_limit": 5 * _KIB},
            [],
        ),
        ({"max_ratio": 2, "upload_speed_on_limit_reached": 5}, {}, ["limits 2 none global"]),
        # ... and with a clean-up
        ({"max_ratio": 1, "cleanup": True}, {}, ["remove"]),
        ({"max_ratio": 1, "cleanup": True, "upload_speed_on_limit_reached": 5}, {}, ["remove"]),
        ({"max_seeding_time": "10d", "cleanup": True}, {}, ["remove"]),
        ({"max_last_active": "1d", "cleanup": True}, {}, ["remove"]),
        ({"max_last_active": "25h", "cleanup": True}, {}, ["limits none none global"]),
        ({"max_ratio": 1.01, "cleanup": True}, {}, ["limits 1.01 none global"]),
        ({"max_ratio": 9, "max_seeding_time": "10d", "cleanup": True}, {}, ["remove"]),
        # A minimum is unmet: no limits
        ({"max_ratio": 2, "min_num_seeds": 6}, {}, ["limits none none none", f"+{_SEEDS}"]),
        ({"max_ratio": 2, "min_num_seeds": 5}, {}, ["limits 2 none global"]),
        ({"max_ratio": 2, "min_last_active": "25h"}, {}, ["limits none none none", f"+{_ACTIVE}"]),
        ({"max_ratio": 2, "min_last_active": "24h"}, {}, ["limits 2 none global"]),
        (
            {"max_ratio": 1, "min_seeding_time": "11d"},
            {},
            ["limits none none none", f"+{_TIME}"],
        ),
        ({"max_ratio": 1, "min_seeding_time": "10d"}, {}, ["limits 1 none global"]),
        ({"max_ratio": 2, "min_seeding_time": "11d"}, {}, ["limits 2 none global"]),
        # ... the first in order decides, and a torrent has one of these tags
        (
            {
                "max_ratio": 1,
                "min_num_seeds": 6,
                "min_last_active": "2d",
                "min_seeding_time": "11d",
            },
            {"tags": frozenset({_ACTIVE, _TIME})},
            ["limits none none none", f"-{_ACTIVE},{_TIME}", f"+{_SEEDS}"],
        ),
        (
            {
                "max_ratio": 1,
                "min_num_seeds": 5,
                "min_last_active": "2d",
                "min_seeding_time": "11d",
            },
            {"tags": frozenset({_SEEDS})},
            ["limits none none none", f"-{_SEEDS}", f"+{_ACTIVE}"],
        ),
        # ... nothing is cleaned up meanwhile
        (
            {"max_ratio": 1, "min_num_seeds": 6, "cleanup": True},
            {"share_limits": _NONE},
            [f"+{_SEEDS}"],
        ),
        (
            {"max_last_active": "1d", "min_seeding_time": "11d", "cleanup": True},
            {"share_limits": _NONE},
            [f"+{_TIME}"],
        ),
        # ... the speed
        ({"min_num_seeds": 6}, {"up_limit": 9, "share_limits": _NONE}, ["speed 0", f"+{_SEEDS}"]),
        (
            {"min_num_seeds": 6, "reset_upload_speed_on_unmet_minimums": False},
            {"up_limit": 9, "share_limits": _NONE},
            [f"+{_SEEDS}"],
        ),
        (
            {
                "min_num_seeds": 6,
                "reset_upload_speed_on_unmet_minimums": False,
                "limit_upload_speed": 8,
            },
            {"up_limit": 9, "share_limits": _NONE},
            ["speed 8", f"+{_SEEDS}"],
        ),
        # ... started only when the tag is put on now
        (
            {"min_num_seeds": 6},
            {"state": State.STOPPED_UP, "share_limits": _NONE},
            ["start", f"+{_SEEDS}"],
        ),
        (
            {"min_num_seeds": 6},
            {"state": State.STOPPED_UP, "tags": frozenset({_SEEDS})},
            ["limits none none none"],
        ),
        (
            {"min_num_seeds": 6, "resume_torrent_after_change": False},
            {"state": State.STOPPED_UP},
            ["limits none none none", f"+{_SEEDS}"],
        ),
    ],
)
def test_a_group_makes_of_a_torrent(
    group: dict[str, Any], facts: dict[str, Any], words: list[str]
) -> None:
    assert _one(_seeding(**facts), {"add_group_to_tag": False, **group}) == words


@pytest.mark.parametrize(
    ("tags", "expected"),
    [(frozenset(), ["start", f"+{_TAG}"]), (frozenset({_TAG}), [])],
    ids=["new", "in it already"],
)
def test_being_put_into_a_group_starts_a_torrent_whose_limits_are_right_by_chance(
    tags: frozenset[str], expected: list[str]
) -> None:
    torrent = _seeding(state=State.STOPPED_UP, share_limits=_limits(2), tags=tags)
    assert _words(_planned(_server(torrent), {"g": {"priority": 1, "max_ratio": 2}})) == expected


@pytest.mark.parametrize(
    ("common", "group", "words"),
    [
        (GlobalLimits(max_ratio=1.0), {"max_ratio": -2}, ["remove"]),
        (GlobalLimits(max_ratio=1.1), {"max_ratio": -2}, []),
        (GlobalLimits(), {"max_ratio": -2}, []),
        (GlobalLimits(max_seeding_time=10 * _DAY), {"max_seeding_time": -2}, ["remove"]),
        (GlobalLimits(max_seeding_time=11 * _DAY), {"max_seeding_time": -2}, []),
        (GlobalLimits(max_ratio=1.0), {"max_seeding_time": -2, "max_ratio": 3}, []),
        (
            GlobalLimits(max_ratio=1.0),
            {"max_ratio": -2, "min_seeding_time": "11d"},
            ["limits none none none", f"+{_TIME}"],
        ),
    ],
)
def test_minus_two_is_the_servers_limit_if_it_has_one(
    common: GlobalLimits, group: dict[str, Any], words: list[str]
) -> None:
    limits = _limits(
        _OWN if group.get("max_ratio") == -2 else float(group.get("max_ratio", -1)),
        _OWN if group.get("max_seeding_time") == -2 else _OFF,
    )
    limits = replace(limits, ratio_limit=_OFF) if limits.ratio_limit == -1 else limits
    snapshot = _server(_seeding(share_limits=limits), common=common)
    group = {"priority": 1, "add_group_to_tag": False, "cleanup": True, **group}
    assert _words(_planned(snapshot, {"g": group})) == words


def test_the_reason_tells_group_rule_and_numbers() -> None:
    torrent = _seeding(ratio=2.109, state=State.STOPPED_UP)
    [removal] = _planned(
        _server(torrent), {"films": {"priority": 1, "max_ratio": 2, "cleanup": True}}
    ).planned
    assert (
        str(removal.reason)
        == "ratio 2.10 ≥ max_ratio 2; group films removes what has reached a limit"
    )
    group = {"priority": 1, "max_seeding_time": "1d2h", "min_num_seeds": 6}
    reasons = [str(each.reason) for each in _planned(_server(torrent), {"films": group}).planned]
    unmet = "seeds 5 < min_num_seeds 6; its group films gives no limits before that minimum is met"
    assert reasons == [
        unmet,
        f"{unmet}; resume_torrent_after_change is on",
        f"the tag of the group films; {unmet}",
    ]
    group = {"priority": 1, "max_ratio": 2, "min_seeding_time": "20d"}
    [limits, *_] = _planned(_server(torrent), {"films": group}).planned
    assert str(limits.reason) == (
        "seeding time 10d < min_seeding_time 20d; ratio 2.10 ≥ max_ratio 2; "
        "its group films gives no limits before that minimum is met"
    )


def test_a_removal_is_all_that_happens_to_a_torrent() -> None:
    torrent = _seeding(tags=frozenset({"b", "a", _TAG}), category="films", up_limit=9)
    [planned] = _planned(
        _server(torrent), {"g": {"priority": 1, "max_ratio": 1, "cleanup": True}}
    ).planned
    assert planned.change == RemoveTorrent(
        hash=torrent.hash, category="films", tags=("a", "b", _TAG), save_path="/data"
    )


# Groups and their filters


@pytest.mark.parametrize(
    ("filters", "is_in"),
    [
        ({}, True),
        ({"include_all_tags": ["a", "b"]}, True),
        ({"include_all_tags": ["a", "x"]}, False),
        ({"include_any_tags": ["a", "x"]}, True),
        ({"include_any_tags": ["x", "A"]}, False),
        ({"exclude_all_tags": ["a", "b"]}, False),
        ({"exclude_all_tags": ["a", "x"]}, True),
        ({"exclude_any_tags": ["a", "x"]}, False),
        ({"exclude_any_tags": ["x", "y"]}, True),
        ({"categories": ["films", "tv"]}, True),
        ({"categories": ["film"]}, False),
        ({"min_torrent_size": "10GB"}, True),
        ({"min_torrent_size": "10.1GB"}, False),
        ({"max_torrent_size": "10GB"}, True),
        ({"max_torrent_size": "9.9GB"}, False),
        ({"include_all_tags": "a", "categories": "tv"}, False),
    ],
)
def test_a_torrent_is_in_a_group_if_all_filters_hold(filters: dict[str, Any], is_in: bool) -> None:
    torrent = _seeding(tags=frozenset({"a", "b"}), category="films", share_limits=_limits())
    plan = _planned(_server(torrent), {"g": {"priority": 1, **filters}})
    assert _words(plan) == ([f"+{_TAG}"] if is_in else [])
    assert [each.reason.code for each in plan.skipped] == ([] if is_in else [Code.IN_NO_GROUP])


def test_the_first_group_by_priority_has_the_torrent_whatever_the_files_order() -> None:
    groups = {
        "last": {"priority": 3},
        "second": {"priority": 2.5},
        "first": {"priority": 1, "categories": "tv"},
    }
    torrent = _seeding(share_limits=_limits())
    assert _words(_planned(_server(torrent), groups)) == ["+~share_limit_2.5.second"]


def test_an_unread_size_leaves_a_torrent_alone_rather_than_to_a_later_group() -> None:
    groups: dict[str, dict[str, Any]] = {
        "small": {"priority": 1, "max_torrent_size": "1GB"},
        "rest": {"priority": 2, "max_ratio": 1, "cleanup": True},
    }
    plan = _planned(_server(_seeding(total_size=UNKNOWN)), groups)
    assert plan.planned == ()
    assert [each.reason.code for each in plan.skipped] == [Code.GROUP_UNDECIDED]
    groups["small"]["categories"] = "tv"  # says no, whatever the size
    assert _words(_planned(_server(_seeding(total_size=UNKNOWN)), groups)) == ["remove"]


@pytest.mark.parametrize(
    ("state", "progress"),
    [(State.STOPPED_DL, 0.5), (State.CHECKING_UP, 1.0), (State.MOVING, 1.0)],
)
def test_incomplete_torrents_are_not_touched_at_all_nor_their_tags(
    state: State, progress: float
) -> None:
    torrent = _seeding(state=state, progress=progress, tags=frozenset({"~share_limit_9.old"}))
    group = {"priority": 1, "max_ratio": 1}
    plan = _planned(_server(torrent), {"g": group})
    assert plan.planned == ()
    assert [each.reason.code for each in plan.skipped] == [Code.NOT_COMPLETE]
    plan = _planned(_server(torrent), {"g": group}, share_limits_filter_completed=False)
    assert _words(plan) == ["limits 1 none global", "-~share_limit_9.old", f"+{_TAG}"]


def test_content_that_is_moving_or_checked_is_not_removed_but_later() -> None:
    groups = {"g": {"priority": 1, "max_ratio": 1, "cleanup": True}}
    for torrent in (
        _seeding(state=State.MOVING),
        _seeding(state=State.CHECKING_UP),
        _seeding(save_path=UNKNOWN),
    ):
        plan = _planned(_server(torrent), groups, share_limits_filter_completed=False)
        assert plan.planned == ()
        assert [each.hash for each in plan.deferred] == [torrent.hash]


# Tags


@pytest.mark.parametrize(
    ("group", "tags", "words"),
    [
        ({}, set(), [f"+{_TAG}"]),
        ({}, {_TAG}, []),
        ({"priority": 1.5}, {_TAG}, [f"-{_TAG}", "+~share_limit_1.5.g"]),
        ({"custom_tag": "mine"}, {_TAG}, [f"-{_TAG}", "+mine"]),
        ({"custom_tag": "mine"}, {"mine"}, []),
        ({"add_group_to_tag": False}, {_TAG}, [f"-{_TAG}"]),
        ({"add_group_to_tag": False, "custom_tag": "mine"}, {"mine"}, ["-mine"]),
        ({}, {"other"}, ["-other", f"+{_TAG}"]),
        (
            {},
            {_TAG, "~share_limit_1.gg", "~share_limit_2.h"},
            ["-~share_limit_1.gg,~share_limit_2.h"],
        ),
        ({}, {_TAG, "g.share_limit", "gone.share_limit"}, ["-g.share_limit,gone.share_limit"]),
        # Never by a part of it, and no case is ignored
        ({}, {_TAG, "my ~share_limit_1.g", "~share_limit", "~share_limits", "others", "MINE"}, []),
        ({}, {_TAG, ".share_limit", "g.share_limits", "~Share_limit_1.g"}, []),
    ],
)
def test_a_torrent_has_one_group_tag(
    group: dict[str, Any], tags: set[str], words: list[str]
) -> None:
    torrent = _seeding(tags=frozenset(tags), share_limits=_limits())
    groups = {"g": {"priority": 1, **group}, "h": {"priority": 7, "custom_tag": "other"}}
    assert _words(_planned(_server(torrent), groups)) == words


def test_a_torrent_without_a_group_loses_its_group_tags_and_keeps_its_limits() -> None:
    tags = frozenset({_TAG, "other", "x.share_limit", "films", _SEEDS})
    torrent = _seeding(tags=tags, share_limits=_limits(7.0), up_limit=5, state=State.STOPPED_UP)
    groups = {
        "g": {"priority": 1, "categories": "tv"},
        "h": {"priority": 2, "categories": "tv", "custom_tag": "other"},
    }
    assert _words(_planned(_server(torrent), groups)) == [f"-other,x.share_limit,{_TAG}"]


def test_tags_that_settings_name_are_put_on_and_known_again() -> None:
    settings = {
        "share_limits_tag": "grp",
        "share_limits_min_num_seeds_tag": "grp_few",
        "share_limits_last_active_tag": "grp_active",
    }
    torrent = _seeding(tags=frozenset({"grp_9.x", "grp_active", "~share_limit_1.g"}))
    group = {"min_num_seeds": 6, "max_ratio": 5}
    words = _one(torrent, group, **settings)
    assert words == ["limits none none none", "-grp_9.x,grp_active", "+grp_1.g,grp_few"]


def test_a_group_whose_name_has_a_comma_has_one_tag_all_the_same() -> None:
    torrent = _seeding(share_limits=_limits())
    plan = _planned(_server(torrent), {"films, old": {"priority": 1}})
    assert _words(plan) == ["+~share_limit_1.films  old"]


# What could not be read


@pytest.mark.parametrize(
    ("group", "facts", "code"),
    [
        ({"min_num_seeds": 1}, {"num_complete": UNKNOWN}, Code.SEEDS_UNKNOWN),
        ({"max_ratio": 1}, {"ratio": UNKNOWN}, Code.RATIO_UNKNOWN),
        ({"max_seeding_time": 1}, {"seeding_time": UNKNOWN}, Code.SEEDING_TIME_UNKNOWN),
        (
            {"max_ratio": 1, "min_seeding_time": 1},
            {"seeding_time": UNKNOWN},
            Code.SEEDING_TIME_UNKNOWN,
        ),
        (
            {"max_ratio": 1, "max_last_active": "1d", "cleanup": True},
            {"last_activity": UNKNOWN},
            Code.LAST_ACTIVITY_UNKNOWN,
        ),
        (
            {"max_ratio": 1, "min_last_active": "1h", "cleanup": True},
            {"last_activity": UNKNOWN},
            Code.LAST_ACTIVITY_UNKNOWN,
        ),
        (
            {"max_ratio": 1, "min_last_active": "1h", "share_limit_action": "Remove"},
            {"last_activity": UNKNOWN},
            Code.LAST_ACTIVITY_UNKNOWN,
        ),
    ],
)
def test_what_could_not_be_read_leaves_the_torrent_alone(
    group: dict[str, Any], facts: dict[str, Any], code: Code
) -> None:
    plan = _planned(_server(_seeding(**facts)), {"g": {"priority": 1, **group}})
    assert plan.planned == ()
    assert [each.reason.code for each in plan.skipped] == [code]


def test_an_unknown_last_activity_is_neither_recent_nor_long_ago() -> None:
    torrent = _seeding(last_activity=UNKNOWN)
    group = {"min_last_active": "1d", "max_last_active": "1m", "cleanup": True}
    assert _one(torrent, group) == ["limits none none global", f"+{_TAG}"]


def test_unread_limits_of_the_server_match_nothing_where_a_group_uses_them() -> None:
    snapshot = replace(_server(_seeding(ratio=9000.0)), global_limits=UNKNOWN)
    plan = _planned(snapshot, {"g": {"priority": 1, "max_ratio": -2, "cleanup": True}})
    assert plan.planned == ()
    assert [each.reason.code for each in plan.skipped] == [Code.GLOBAL_LIMITS_UNKNOWN]
    assert [each.reason.code for each in plan.notices] == [Code.GLOBAL_LIMITS_UNKNOWN]


def test_facts_that_no_group_looks_at_may_be_unknown() -> None:
    torrent = _seeding(
        ratio=UNKNOWN, seeding_time=UNKNOWN, num_complete=UNKNOWN, last_activity=UNKNOWN
    )
    assert _one(torrent, {"limit_upload_speed": 3}) == [
        "limits none none global",
        "speed 3",
        f"+{_TAG}",
    ]


def test_a_clock_ahead_of_ours_is_no_long_inactivity() -> None:
    torrent = _seeding(last_activity=NOW + _DAY, share_limits=_limits())
    assert _one(torrent, {"max_last_active": "1h", "cleanup": True}) == [f"+{_TAG}"]
    assert _one(torrent, {"min_last_active": "1h"}) == [
        "limits none none none",
        f"+{_TAG},{_ACTIVE}",
    ]


# Protected torrents


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"cleanup": True}, ["limits 1 none global", f"+{_TAG}"]),
        (
            {"cleanup": True, "upload_speed_on_limit_reached": 4},
            ["limits none none none", "speed 4", "start", f"+{_TAG}"],
        ),
    ],
)
def test_a_protected_torrent_is_not_cleaned_up(group: dict[str, Any], words: list[str]) -> None:
    torrent = _seeding(tags=frozenset({"keep"}), state=State.STOPPED_UP)
    snapshot = _server(torrent)
    groups = {"g": {"priority": 1, "max_ratio": 1, **group}}
    plan = _planned(snapshot, groups, protect_tag="keep")
    assert _words(plan) == words
    assert "its tag keep protects it" in str(plan.planned[0].reason)
    again = share_limits.plan(
        project(snapshot, (each.change for each in plan.planned)),
        a_config(share_limits=groups, settings={"protect_tag": "keep"}),
        Selection(),
        NOW,
    )
    assert "its tag keep protects it" in str(again.skipped[0].reason)


@pytest.mark.parametrize("action", ["Remove", "RemoveWithContent"])
def test_the_server_does_not_remove_a_protected_torrent_either(action: str) -> None:
    newest = replace(_limits(), share_limit_action=ShareLimitAction.DEFAULT)
    kept = _seeding("kept", tags=frozenset({"keep"}), share_limits=newest)
    free = _seeding("free", share_limits=newest)
    group = {"priority": 1, "max_ratio": 5, "share_limit_action": action}
    plan = _planned(_server(kept, free), {"g": group}, protect_tag="keep")
    actions = {
        each.change.hash: each.change.after.share_limit_action
        for each in plan.planned
        if isinstance(each.change, SetShareLimits)
    }
    assert actions == {kept.hash: ShareLimitAction.STOP, free.hash: ShareLimitAction(action)}


# Servers of other generations


def test_a_server_without_inactive_time_action_and_mode_is_asked_for_none() -> None:
    oldest = _seeding(share_limits=_limits(_OWN, _OWN, None))
    assert _one(oldest, {"max_ratio": 2})[0] == "limits 2 none -"
    assert _one(oldest, {"min_num_seeds": 9})[0] == "limits none none -"


@pytest.mark.parametrize(
    ("group", "action", "mode"),
    [
        ({"max_ratio": 2}, ShareLimitAction.DEFAULT, ShareLimitsMode.MATCH_ANY),
        (
            {"max_ratio": 1, "share_limit_action": "stop"},
            ShareLimitAction.STOP,
            ShareLimitsMode.MATCH_ANY,
        ),
        (
            {"max_ratio": 2, "share_limit_action": "EnableSuperSeeding"},
            ShareLimitAction.ENABLE_SUPER_SEEDING,
            ShareLimitsMode.MATCH_ANY,
        ),
        (
            {"max_ratio": 2, "min_num_seeds": 9, "share_limit_action": "Stop"},
            ShareLimitAction.DEFAULT,
            ShareLimitsMode.DEFAULT,
        ),
    ],
)
def test_the_newest_server_gets_action_and_mode(
    group: dict[str, Any], action: ShareLimitAction, mode: ShareLimitsMode
) -> None:
    own = replace(
        _limits(7.0),
        share_limit_action=ShareLimitAction.REMOVE,
        share_limits_mode=ShareLimitsMode.MATCH_ALL,
    )
    plan = _planned(_server(_seeding(share_limits=own)), {"g": {"priority": 1, **group}})
    change = plan.planned[0].change
    assert isinstance(change, SetShareLimits)
    assert (change.after.share_limit_action, change.after.share_limits_mode) == (action, mode)


def test_an_inactive_limit_of_the_server_that_is_reached_keeps_it_stopped() -> None:
    """It would be stopped again at once; the torrent's own inactive limit becomes the global."""
    torrent = _seeding(state=State.STOPPED_UP)
    group = {"priority": 1, "max_ratio": 2, "add_group_to_tag": False}
    stops = GlobalLimits(max_inactive_seeding_time=_DAY)
    assert _words(_planned(_server(torrent, common=stops), {"g": group})) == [
        "limits 2 none global"
    ]
    later = GlobalLimits(max_inactive_seeding_time=2 * _DAY)
    assert _words(_planned(_server(torrent, common=later), {"g": group})) == [
        "limits 2 none global",
        "start",
    ]


# The server's own limits


@pytest.mark.parametrize(
    ("common", "group", "settings", "is_set"),
    [
        (GlobalLimits(max_ratio_act=ShareLimitAction.REMOVE), {}, {}, True),
        (GlobalLimits(max_ratio_act=ShareLimitAction.ENABLE_SUPER_SEEDING), {}, {}, True),
        (GlobalLimits(max_ratio=1.0, max_ratio_act=ShareLimitAction.STOP), {}, {}, False),
        (GlobalLimits(max_ratio_act=ShareLimitAction.REMOVE), {"max_ratio": -2}, {}, False),
        (
            GlobalLimits(max_ratio_act=ShareLimitAction.REMOVE),
            {},
            {"disable_qbt_default_share_limits": False},
            False,
        ),
    ],
)
def test_the_servers_own_limits_are_switched_off_unless_it_would_only_stop(
    common: GlobalLimits, group: dict[str, Any], settings: dict[str, Any], is_set: bool
) -> None:
    plan = _planned(_server(common=common), {"g": {"priority": 1, **group}}, **settings)
    set_to = [each.change for each in plan.planned]
    assert set_to == ([SetPreferences(common, GlobalLimits())] if is_set else [])


def test_they_are_switched_off_first_with_the_inactive_time_where_there_is_one() -> None:
    common = GlobalLimits(
        max_ratio=1.0,
        max_inactive_seeding_time=_DAY,
        max_ratio_act=ShareLimitAction.REMOVE_WITH_CONTENT,
    )
    plan = _planned(_server(_seeding(), common=common), {"g": {"priority": 1, "max_ratio": 2}})
    first = plan.planned[0]
    assert first.change == SetPreferences(common, GlobalLimits(max_inactive_seeding_time=_OFF))
    assert "RemoveWithContent" in str(first.reason)


def test_a_group_that_uses_them_keeps_them_with_a_warning() -> None:
    common = GlobalLimits(max_ratio=3.0, max_ratio_act=ShareLimitAction.REMOVE)
    plan = _planned(
        _server(_seeding(), common=common), {"uses": {"priority": 1, "max_seeding_time": -2}}
    )
    assert not any(isinstance(each.change, SetPreferences) for each in plan.planned)
    [notice] = plan.notices
    assert notice.reason.code is Code.GLOBAL_LIMITS_KEPT
    assert "uses" in str(notice.reason)


def test_a_run_for_some_hashes_sets_no_preferences_and_touches_no_other_torrent() -> None:
    one, two = _seeding("one"), _seeding("two")
    common = GlobalLimits(max_ratio=3.0, max_ratio_act=ShareLimitAction.REMOVE)
    selection = Selection(hashes=frozenset({one.hash}))
    plan = _planned(
        _server(one, two, common=common), {"g": {"priority": 1, "max_ratio": 2}}, selection
    )
    assert {each.change.hash for each in plan.planned} == {one.hash}  # type: ignore[union-attr]
    assert plan.notices == ()


# The speed of a group


def _speeds(plan: Plan) -> list[int]:
    return [
        each.change.after // _KIB
        for each in plan.planned
        if isinstance(each.change, SetUploadLimit)
    ]


_SHARED: dict[str, Any] = {
    "priority": 1,
    "limit_upload_speed": 100,
    "enable_group_upload_speed": True,
}


@pytest.mark.parametrize(("members", "speed"), [(1, 100), (3, 33), (7, 14), (201, 1)])
def test_a_groups_speed_is_divided_by_its_torrents(members: int, speed: int) -> None:
    torrents = [_seeding(str(number)) for number in range(members)]
    plan = _planned(
        _server(*torrents, _seeding("not", category="tv")),
        {
            "tv": {"priority": 1, "categories": "tv"},
            "g": {**_SHARED, "priority": 2},
        },
    )
    assert _speeds(plan) == [speed] * members
    assert f"{speed} KiB/s shared by the {members} torrents" in " ".join(
        str(each.reason) for each in plan.planned
    )


def test_what_is_removed_or_left_out_has_no_share_of_it() -> None:
    going = _seeding("going", ratio=5.0)
    incomplete = _seeding("incomplete", progress=0.5, state=State.DOWNLOADING)
    groups = {"g": {**_SHARED, "max_ratio": 5, "cleanup": True}}
    staying = [_seeding("one"), _seeding("two")]
    assert _speeds(_planned(_server(going, incomplete, *staying), groups)) == [50, 50]


def test_a_groups_speed_counts_the_whole_library_whatever_was_asked_for() -> None:
    torrents = [_seeding(str(number)) for number in range(4)]
    selection = Selection(hashes=frozenset({torrents[0].hash}))
    plan = _planned(_server(*torrents), {"g": _SHARED}, selection)
    assert _speeds(plan) == [25]
    assert not plan.needs_whole


@pytest.mark.parametrize(
    ("group", "needs_whole"),
    [
        (_SHARED, True),
        ({**_SHARED, "limit_upload_speed": -1}, False),
        ({**_SHARED, "enable_group_upload_speed": False}, False),
        ({**_SHARED, "categories": "tv"}, False),
        ({"priority": 1, "max_ratio": 1, "cleanup": True}, True),
        ({"priority": 1, "max_ratio": 2, "cleanup": True}, False),
    ],
)
def test_the_whole_library_is_asked_for_only_where_it_decides(
    group: dict[str, Any], needs_whole: bool
) -> None:
    torrent = _seeding()
    snapshot = replace(_server(torrent), is_whole=False)
    config = a_config(share_limits={"g": group})
    plan = share_limits.plan(snapshot, config, Selection(hashes=frozenset({torrent.hash})), NOW)
    assert plan.needs_whole is needs_whole


# Facts and counters


@pytest.mark.parametrize(
    ("group", "is_needed"),
    [
        ({"max_ratio": 1}, False),
        ({"max_seeding_time": 1}, True),
        ({"max_seeding_time": -2}, True),
        ({"max_ratio": 1, "min_seeding_time": 1}, True),
    ],
)
def test_the_seeding_time_is_asked_for_where_a_group_looks_at_it(
    group: dict[str, Any], is_needed: bool
) -> None:
    needs = share_limits.needs(a_config(share_limits={"g": group}))
    assert needs.keys() == {Fact.GLOBAL_LIMITS} | ({Fact.SEEDING_TIME} if is_needed else set())
    if is_needed:
        assert needs[Fact.SEEDING_TIME](_seeding())
        assert not needs[Fact.SEEDING_TIME](_seeding(progress=0.5))


def test_a_torrent_whose_limits_and_speed_change_counts_once() -> None:
    two_changes = _seeding("two")
    speed_only = _seeding("speed", share_limits=_limits(3.0))
    gone = _seeding("gone", ratio=3.0)
    plan = _planned(
        _server(two_changes, speed_only, gone),
        {"g": {"priority": 1, "max_ratio": 3, "limit_upload_speed": 9, "cleanup": True}},
    )
    counters = {name: number for name, number in count(plan.planned).items() if number}
    assert counters == {
        "updated_share_limits": 2,
        "cleaned_share_limits": 1,
        "deleted": 1,
        "tagged": 2,
    }


def test_torrents_are_known_by_their_hash_not_by_their_name() -> None:
    same = {"name": "film", "share_limits": _limits(2.0), "tags": frozenset({_TAG})}
    old, new = _seeding("old", ratio=3.0, **same), _seeding("new", **same)
    plan = _planned(_server(old, new), {"g": {"priority": 1, "max_ratio": 2, "cleanup": True}})
    assert [each.change.hash for each in plan.planned] == [a_hash("old")]  # type: ignore[union-attr]


def test_a_stopped_torrent_whose_limits_are_lifted_is_named() -> None:
    """A later recheck starts it: it had its turn in this run before."""
    held = _seeding("held", state=State.STOPPED_UP, share_limits=_limits(1.0))
    group = {"priority": 1, "max_ratio": 2, "resume_torrent_after_change": False}
    plan = _planned(_server(held), {"g": group})
    assert [each.reason.code for each in plan.deferred] == [Code.LIMITS_LIFTED]
    assert _planned(_server(held), {"g": {**group, "max_ratio": 1}}).deferred == ()
    common = GlobalLimits(max_ratio=1.0, max_ratio_act=ShareLimitAction.REMOVE)
    without = _seeding("without", state=State.STOPPED_UP, category="tv")
    plan = _planned(_server(without, common=common), {"g": {**group, "categories": "films"}})
    assert [each.hash for each in plan.deferred] == [without.hash]
