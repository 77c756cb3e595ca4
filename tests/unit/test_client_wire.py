from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

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
from qbm.model.torrent import State, Torrent
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
