"""tag_update, rule by rule (spec: commands, tag_update)."""

from __future__ import annotations

from typing import Any

import pytest

from qbm.commands import tag_update
from qbm.model.change import AddTags, RemoveTags
from qbm.model.plan import Plan
from qbm.model.projection import project
from qbm.model.reason import Code
from qbm.model.snapshot import Fact, Selection
from qbm.model.torrent import State, Torrent
from qbm.model.tracker import Tracker, TrackerStatus
from qbm.model.unknown import UNKNOWN
from tests.factories import NOW, a_config, a_snapshot, a_torrent, a_tracker


def _plan(*torrents: Torrent, **sections: Any) -> Plan:
    config = a_config(**sections)
    return tag_update.plan(a_snapshot(torrents), config, Selection(), NOW)


def _added(plan: Plan) -> list[str]:
    return [
        tag for each in plan.planned if isinstance(each.change, AddTags) for tag in each.change.tags
    ]


def _of(*urls: str, **facts: Any) -> Torrent:
    return a_torrent(trackers=tuple(map(a_tracker, urls)), **facts)


@pytest.mark.parametrize(
    ("tracker", "urls", "tags"),
    [
        pytest.param({"abc": {"tag": "A"}}, ["https://abc.org/x"], ["A"], id="host"),
        pytest.param({"pass": {"tag": "A"}}, ["https://x.org/pass/1"], ["A"], id="anywhere"),
        pytest.param({"abc": None}, ["https://abc.org/x"], ["abc"], id="the word itself"),
        pytest.param({"ABC": {"tag": "A"}}, ["https://abc.org/"], ["abc.org"], id="case counts"),
        pytest.param({"a|b": {"tag": "T"}}, ["https://zbz.org/"], ["T"], id="two keys of one"),
        pytest.param({"x": {"tag": ["A", "B"]}}, ["udp://x.org:80"], ["A", "B"], id="a list"),
        pytest.param({"x": {"tag": "A, B"}}, ["udp://x.org:80"], ["A", "B"], id="commas"),
        pytest.param({"x": {"tag": "A"}}, ["wss://x.org/"], ["A"], id="websockets"),
        pytest.param({"x": {"tag": []}}, ["https://x.org/"], [], id="no tags on purpose"),
        pytest.param(
            {"two": {"tag": "2"}, "one": {"tag": "1"}},
            ["https://one.org/", "https://two.org/"],
            ["2"],
            id="the file's order counts, not the torrent's",
        ),
        pytest.param(
            {"one": {"tag": "1"}, "other": {"tag": "O"}}, ["https://x.org/"], ["O"], id="other"
        ),
        pytest.param({"other": None}, ["https://x.org/"], ["x.org"], id="other without a tag"),
        pytest.param({"other": {"cat": "o"}}, [], ["other"], id="no tracker, other without a tag"),
        pytest.param(
            {"one": {"tag": "1"}},
            ["udp://Tracker.X.org:1337/announce", "https://y.org/"],
            ["Tracker.X.org"],
            id="the first tracker's host name, as it is written",
        ),
        pytest.param({"one": {"tag": "1"}}, [], ["other"], id="no tracker"),
        pytest.param(
            {"other": {"tag": "O"}}, ["** [DHT] **", "** [PeX] **"], ["O"], id="pseudo rows only"
        ),
        pytest.param(
            {"DHT": {"tag": "D"}}, ["** [DHT] **"], ["other"], id="pseudo rows never match"
        ),
        pytest.param({"other": {"tag": "O"}}, ["https://other.org/"], ["O"], id="other is no word"),
        pytest.param({"x": {"tag": "A"}}, ["http://[::1/announce"], ["other"], id="a broken URL"),
    ],
)
def test_the_tracker_gives_the_tags(tracker: object, urls: list[str], tags: list[str]) -> None:
    assert _added(_plan(_of(*urls), tracker=tracker)) == tags


def test_only_missing_tags_are_added_in_one_change_and_counted_one_by_one() -> None:
    torrent = _of("https://x.org/", tags=frozenset({"B", "mine"}), state=State.STALLED_DL)
    [planned] = _plan(torrent, tracker={"x": {"tag": ["A", "B", "C"]}}).planned
    assert planned.change == AddTags(torrent.hash, ("A", "C", "stalledDL"), before=("B", "mine"))
    assert tag_update.counts(planned.change) == {"tagged": 3}
    assert str(planned.reason) == "its tracker x.org matches the entry x; it is stalled"


