from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbm.gateways.qbittorrent.limits import (
    WirePreferences,
    global_limits_of,
    preferences_between,
    share_limits_form,
)
from qbm.gateways.qbittorrent.wire import (
    WireCategory,
    WireMainData,
    WireTorrent,
    categories_of,
    decoded,
    has_several_hosts,
    torrents_of,
    with_urls,
)
from qbm.model.limit import GlobalLimits, Limit, ShareLimitAction, ShareLimits, ShareLimitsMode
from qbm.model.torrent import State, Torrent, TorrentFile
from qbm.model.tracker import Tracker, TrackerStatus
from qbm.model.unknown import UNKNOWN

HASH = "0123456789abcdef0123456789abcdef01234567"


def one(**fields: Any) -> Torrent:
    body = json.dumps([{"hash": HASH, **fields}]).encode()
    [torrent] = torrents_of(decoded(body, list[WireTorrent])).values()
    return torrent


def test_a_torrent_with_nothing_but_a_hash_has_unknown_facts() -> None:
    torrent = one()
    assert torrent.hash == HASH
    assert torrent.state is State.UNKNOWN
    assert (torrent.save_path, torrent.content_path) == (UNKNOWN, UNKNOWN)
    assert (torrent.private, torrent.trackers) == (UNKNOWN, UNKNOWN)
    assert torrent.tags == frozenset()
    assert torrent.completion_on is None


def test_fields_that_a_newer_version_adds_are_no_error() -> None:
    assert one(name="x", shiny={"new": [1, None]}).name == "x"


def test_a_state_nobody_knows_is_unknown() -> None:
    assert one(state="stalledUP").state is State.STALLED_UP
    assert one(state="levitating").state is State.UNKNOWN


def test_tags_are_split_at_the_comma_that_the_server_joins_them_with() -> None:
    assert one(tags="a b, c").tags == {"a b", "c"}


@pytest.mark.parametrize("seconds", [0, -1, 4_294_967_295, 10**15, -(10**15)])
def test_a_time_that_cannot_be_is_never(seconds: int) -> None:
    assert one(completion_on=seconds).completion_on is None
    assert one(added_on=seconds).added_on == datetime(1970, 1, 1, tzinfo=UTC)


def test_times_are_aware_and_in_utc() -> None:
    assert one(completion_on=1_700_000_000).completion_on == datetime(
        2023, 11, 14, 22, 13, 20, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("given", "path"),
    [("/data/tv/", "/data/tv"), ("/data/tv", "/data/tv"), ("/", "/"), ("", UNKNOWN)],
)
def test_the_slash_at_the_end_of_a_save_path_is_dropped(given: str, path: object) -> None:
    assert one(save_path=given).save_path == path


def test_an_empty_content_path_is_unknown() -> None:
    assert one(content_path="").content_path is UNKNOWN


def rows(message: str = "") -> list[dict[str, Any]]:
    return [
        {"url": "** [DHT] **", "status": 0, "tier": "", "msg": message},
        {"url": "** [PeX] **", "status": 0, "tier": -1, "msg": message},
        {"url": "https://a.example/announce", "status": 2, "tier": 0, "msg": "hello"},
    ]


def test_trackers_keep_order_status_and_message_and_lose_the_pseudo_rows() -> None:
    more = [*rows(), {"url": "udp://b.example", "status": 99, "msg": ""}]
    assert one(trackers=more).trackers == (
        Tracker("https://a.example/announce", TrackerStatus.WORKING, "hello"),
        Tracker("udp://b.example", None, ""),
    )


@pytest.mark.parametrize(
    ("fields", "private"),
    [
        ({"private": True}, True),
        ({"private": False, "trackers": rows("This torrent is private")}, False),
        ({"private": None, "trackers": rows()}, UNKNOWN),
        ({}, UNKNOWN),
        ({"trackers": rows("Dieser Torrent ist privat"), "total_size": 5}, True),
        ({"trackers": rows(), "total_size": 5}, False),
        ({"trackers": rows(), "total_size": -1}, UNKNOWN),
        ({"trackers": rows()[2:], "total_size": 5}, UNKNOWN),
    ],
)
def test_a_torrent_is_private_by_its_field_or_by_the_rows_of_dht(
    fields: dict[str, Any], private: object
) -> None:
    assert one(**fields).private is private


