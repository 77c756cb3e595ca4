"""recheck, rule by rule (spec: commands, recheck; decisions, *Recheck*)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.commands import recheck
from qbm.model.change import Recheck, Start
from qbm.model.limit import GlobalLimits, Limit, ShareLimits, ShareLimitsMode
from qbm.model.plan import Plan
from qbm.model.projection import achieved, expects, project
from qbm.model.reason import Code
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import State, Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN
from tests.factories import ADDED, NOW, a_config, a_hash, a_snapshot, a_torrent

_OFF, _OWN = Limit.UNLIMITED, Limit.GLOBAL
_DAY = timedelta(days=1)
_CONFIG = a_config()


def _stopped(key: str = "one", **facts: Any) -> Torrent:
    """Complete, ratio 1, seeded for ten days, active a day ago; limits as on 5.1.0."""
    usual: dict[str, Any] = {
        "state": State.STOPPED_UP,
        "total_size": 1000,
        "ratio": 1.0,
        "seeding_time": 10 * _DAY,
        "last_activity": NOW - _DAY,
        "share_limits": ShareLimits(inactive_seeding_time_limit=_OWN),
    }
    return a_torrent(key, **{**usual, **facts})


def _empty(key: str = "empty", **facts: Any) -> Torrent:
    """Added stopped, with nothing of it there by its count."""
    return _stopped(
        key, **{"state": State.STOPPED_DL, "progress": 0.0, "completion_on": None, **facts}
    )


def _server(
    *torrents: Torrent,
    common: GlobalLimits | None = None,
    rechecked: Mapping[TorrentHash, datetime] | None = None,
) -> Snapshot:
    usual = GlobalLimits(max_inactive_seeding_time=_OFF)
    snapshot = a_snapshot(torrents)
    return replace(snapshot, global_limits=common or usual, rechecked=rechecked or {})


def _planned(snapshot: Snapshot, selection: Selection | None = None) -> Plan:
    """The plan; a second run plans nothing, and each change is as it must be in its turn."""
    chosen = selection or Selection()
    plan = recheck.plan(snapshot, _CONFIG, chosen, NOW)
    after = snapshot
    for each in plan.planned:
        assert expects(each.change, after), each
        after = project(after, [each.change])
        assert achieved(each.change, after), each
        assert str(each.reason)
    assert recheck.plan(after, _CONFIG, chosen, NOW).planned == ()
    return plan


def _codes(plan: Plan) -> list[Code]:
    reasons = [each.reason for each in plan.planned]
    reasons += [each.reason for each in plan.skipped]
    reasons += [each.reason for each in plan.deferred]
    return [reason.code for reason in reasons]


# Complete torrents


@pytest.mark.parametrize("state", [State.STOPPED_UP, State.PAUSED_UP])
def test_a_complete_torrent_is_started(state: State) -> None:
    torrent = _stopped(state=state)
    [planned] = _planned(_server(torrent)).planned
    assert planned.change == Start(torrent.hash)
    assert recheck.counts(planned.change) == {"resumed": 1}


@pytest.mark.parametrize(
    "state", [State.STALLED_UP, State.UPLOADING, State.QUEUED_UP, State.CHECKING_UP, State.ERROR]
)
def test_what_is_not_stopped_is_left(state: State) -> None:
    assert _codes(_planned(_server(_stopped(state=state)))) == [Code.NOT_STOPPED]


def _own(ratio: float | Limit, time: timedelta | Limit, inactive: timedelta | Limit) -> ShareLimits:
    return ShareLimits(
        ratio_limit=ratio, seeding_time_limit=time, inactive_seeding_time_limit=inactive
    )


@pytest.mark.parametrize(
    ("own", "common", "codes"),
    [
        (_own(_OFF, _OFF, _OFF), GlobalLimits(max_ratio=0.5), []),
        (_own(1.01, _OFF, _OFF), GlobalLimits(), []),
        (_own(1.0, _OFF, _OFF), GlobalLimits(), [Code.RATIO_REACHED]),
        (_own(_OFF, 10 * _DAY, _OFF), GlobalLimits(), [Code.SEEDING_TIME_REACHED]),
        (_own(_OFF, 11 * _DAY, _OFF), GlobalLimits(), []),
        (_own(_OFF, _OFF, _DAY), GlobalLimits(), [Code.INACTIVE_TIME_REACHED]),
        (_own(_OFF, _OFF, 2 * _DAY), GlobalLimits(), []),
        (_own(_OWN, _OWN, _OWN), GlobalLimits(max_ratio=1.0), [Code.RATIO_REACHED]),
        (_own(_OWN, _OWN, _OWN), GlobalLimits(max_ratio=1.1), []),
        (_own(2.0, _OWN, _OWN), GlobalLimits(max_ratio=1.0), []),
        (
            _own(_OFF, _OWN, _OWN),
            GlobalLimits(max_seeding_time=_DAY),
            [Code.SEEDING_TIME_REACHED],
        ),
        (
            _own(_OFF, _OFF, _OWN),
            GlobalLimits(max_inactive_seeding_time=timedelta()),
            [Code.INACTIVE_TIME_REACHED],
        ),
        (_own(_OFF, _OFF, _OWN), GlobalLimits(max_inactive_seeding_time=2 * _DAY), []),
        (_own(_OFF, _OFF, _OWN), GlobalLimits(), []),
        (ShareLimits(), GlobalLimits(max_inactive_seeding_time=timedelta()), []),
        (
            _own(0.5, _DAY, _OWN),
            GlobalLimits(),
            [Code.RATIO_REACHED, Code.SEEDING_TIME_REACHED],
        ),
    ],
)
def test_a_torrent_that_has_reached_an_effective_limit_stays_stopped(
    own: ShareLimits, common: GlobalLimits, codes: list[Code]
) -> None:
    plan = _planned(_server(_stopped(share_limits=own), common=common))
    if not codes:
        assert [type(each.change) for each in plan.planned] == [Start]
        return
    assert plan.planned == ()
    [skipped] = plan.skipped
    assert [skipped.reason.code, *(each.code for each in skipped.reason.also)] == codes


def test_the_reason_tells_the_numbers() -> None:
    torrent = _stopped(ratio=2.1, share_limits=ShareLimits(ratio_limit=2.0))
    assert str(_planned(_server(torrent)).skipped[0].reason) == "ratio 2.10 ≥ the ratio limit 2"


@pytest.mark.parametrize(
    ("ratio", "time", "is_started"),
    [(1.0, 10 * _DAY, False), (1.0, 11 * _DAY, True), (2.0, 10 * _DAY, True)],
)
def test_where_all_limits_must_be_reached_one_is_not_enough(
    ratio: float, time: timedelta, is_started: bool
) -> None:
    own = replace(_own(ratio, time, _OFF), share_limits_mode=ShareLimitsMode.MATCH_ALL)
    plan = _planned(_server(_stopped(share_limits=own)))
    assert bool(plan.planned) is is_started


@pytest.mark.parametrize(
    ("facts", "own", "code"),
    [
        ({"ratio": UNKNOWN}, _own(2.0, _OFF, _OFF), Code.RATIO_UNKNOWN),
        ({"seeding_time": UNKNOWN}, _own(_OFF, _DAY, _OFF), Code.SEEDING_TIME_UNKNOWN),
        ({"last_activity": UNKNOWN}, _own(_OFF, _OFF, _DAY), Code.LAST_ACTIVITY_UNKNOWN),
    ],
)
def test_a_limit_that_may_be_reached_for_all_that_is_known_holds_it_back(
    facts: dict[str, Any], own: ShareLimits, code: Code
) -> None:
    assert _codes(_planned(_server(_stopped(share_limits=own, **facts)))) == [code]
    unlimited = _stopped(share_limits=_own(_OFF, _OFF, _OFF), **facts)
    assert [type(each.change) for each in _planned(_server(unlimited)).planned] == [Start]


def test_unread_limits_of_the_server_hold_back_what_they_would_limit() -> None:
    used = _stopped("used", share_limits=_own(_OWN, _OFF, _OFF))
    unused = _stopped("unused", share_limits=_own(_OFF, _OFF, _OFF))
    plan = _planned(replace(_server(used, unused), global_limits=UNKNOWN))
    assert [each.change for each in plan.planned] == [Start(unused.hash)]
    assert [each.reason.code for each in plan.skipped] == [Code.GLOBAL_LIMITS_UNKNOWN]


# Torrents of which nothing is there by their count


def _files(*names: str, size: int = 500) -> tuple[TorrentFile, ...]:
    return tuple(TorrentFile(name, size) for name in names)


_SIBLINGS: list[tuple[dict[str, Any], dict[str, Any], Code | None]] = [
    # The same name and size
    ({"name": "film"}, {"name": "film"}, Code.CONTENT_OF_NAMESAKE),
    ({"name": "film"}, {"name": "film", "state": State.STALLED_UP}, Code.CONTENT_OF_NAMESAKE),
    ({"name": "film"}, {"name": "film", "save_path": "/else"}, Code.CONTENT_OF_NAMESAKE),
    ({"name": "film"}, {"name": "Film"}, None),
    ({"name": "film"}, {"name": "film", "total_size": 1001}, None),
    ({"name": "film"}, {"name": "film", "progress": 0.99, "state": State.STALLED_DL}, None),
    ({"name": "film"}, {"name": "film", "state": State.MOVING}, None),
    ({"name": "film", "total_size": UNKNOWN}, {"name": "film", "total_size": UNKNOWN}, None),
    ({"name": "film", "total_size": 0}, {"name": "film", "total_size": 0}, None),
    # The same files at the same paths
    ({"files": _files("a", "b")}, {"files": _files("b", "a")}, Code.CONTENT_OF_OTHER),
    (
        {"files": _files("x/a"), "save_path": "/data/"},
        {"files": _files("a"), "save_path": "/data/x"},
        Code.CONTENT_OF_OTHER,
    ),
    (
        {"files": _files("caf\u00e9")},
        {"files": _files("cafe\u0301")},
        Code.CONTENT_OF_OTHER,
    ),
    ({"files": _files("a", "b")}, {"files": _files("a")}, None),
    ({"files": _files("a")}, {"files": _files("a", size=400)}, None),
    ({"files": _files("a")}, {"files": _files("a"), "save_path": "/else"}, None),
    ({"files": _files("a")}, {"files": UNKNOWN}, None),
    ({"files": UNKNOWN}, {"files": UNKNOWN}, None),
    ({"files": ()}, {"files": ()}, None),
    (
        {"files": _files("a"), "save_path": UNKNOWN},
        {"files": _files("a"), "save_path": UNKNOWN},
        None,
    ),
    # All files on the disk
    ({"has_whole_content": True}, {}, Code.CONTENT_ON_DISK),
    ({"has_whole_content": False}, {}, None),
    ({"has_whole_content": UNKNOWN}, {}, None),
    ({"has_whole_content": True, "total_size": UNKNOWN}, {}, None),
]


@pytest.mark.parametrize(("facts", "sibling", "code"), _SIBLINGS)
def test_it_is_rechecked_if_its_content_is_very_probably_there(
    facts: dict[str, Any], sibling: dict[str, Any], code: Code | None
) -> None:
    torrent, other = _empty(**facts), _stopped("other", **{"state": State.STALLED_UP, **sibling})
    plan = _planned(_server(torrent, other))
    rechecks = [each for each in plan.planned if isinstance(each.change, Recheck)]
    assert [each.reason.code for each in rechecks] == ([code] if code else [])
    left = {each.hash: each.reason.code for each in plan.skipped}
    assert left.get(torrent.hash) == (None if code else Code.CONTENT_NOT_FOUND)
    assert [each.hash for each in plan.deferred] == ([torrent.hash] if code else [])


def test_a_recheck_counts_and_names_what_a_later_run_will_do() -> None:
    plan = _planned(_server(_empty(has_whole_content=True)))
    [planned], [deferred] = plan.planned, plan.deferred
    assert recheck.counts(planned.change) == {"rechecked": 1}
    assert deferred.reason.code is Code.RECHECK_UNDER_WAY


@pytest.mark.parametrize(
    "facts",
    [
        {"state": State.DOWNLOADING},
        {"state": State.CHECKING_DL},
        {"state": State.QUEUED_DL},
        {"progress": 0.01},
    ],
)
def test_only_stopped_torrents_without_anything_are_rechecked(facts: dict[str, Any]) -> None:
    plan = _planned(_server(_empty(has_whole_content=True, **facts)))
    assert plan.planned == ()
    assert len(plan.skipped) == 1


@pytest.mark.parametrize("state", [State.STOPPED_DL, State.CHECKING_DL, State.CHECKING_RESUME_DATA])
@pytest.mark.parametrize("progress", [0.0, 0.6])
def test_what_was_rechecked_is_not_rechecked_again(state: State, progress: float) -> None:
    torrent = _empty(has_whole_content=True, state=state, progress=progress)
    plan = _planned(_server(torrent, rechecked={torrent.hash: NOW - _DAY}))
    assert _codes(plan) == [Code.RECHECKED_ALREADY]
    assert [each.hash for each in plan.deferred] == [torrent.hash]


def test_what_was_added_anew_since_is_rechecked() -> None:
    torrent = _empty(has_whole_content=True, added_on=ADDED)
    plan = _planned(_server(torrent, rechecked={torrent.hash: ADDED - _DAY}))
    assert [each.change for each in plan.planned] == [Recheck(torrent.hash)]


def test_what_the_recheck_found_complete_is_started() -> None:
    torrent = _stopped()
    plan = _planned(_server(torrent, rechecked={torrent.hash: NOW - _DAY}))
    assert [each.change for each in plan.planned] == [Start(torrent.hash)]


def test_the_smallest_come_first_whatever_their_order_on_the_server() -> None:
    sizes = {"c": 5, "a": 50, "d": 500, "b": UNKNOWN}
    torrents = [_stopped(key, total_size=size) for key, size in sizes.items()]
    torrents += [
        _empty(f"e{key}", total_size=size, has_whole_content=True)
        for key, size in (("x", 70), ("y", 7))
    ]
    expected = [Start(a_hash(key)) for key in "cadb"] + [Recheck(a_hash(k)) for k in ("ey", "ex")]
    for order in (torrents, torrents[::-1]):
        assert [each.change for each in _planned(_server(*order)).planned] == expected


# Facts


def test_files_are_asked_for_only_where_they_decide() -> None:
    torrents = [
        _empty("empty"),
        _empty("namesake", name="film", total_size=7),
        _empty("done", total_size=9),
        _empty("magnet", total_size=UNKNOWN),
        _stopped("same size"),
        _stopped("incomplete", progress=0.5, state=State.STOPPED_DL),
        _stopped("film", total_size=7),
        _stopped("nine", total_size=9),
    ]
    snapshot = _server(*torrents, rechecked={a_hash("done"): NOW})
    wanted = recheck.wants_files(snapshot, _CONFIG, Selection())
    assert set(wanted) == {a_hash("empty"), a_hash("same size")}
    narrowed = Selection(hashes=frozenset({a_hash("film")}))
    assert not recheck.wants_files(snapshot, _CONFIG, narrowed)


def test_the_seeding_time_is_asked_for_where_a_limit_may_be_reached() -> None:
    matters = recheck.needs(_CONFIG)[Fact.SEEDING_TIME]
    assert matters(_stopped())
    assert matters(_stopped(share_limits=_own(_OFF, _DAY, _OFF)))
    assert not matters(_stopped(share_limits=_own(2.0, _OFF, _OWN)))
    assert not matters(_stopped(state=State.UPLOADING))
    assert not matters(_empty())


@pytest.mark.parametrize(
    ("torrent", "needs_whole"),
    [
        (_stopped(), False),
        (_empty(), True),
        (_empty(has_whole_content=False), True),
        (_empty(has_whole_content=True), False),
        (_empty(progress=0.5), False),
        (_empty(state=State.DOWNLOADING), False),
    ],
)
def test_siblings_are_looked_for_only_if_a_torrent_may_need_one(
    torrent: Torrent, needs_whole: bool
) -> None:
    snapshot = replace(_server(torrent), is_whole=False)
    plan = recheck.plan(snapshot, _CONFIG, Selection(hashes=frozenset({torrent.hash})), NOW)
    assert plan.needs_whole is needs_whole
    assert not recheck.plan(replace(snapshot, is_whole=True), _CONFIG, Selection(), NOW).needs_whole


def test_a_run_for_some_hashes_finds_siblings_and_changes_none_of_them() -> None:
    torrent, other = _empty(name="film"), _stopped("other", name="film")
    plan = _planned(_server(torrent, other), Selection(hashes=frozenset({torrent.hash})))
    assert [each.change for each in plan.planned] == [Recheck(torrent.hash)]