def test_present_tags_are_left_and_that_is_said() -> None:
    [skipped] = _plan(_of("https://x.org/", tags=frozenset({"A"})), tracker={"x": "A"}).skipped
    assert skipped.reason.code is Code.TAGS_PRESENT


@pytest.mark.parametrize(
    ("state", "tags", "expected"),
    [
        (State.STALLED_DL, set(), AddTags),
        (State.STALLED_DL, {"stalledDL"}, None),
        (State.DOWNLOADING, {"stalledDL"}, RemoveTags),
        (State.STALLED_UP, {"stalledDL"}, RemoveTags),
        (State.STALLED_UP, set(), None),
    ],
)
@pytest.mark.parametrize("is_on", [True, False])
def test_the_stalled_tag_follows_the_state(
    state: State, tags: set[str], expected: type | None, is_on: bool
) -> None:
    torrent = _of("https://x.org/", state=state, tags=frozenset({"A", *tags}))
    plan = _plan(torrent, tracker={"x": "A"}, settings={"tag_stalled_torrents": is_on})
    wanted = [expected] if expected and is_on else []
    assert [type(each.change) for each in plan.planned] == wanted


def test_removing_the_stalled_tag_counts_as_nothing() -> None:
    assert tag_update.counts(RemoveTags(a_torrent().hash, ("stalledDL",))) == {}


@pytest.mark.parametrize(("private", "is_tagged"), [(True, True), (False, False), (UNKNOWN, False)])
def test_private_torrents_get_the_private_tag(private: Any, is_tagged: bool) -> None:
    torrent = _of("https://x.org/", private=private, tags=frozenset({"A"}))
    plan = _plan(torrent, tracker={"x": "A"}, settings={"private_tag": "priv"})
    assert _added(plan) == (["priv"] if is_tagged else [])
    assert _added(_plan(torrent, tracker={"x": "A"})) == []


def test_unknown_trackers_match_nothing() -> None:
    torrent = a_torrent(trackers=UNKNOWN, state=State.STALLED_DL)
    plan = _plan(torrent, tracker={"other": {"tag": "O"}})
    assert plan.planned == ()
    assert plan.skipped[0].reason.code is Code.TRACKERS_UNKNOWN


def test_incomplete_torrents_are_tagged_too() -> None:
    torrent = _of("https://x.org/", state=State.DOWNLOADING, progress=0.1)
    assert _added(_plan(torrent, tracker={"x": "A"})) == ["A"]


def test_a_disabled_tracker_still_tells_whose_torrent_it_is() -> None:
    torrent = a_torrent(trackers=(Tracker("https://x.org/", TrackerStatus.DISABLED),))
    assert _added(_plan(torrent, tracker={"x": "A"})) == ["A"]


def test_what_was_planned_once_is_not_planned_again() -> None:
    torrents = [
        a_torrent("a", state=State.STALLED_DL, private=True),
        a_torrent("b", tags=frozenset({"stalledDL"})),
        a_torrent("c", trackers=()),
    ]
    config = a_config(tracker={"example": ["E", "X"]}, settings={"private_tag": "priv"})
    before = a_snapshot(torrents)
    first = tag_update.plan(before, config, Selection(), NOW)
    after = project(before, (each.change for each in first.planned))
    assert first.planned
    assert tag_update.plan(after, config, Selection(), NOW).planned == ()


def test_the_private_flag_is_asked_for_only_where_the_tag_is_missing() -> None:
    needs = tag_update.needs(a_config(settings={"private_tag": "priv"}, tracker={"x": "A"}))
    assert needs[Fact.PRIVATE](a_torrent())
    assert not needs[Fact.PRIVATE](a_torrent(tags=frozenset({"priv"})))
    assert Fact.PRIVATE not in tag_update.needs(a_config(tracker={"x": "A"}))


@pytest.mark.parametrize(
    "key",
    [
        "https://tracker.one.example/announce/0123456789abcdef0123456789abcdef",
        "one.example:8080/announce/0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef/announce",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_passkey_in_a_key_of_the_config_is_in_no_reason(key: str) -> None:
    url = f"https://tracker.{key.removeprefix('https://tracker.')}/announce"
    [planned] = _plan(_of(url), tracker={key: {"tag": "A"}}).planned
    assert _added(_plan(_of(url), tracker={key: {"tag": "A"}})) == ["A"]
    assert "0123456789abcdef" not in str(planned)
