"""share_limits and recheck on libraries with a past, which a real server takes years to have."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qbm.engine.request import Mode, RunReport
from qbm.model.command import CommandName
from qbm.model.torrent import State
from qbm.simulator import PROFILES, SimulatedTorrent, Simulator
from tests.engine import a_request, carry_out
from tests.factories import a_hash

_CREDENTIALS: dict[str, Any] = {"user": "admin", "password": "adminadmin"}
_HOUR, _DAY = 3600, 86_400
_NOW = int(time.time())
_SHARE = (CommandName.SHARE_LIMITS,)


def _torrent(key: str, **facts: Any) -> SimulatedTorrent:
    """Ratio 3, seeded for 30 days, last active two days ago, stopped; five seeds."""
    usual: dict[str, Any] = {
        "state": State.STOPPED_UP,
        "completion_on": _NOW - 40 * _DAY,
        "added_on": _NOW - 41 * _DAY,
        "last_activity": _NOW - 2 * _DAY,
        "seeding_time": 30 * _DAY,
        "ratio": 3.0,
        "num_complete": 5,
        "save_path": "/downloads",
    }
    return SimulatedTorrent(name=key, infohash_v1=a_hash(key), **{**usual, **facts})


def _run(
    url: str, folder: Path, sections: dict[str, Any], *commands: CommandName, **request: Any
) -> RunReport:
    asked = a_request(commands=commands, **request)
    return carry_out(url, folder, sections, asked, **_CREDENTIALS)


# Group: what it says, the torrent in it, and what the server shows in the end:
# ratio and seeding time limit, upload limit in KiB/s, whether it runs.
_CASES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[float, int, int, bool]]] = {
    "under": ({"max_ratio": 4, "limit_upload_speed": 9}, {}, (4, -1, 9, True)),
    "reached": ({"max_ratio": 3}, {}, (3, -1, 0, False)),
    "time": ({"max_seeding_time": "30d"}, {}, (-1, 30 * 24 * 60, 0, False)),
    "time-under": ({"max_seeding_time": "31d"}, {}, (-1, 31 * 24 * 60, 0, True)),
    "idle": ({"max_last_active": "2d"}, {}, (-1, -1, 0, False)),
    "idle-under": ({"max_last_active": "3d"}, {}, (-1, -1, 0, True)),
    "slow": ({"max_ratio": 3, "upload_speed_on_limit_reached": 7}, {}, (-1, -1, 7, True)),
    "seeds": ({"max_ratio": 3, "min_num_seeds": 6}, {"up_limit": 999}, (-1, -1, 0, True)),
    "active": ({"max_ratio": 3, "min_last_active": "3d"}, {}, (-1, -1, 0, True)),
    "seeded": ({"max_ratio": 3, "min_seeding_time": "31d"}, {}, (-1, -1, 0, True)),
    "global": ({"max_ratio": -2, "max_seeding_time": -2}, {"ratio_limit": 7}, (-2, -2, 0, True)),
    "asleep": (
        {"max_ratio": 3, "min_num_seeds": 6, "resume_torrent_after_change": False},
        {},
        (-1, -1, 0, False),
    ),
}
_TAGGED = {
    "seeds": "MinSeedsNotMet",
    "active": "LastActiveLimitNotReached",
    "seeded": "MinSeedTimeNotReached",
    "asleep": "MinSeedsNotMet",
}


@pytest.mark.parametrize("version", PROFILES)
def test_every_rule_shows_on_the_server_and_a_second_run_writes_nothing(
    version: str, tmp_path: Path
) -> None:
    simulator = Simulator(PROFILES[version])
    simulator.add(
        _torrent(key, category=key, tags=frozenset({"x.share_limit", "mine"}), **facts)
        for key, (_, facts, _) in _CASES.items()
    )
    groups = {
        key: {"priority": number, "categories": key, **group}
        for number, (key, (group, _, _)) in enumerate(_CASES.items(), start=1)
    }
    sections = {"share_limits": groups}
    with simulator.run_in_thread() as url:
        dry = _run(url, tmp_path, sections, *_SHARE, mode=Mode.DRY)
        assert [each.path for each in simulator.writes if "auth" not in each.path] == []
        first = _run(url, tmp_path, sections, *_SHARE)
        written = len(simulator.writes)
        second = _run(url, tmp_path, sections, *_SHARE)
    assert first.is_whole
    assert second.plan.planned == ()
    assert [each.path for each in simulator.writes[written:] if "auth" not in each.path] == []
    assert first.stats == dry.stats
    assert first.stats["updated_share_limits"] == len(_CASES)
    assert first.stats["tagged"] == len(_CASES) + len(_TAGGED)
    seen = {each.name: each for each in simulator.library.torrents.values()}
    for number, (key, (_, _, shown)) in enumerate(_CASES.items(), start=1):
        one = seen[key]
        speed = max(0, one.up_limit) // 1024
        runs = one.state not in {State.STOPPED_UP, State.PAUSED_UP}
        assert (one.ratio_limit, one.seeding_time_limit, speed, runs) == shown, key
        expected = {f"~share_limit_{number}.{key}", "mine", *filter(None, [_TAGGED.get(key)])}
        assert one.tags == expected


@pytest.mark.parametrize("version", ["4.2.5", "5.3.0"])
def test_thousands_of_torrents_have_their_limits_in_a_few_requests(
    version: str, tmp_path: Path
) -> None:
    simulator = Simulator(PROFILES[version])
    simulator.add(
        _torrent(str(number), state=State.STALLED_UP, ratio=number % 5) for number in range(3_000)
    )
    groups = {"all": {"priority": 1, "max_ratio": 2, "upload_speed_on_limit_reached": 5}}
    with simulator.run_in_thread() as url:
        first = _run(url, tmp_path, {"share_limits": groups}, *_SHARE)
        requests = Counter(each.path for each in simulator.requests)
        second = _run(url, tmp_path, {"share_limits": groups}, *_SHARE)
    assert first.is_whole
    assert second.plan.planned == ()
    ended = simulator.library.torrents.values()
    assert Counter(each.ratio_limit for each in ended) == {2: 1_200, -1: 1_800}
    assert requests["torrents/setShareLimits"] <= 7
    assert requests["torrents/properties"] == 0


@pytest.mark.parametrize("version", PROFILES)
def test_the_servers_own_limits_end_where_it_would_remove(version: str, tmp_path: Path) -> None:
    simulator = Simulator(PROFILES[version])
    simulator.add([_torrent("one", state=State.STALLED_UP)])
    sections = {"share_limits": {"all": {"priority": 1, "max_ratio": 5}}}
    with simulator.run_in_thread() as url:
        preferences = simulator.library.preferences
        preferences.max_ratio, preferences.max_ratio_act = 9.0, 1
        one = [a_hash("one")]
        _run(url, tmp_path, sections, *_SHARE, hashes=one)
        assert simulator.library.preferences.max_ratio_act == 1  # never for single torrents
        report = _run(url, tmp_path, sections, *_SHARE)
        again = _run(url, tmp_path, sections, *_SHARE)
    assert report.is_whole
    assert simulator.library.preferences.max_ratio_act == 0
    assert simulator.library.preferences.max_ratio == -1
    assert again.plan.planned == ()


@pytest.mark.parametrize("version", PROFILES)
def test_a_run_for_one_torrent_divides_the_speed_of_its_whole_group(
    version: str, tmp_path: Path
) -> None:
    simulator = Simulator(PROFILES[version])
    simulator.add(_torrent(str(number), up_limit=777) for number in range(4))
    group = {"priority": 1, "limit_upload_speed": 100, "enable_group_upload_speed": True}
    with simulator.run_in_thread() as url:
        _run(url, tmp_path, {"share_limits": {"all": group}}, *_SHARE, hashes=[a_hash("2")])
    limits = {each.name: each.up_limit for each in simulator.library.torrents.values()}
    assert limits == {"0": 777, "1": 777, "2": 25 * 1024, "3": 777}


@pytest.mark.parametrize("version", PROFILES)
def test_what_has_reached_a_limit_is_cleaned_up(version: str, tmp_path: Path) -> None:
    simulator = Simulator(PROFILES[version])
    simulator.add(
        [
            _torrent("gone"),
            _torrent("kept", tags=frozenset({"keep"})),
            _torrent("few seeds", num_complete=1),
            _torrent("lately", last_activity=_NOW - _HOUR),
            _torrent("never known", last_activity=0),
            _torrent("under", ratio=1.0),
        ]
    )
    group = {
        "priority": 1,
        "max_ratio": 2,
        "min_num_seeds": 2,
        "min_last_active": "1d",
        "cleanup": True,
    }
    sections = {
        "share_limits": {"all": group},
        "recyclebin": {"enabled": False},
        "settings": {"protect_tag": "keep"},
    }
    with simulator.run_in_thread() as url:
        report = _run(url, tmp_path, sections, *_SHARE)
        again = _run(url, tmp_path, sections, *_SHARE)
    names = {each.name for each in simulator.library.torrents.values()}
    assert names == {"kept", "few seeds", "lately", "never known", "under"}
    assert report.stats["cleaned_share_limits"] == 1
    assert report.stats["deleted"] + report.stats["deleted_contents"] == 1
    assert again.plan.planned == ()


@pytest.mark.parametrize("version", PROFILES)
def test_rechecked_in_one_run_and_started_in_a_later_one(version: str, tmp_path: Path) -> None:
    simulator = Simulator(PROFILES[version])
    empty: dict[str, Any] = {"state": State.STOPPED_DL, "progress": 0.0, "completion_on": -1}
    film: dict[str, Any] = {"size": 5 << 30}
    simulator.add(
        [
            _torrent("film", **film, state=State.STALLED_UP),
            SimulatedTorrent(name="film", infohash_v1=a_hash("cross"), found=1.0, **film, **empty),
            SimulatedTorrent(name="film", infohash_v1=a_hash("broken"), found=0.4, **film, **empty),
            _torrent("nowhere", **empty),
            _torrent("over", ratio_limit=2.0),
            _torrent("ready"),
        ]
    )
    cross, broken = a_hash("cross"), a_hash("broken")
    with simulator.run_in_thread() as url:
        first = _run(url, tmp_path, {}, CommandName.RECHECK)
        assert (first.stats["rechecked"], first.stats["resumed"]) == (2, 1)
        assert {each.hash for each in first.plan.deferred} == {cross, broken}
        states = {each.infohash_v1: each.state for each in simulator.library.torrents.values()}
        assert states[a_hash("over")] in {State.STOPPED_UP, State.PAUSED_UP}
        second = _run(url, tmp_path, {}, CommandName.RECHECK)
        assert (second.stats["rechecked"], second.stats["resumed"]) == (0, 1)
        assert [each.hash for each in second.plan.deferred] == [broken]
        third = _run(url, tmp_path, {}, CommandName.RECHECK)
    assert third.plan.planned == ()


def test_a_limit_of_the_server_holds_a_stopped_torrent_back(tmp_path: Path) -> None:
    simulator = Simulator(PROFILES["5.1.0"])
    simulator.add([_torrent("idle"), _torrent("own", inactive_seeding_time_limit=-1)])
    simulator.library.preferences.max_inactive_seeding_time = 2 * 24 * 60
    with simulator.run_in_thread() as url:
        report = _run(url, tmp_path, {}, CommandName.RECHECK)
    assert [each.change.hash for each in report.plan.planned] == [a_hash("own")]  # type: ignore[union-attr]
    assert "inactive for 2d" in str(report.plan.skipped[0].reason)