def test_a_torrent_without_a_hash_is_an_error() -> None:
    with pytest.raises(ValueError, match="hash 'all'"):
        one(hash="all")


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'[{"hash": 1}]', b"[1]", b"\xff"])
def test_what_is_no_list_of_torrents_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(body, list[WireTorrent])


@pytest.mark.parametrize(
    "raw",
    [b'"caf\xe9"', rb'"half \ud83c"', rb'"\udfff back"', b'"cut \xf0\x9f\x8e"'],
)
def test_a_name_that_is_no_proper_unicode_is_mended(raw: bytes) -> None:
    body = b'[{"hash": "%s", "name": %s}]' % (HASH.encode(), raw)
    [torrent] = decoded(body, list[WireTorrent])
    assert torrent.name.encode()
    assert any(part in torrent.name for part in ("caf", "half ", " back", "cut "))


def test_proper_unicode_in_the_same_answer_survives_the_mending() -> None:
    names = [b'"\xff"', '"日本 🎬"'.encode(), rb'"\ud83c\udfac \\ud83c"']
    body = b"[" + b",".join(b'{"name": %s}' % name for name in names) + b"]"
    assert [each.name for each in decoded(body, list[WireTorrent])][1:] == ["日本 🎬", r"🎬 \ud83c"]


def test_maindata_gives_each_torrent_its_urls() -> None:
    other = HASH[::-1]
    body = {
        "full_update": True,
        "torrents": {HASH: {"name": "x"}, other: {"name": "y"}},
        "trackers": {"http://b/announce": [HASH], "http://a/announce": [HASH, "gone"]},
    }
    main = decoded(json.dumps(body).encode(), WireMainData)
    assert isinstance(main.trackers, dict)
    torrents = torrents_of(with_urls(main.torrents, main.trackers))
    assert {each.name: each.trackers for each in torrents.values()} == {
        "x": (Tracker("http://a/announce"), Tracker("http://b/announce")),
        "y": (),
    }


@pytest.mark.parametrize(
    ("urls", "several"),
    [
        ([], False),
        (["http://a.example/1"], False),
        (["http://a.example/1", "udp://a.example:5/2"], False),
        (["http://a.example/1", "udp://A.example:5/2"], True),  # the spelling becomes a tag
        (["http://a.example/1", "http://b.example/1"], True),
    ],
)
def test_order_matters_only_between_hosts(urls: list[str], *, several: bool) -> None:
    [wire] = with_urls({HASH: WireTorrent()}, {url: [HASH] for url in urls})
    assert has_several_hosts(wire) is several


def test_categories_have_their_save_path_without_a_slash_at_the_end() -> None:
    body = b'{"tv": {"name": "tv", "savePath": "/data/tv/"}, "x": {"name": "x", "savePath": ""}}'
    categories = categories_of(decoded(body, dict[str, WireCategory]))
    assert {name: each.save_path for name, each in categories.items()} == {
        "tv": "/data/tv",
        "x": "",
    }


def test_limits_that_the_server_does_not_tell_are_none_of_its_fields() -> None:
    assert one().share_limits == ShareLimits()
    told = one(
        ratio_limit=-1,
        seeding_time_limit=90,
        inactive_seeding_time_limit=-2,
        share_limit_action="RemoveWithContent",
        share_limits_mode="MatchAll",
    )
    assert told.share_limits == ShareLimits(
        ratio_limit=Limit.UNLIMITED,
        seeding_time_limit=timedelta(minutes=90),
        inactive_seeding_time_limit=Limit.GLOBAL,
        share_limit_action=ShareLimitAction.REMOVE_WITH_CONTENT,
        share_limits_mode=ShareLimitsMode.MATCH_ALL,
    )


@pytest.mark.parametrize(
    ("number", "limit"),
    [
        (0, 0.0),
        (1.25, 1.25),
        (-1, Limit.UNLIMITED),
        (-2, Limit.GLOBAL),
        (-0.5, Limit.UNLIMITED),
        (-3, Limit.UNLIMITED),
    ],
)
def test_a_negative_limit_is_no_number(number: float, limit: object) -> None:
    assert one(ratio_limit=number).share_limits.ratio_limit == limit


def test_a_time_limit_longer_than_any_time_is_the_longest() -> None:
    limit = one(seeding_time_limit=2**62).share_limits.seeding_time_limit
    assert isinstance(limit, timedelta)
    assert limit > timedelta(days=10**6)


def test_words_of_a_limit_that_nobody_knows_are_the_default() -> None:
    limits = one(share_limit_action="Levitate", share_limits_mode="MatchSome").share_limits
    assert limits.share_limit_action is ShareLimitAction.DEFAULT
    assert limits.share_limits_mode is ShareLimitsMode.DEFAULT


def test_share_limits_go_out_whole() -> None:
    assert share_limits_form(ShareLimits()) == {
        "ratioLimit": "-2",
        "seedingTimeLimit": "-2",
        "inactiveSeedingTimeLimit": "-2",
        "shareLimitAction": "Default",
        "shareLimitsMode": "Default",
    }
    limits = ShareLimits(
        ratio_limit=1.5,
        seeding_time_limit=timedelta(hours=2, seconds=59),
        inactive_seeding_time_limit=Limit.UNLIMITED,
        share_limit_action=ShareLimitAction.STOP,
        share_limits_mode=ShareLimitsMode.MATCH_ANY,
    )
    assert share_limits_form(limits) == {
        "ratioLimit": "1.5",
        "seedingTimeLimit": "120",
        "inactiveSeedingTimeLimit": "-1",
        "shareLimitAction": "Stop",
        "shareLimitsMode": "MatchAny",
    }


def test_a_global_limit_that_is_switched_off_is_unlimited() -> None:
    off = WirePreferences(max_ratio=2, max_seeding_time=60, max_inactive_seeding_time=60)
    assert global_limits_of(off) == GlobalLimits(max_inactive_seeding_time=Limit.UNLIMITED)
    on = WirePreferences(max_ratio=2, max_ratio_enabled=True, max_ratio_act=3)
    assert global_limits_of(on) == GlobalLimits(
        max_ratio=2, max_ratio_act=ShareLimitAction.REMOVE_WITH_CONTENT
    )
    assert global_limits_of(WirePreferences(max_ratio_act=9)).max_ratio_act is (
        ShareLimitAction.DEFAULT
    )


def test_only_the_preferences_that_differ_are_changed() -> None:
    before = GlobalLimits(max_ratio=2.0, max_seeding_time=timedelta(hours=1))
    assert preferences_between(before, before) == {}
    after = GlobalLimits(max_seeding_time=timedelta(hours=2), max_ratio_act=ShareLimitAction.REMOVE)
    assert preferences_between(after, before) == {
        "max_ratio_enabled": False,
        "max_seeding_time_enabled": True,
        "max_seeding_time": 120,
        "max_ratio_act": 1,
    }


def test_a_tracker_that_is_being_asked_says_so() -> None:
    row = {"url": "http://a", "status": 5, "msg": "old", "updating": True}
    assert one(trackers=[row]).trackers == (
        Tracker("http://a", TrackerStatus.TRACKER_ERROR, "old", is_updating=True),
    )


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"num_complete": -1}, "num_complete", UNKNOWN),
        ({"num_complete": 0}, "num_complete", 0),
        ({"last_activity": 0}, "last_activity", UNKNOWN),
        ({"last_activity": -1}, "last_activity", UNKNOWN),
        ({"total_size": -1}, "total_size", UNKNOWN),
        ({"total_size": 0}, "total_size", 0),
        ({"ratio": -1}, "ratio", 9999.0),
        ({"ratio": 0}, "ratio", 0.0),
        ({}, "ratio", UNKNOWN),
        ({"up_limit": -1}, "up_limit", 0),
        ({"seeding_time": 61}, "seeding_time", timedelta(seconds=61)),
        ({"seeding_time": -1}, "seeding_time", UNKNOWN),
        ({}, "seeding_time", UNKNOWN),
        ({"download_path": "/tmp/x/"}, "download_path", "/tmp/x"),
        ({}, "files", UNKNOWN),
        ({"files": [], "total_size": 5}, "files", UNKNOWN),
        ({"files": [], "total_size": -1}, "files", ()),
        (
            {"files": [{"name": "a/b", "size": 3, "progress": 1, "priority": 0, "index": 0}]},
            "files",
            (TorrentFile("a/b", 3, 1.0, 0),),
        ),
    ],
)
def test_what_a_field_says_is_a_value_or_unknown(
    fields: dict[str, Any], name: str, value: object
) -> None:
    assert getattr(one(**fields), name) == value
