"""share_limits and recheck on real servers of every generation, with a past given to torrents.

Each library is planned (dry), run, and run again; the tests look at what the server then
shows in ``torrents/info``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.lab import library, torrents
from tests.lab.ageing import Past, age
from tests.lab.library import Content
from tests.lab.proxy import Proxy
from tests.lab.servers import Server, StartServer, differences, state_of
from tests.lab.suites import Suite
from tests.lab.tracker import Tracker
from tests.program import Ended, classic, write_config

_KIB = 1024
_STOPPED = frozenset({"pausedUP", "pausedDL", "stoppedUP", "stoppedDL"})
_PAST = Past(ratio=3.0, seeding_time=timedelta(days=30), idle=timedelta(days=2))
_NO_LIMITS = {"ratio_limit": -1, "seeding_time_limit": -1, "inactive_seeding_time_limit": -1}
_ANY_CONFIG = {"tracker": {"other": {"tag": "t"}}}
"""A file must have an entry for trackers or categories; these commands look at neither."""
_MONTH = 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class Case:
    """A group, with one stopped torrent of ratio 3, seeded for 30 days, idle for 2.

    ``shows`` is what the server says of it in the end; what it does not know is not looked at.
    """

    group: Mapping[str, Any]
    shows: Mapping[str, Any]
    runs: bool = False
    tags: frozenset[str] = frozenset()
    up_limit: int = 0
    """Before, in bytes per second."""
    knows_activity: bool = False
    """It is about the last activity, which 4.2.5 forgets when it restarts."""


def _limits(ratio: float, time: int, action: str = "Default", **more: Any) -> dict[str, Any]:
    return {
        "ratio_limit": ratio,
        "seeding_time_limit": time,
        "inactive_seeding_time_limit": -2,
        "share_limit_action": action,
        "share_limits_mode": "MatchAny",
        "up_limit": 0,
        **more,
    }


def _unmet(**more: Any) -> dict[str, Any]:
    return {**_NO_LIMITS, "share_limit_action": "Default", "up_limit": 0, **more}


_CASES: dict[str, Case] = {
    "under": Case({"max_ratio": 4}, _limits(4, -1), runs=True),
    "decimals": Case({"max_ratio": 3.125}, _limits(3.125, -1), runs=True),
    "time under": Case({"max_seeding_time": "31d"}, _limits(-1, 31 * 24 * 60), runs=True),
    "server's own": Case(
        {"max_ratio": -2, "max_seeding_time": -2, "limit_upload_speed": 3},
        _limits(-2, -2, up_limit=3 * _KIB),
        runs=True,
    ),
    "ratio reached": Case({"max_ratio": 3}, _limits(3, -1)),
    "time reached": Case({"max_seeding_time": "30d"}, _limits(-1, _MONTH)),
    "idle": Case({"max_last_active": "2d"}, _limits(-1, -1), knows_activity=True),
    "not idle": Case({"max_last_active": "3d"}, _limits(-1, -1), runs=True, knows_activity=True),
    "action": Case(
        {"max_ratio": 4, "share_limit_action": "Stop"}, _limits(4, -1, "Stop"), runs=True
    ),
    "super": Case(
        {"max_ratio": 4, "share_limit_action": "EnableSuperSeeding"},
        _limits(4, -1, "EnableSuperSeeding"),
        runs=True,
    ),
    "speed": Case(
        {"max_ratio": 4, "limit_upload_speed": 100}, _limits(4, -1, up_limit=100 * _KIB), runs=True
    ),
    "speed lifted": Case(
        {"max_ratio": 4, "limit_upload_speed": 0}, _limits(4, -1), runs=True, up_limit=5000
    ),
    "no speed so high": Case(
        {"max_ratio": 4, "limit_upload_speed": 2**21}, _limits(4, -1), runs=True, up_limit=5000
    ),
    "slowly on": Case(
        {"max_ratio": 3, "upload_speed_on_limit_reached": 5}, _unmet(up_limit=5 * _KIB), runs=True
    ),
    "freely on": Case(
        {"max_ratio": 3, "upload_speed_on_limit_reached": -1}, _unmet(), runs=True, up_limit=5000
    ),
    "few seeds": Case(
        {"max_ratio": 3, "min_num_seeds": 1},
        _unmet(),
        runs=True,
        up_limit=5000,
        tags=frozenset({"MinSeedsNotMet"}),
    ),
    "few seeds, speed kept": Case(
        {"max_ratio": 3, "min_num_seeds": 1, "reset_upload_speed_on_unmet_minimums": False},
        _unmet(up_limit=5000),
        runs=True,
        up_limit=5000,
        tags=frozenset({"MinSeedsNotMet"}),
    ),
    "lately active": Case(
        {"max_ratio": 3, "min_last_active": "3d"},
        _unmet(),
        runs=True,
        tags=frozenset({"LastActiveLimitNotReached"}),
        knows_activity=True,
    ),
    "seeded shortly": Case(
        {"max_ratio": 3, "min_seeding_time": "31d"},
        _unmet(),
        runs=True,
        tags=frozenset({"MinSeedTimeNotReached"}),
    ),
    "left asleep": Case(
        {"max_ratio": 4, "resume_torrent_after_change": False}, _limits(4, -1), runs=False
    ),
}


@dataclass(slots=True)
class Played:
    """What three runs of the program have said and done."""

    dry: Ended
    first: Ended
    second: Ended
    changed_by_dry_run: list[str]
    second_writes: list[str]
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)


def _play(server: Server, folder: Path, sections: Mapping[str, Any], *flags: str) -> Played:
    with Proxy(server.url) as proxy:
        write_config(folder, {"qbt": {"host": proxy.url}, **_ANY_CONFIG, **sections})
        before = state_of(server)
        dry = classic(folder, *flags, "--dry-run", "--log-level", "debug")
        changed = differences(before, state_of(server))
        first = classic(folder, *flags)
        proxy.forget()
        second = classic(folder, *flags)
        writes = [each.path for each in proxy.writes]
        return Played(dry, first, second, changed, writes, server.api.by_hash())


def _assert_well(played: Played) -> None:
    statuses = (played.dry.status, played.first.status, played.second.status)
    assert statuses == (0, 0, 0), played.first.errors
    assert played.changed_by_dry_run == []
    assert played.second_writes == []


def _limit(server: Server, torrent: str, **limits: float) -> None:
    """Gives a torrent limits of its own: none but ``limits``."""
    none: dict[str, float] = {
        "ratioLimit": -1,
        "seedingTimeLimit": -1,
        "inactiveSeedingTimeLimit": -1,
    }
    newest = {"shareLimitAction": "Stop", "shareLimitsMode": "Default"}
    form: dict[str, str | float] = {**none, **newest, **limits}
    server.api.post("torrents/setShareLimits", hashes=torrent, **form)


def _tags(row: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(filter(None, row["tags"].split(", ")))


def test_every_rule_of_share_limits_shows_in_the_servers_own_answer(
    server: Server, tmp_path: Path
) -> None:
    is_oldest = server.version.startswith("4.2.")
    cases = {key: case for key, case in _CASES.items() if not (is_oldest and case.knows_activity)}
    hashes = {
        key: library.add(server, torrents.single(f"{key}.bin"), category=key)[0] for key in cases
    }
    age(server, dict.fromkeys(hashes.values(), _PAST))
    for key, case in cases.items():
        if case.up_limit:
            server.api.post("torrents/setUploadLimit", hashes=hashes[key], limit=case.up_limit)
    groups = {
        key: {"priority": number, "categories": [key], **case.group}
        for number, (key, case) in enumerate(cases.items(), start=1)
    }
    played = _play(server, tmp_path, {"share_limits": groups}, "--share-limits")
    _assert_well(played)
    for number, (key, case) in enumerate(cases.items(), start=1):
        row = played.rows[hashes[key]]
        shown = {
            name: max(row[name], 0) if name == "up_limit" else row[name]
            for name in case.shows
            if name in row
        }
        assert shown == {name: case.shows[name] for name in shown}, key
        assert (row["state"] not in _STOPPED) is case.runs, (key, row["state"])
        assert _tags(row) == case.tags | {f"~share_limit_{number}.{key}".replace(",", " ")}
    assert "ratio 3.00 ≥ max_ratio 3" in played.dry.errors


def test_stale_tags_go_and_others_stay(server: Server, tmp_path: Path) -> None:
    stale = ["~share_limit_9.old", "gone.share_limit", "MinSeedsNotMet", "hers"]
    kept = ["my ~share_limit_1.g", "~share_limits", "mine"]
    [inside] = library.add(
        server, torrents.single("in.bin"), category="films", tags=[*stale, *kept]
    )
    [outside] = library.add(server, torrents.single("out.bin"), tags=[*stale, *kept])
    groups = {
        "g": {"priority": 1.5, "categories": "films", "max_ratio": 2},
        "h": {"priority": 2, "categories": "tv", "custom_tag": "hers"},
    }
    played = _play(server, tmp_path, {"share_limits": groups}, "--share-limits")
    _assert_well(played)
    assert _tags(played.rows[inside]) == {"~share_limit_1.5.g", *kept}
    assert _tags(played.rows[outside]) == {"MinSeedsNotMet", *kept}
    assert played.rows[outside]["ratio_limit"] == -2


def test_the_servers_own_limits_are_switched_off_but_not_by_a_dry_run_or_for_some_hashes(
    server: Server, tmp_path: Path
) -> None:
    wanted = {"max_ratio_enabled": True, "max_ratio": 7, "max_ratio_act": 1}
    server.api.set_preferences(**wanted)
    [one] = library.add(server, torrents.single("one.bin"))
    sections = {"share_limits": {"g": {"priority": 1, "max_ratio": 2}}}
    write_config(tmp_path, {"qbt": {"host": server.url}, **_ANY_CONFIG, **sections})
    ended = classic(tmp_path, "--share-limits", "--dry-run")
    assert ended.status == 0, ended.errors
    shown = server.api.preferences()
    assert {name: shown[name] for name in wanted} == wanted
    _assert_well(_play(server, tmp_path, sections, "--share-limits"))
    shown = server.api.preferences()
    assert (shown["max_ratio_enabled"], shown["max_ratio_act"]) == (False, 0)
    assert one in server.api.by_hash()


def test_a_group_shares_its_speed_over_the_library(server: Server, tmp_path: Path) -> None:
    hashes = library.add(server, *torrents.many(3), is_stopped=False)
    group = {"priority": 1, "limit_upload_speed": 100, "enable_group_upload_speed": True}
    played = _play(server, tmp_path, {"share_limits": {"g": group}}, "--share-limits")
    _assert_well(played)
    assert {played.rows[each]["up_limit"] for each in hashes} == {33 * _KIB}


def test_what_has_reached_a_limit_is_cleaned_up_with_its_files(
    server: Server, tmp_path: Path
) -> None:
    names = ("gone", "kept", "few-seeds", "lately", "under")
    hashes = {
        name: library.add(server, torrents.single(f"{name}.bin"), category=name)[0]
        for name in names
    }
    library.saved(server, list(hashes.values()))
    server.api.post("torrents/addTags", hashes=hashes["kept"], tags="keep")
    pasts = {hashes[name]: _PAST for name in names}
    pasts[hashes["under"]] = Past(ratio=1.0, seeding_time=timedelta(days=3), idle=timedelta(days=2))
    age(server, pasts)
    usual = {"max_ratio": 2, "cleanup": True}
    sections = {
        "share_limits": {
            "few-seeds": {"priority": 1, "categories": "few-seeds", "min_num_seeds": 1, **usual},
            "lately": {"priority": 2, "categories": "lately", "min_last_active": "3d", **usual},
            "rest": {"priority": 3, **usual},
        },
        "settings": {"protect_tag": "keep"},
        "directory": {"root_dir": str(server.save_path)},
        "recyclebin": {"enabled": True},
    }
    played = _play(server, tmp_path, sections, "--share-limits", "--skip-cleanup")
    _assert_well(played)
    assert set(played.rows) == {hashes[name] for name in names if name != "gone"}
    assert not (server.save_path / "gone.bin").exists()
    assert all((server.save_path / f"{name}.bin").exists() for name in names if name != "gone")


def test_recheck_starts_the_complete_and_looks_through_what_is_there(
    server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    film = torrents.single("film.bin", tracker.url("one"))
    elsewhere = server.save_path / "elsewhere"
    [cross, on_disk, spoilt, absent] = (
        library.add(server, each, content=Content.MISSING)[0]
        for each in (
            film.cross_seed("two", tracker.url("two")),
            torrents.single("there.bin"),
            torrents.single("wrong.bin"),
            torrents.single("nowhere.bin"),
        )
    )
    library.add(server, film, save_path=elsewhere)
    [over] = library.add(server, torrents.single("over.bin"))
    for name, content in (
        ("film.bin", torrents.content_of("film.bin")),
        ("there.bin", torrents.content_of("there.bin")),
        ("wrong.bin", bytes(1000)),
    ):
        (server.save_path / name).write_bytes(content)
    _limit(server, over, ratioLimit=0)
    sections = {**_ANY_CONFIG, "directory": {"root_dir": str(server.save_path)}}
    write_config(tmp_path, {"qbt": {"host": server.url}, **sections})
    first = classic(tmp_path, "--recheck")
    assert (first.status, "3 rechecked" in first.errors) == (0, True), first.errors
    # On 4.2.5 a check begins up to 1.5 s after it was asked for.
    library.wait_for(
        server.api.by_hash,
        lambda rows: all(rows[each]["progress"] == 1 for each in (cross, on_disk)),
    )
    library.settle(server, [cross, on_disk, spoilt])
    rows = server.api.by_hash()
    assert {rows[each]["progress"] for each in (cross, on_disk)} == {1}
    assert {rows[each]["progress"] for each in (spoilt, absent)} == {0}
    second = classic(tmp_path, "--recheck")
    assert (second.status, "2 started" in second.errors) == (0, True), second.errors
    assert "it was rechecked at" in second.errors
    third = classic(tmp_path, "--recheck")
    assert (third.status, "Nothing to change" in third.errors) == (0, True), third.errors
    rows = server.api.by_hash()
    stopped = {each for each, row in rows.items() if row["state"] in _STOPPED}
    assert stopped == {spoilt, absent, over}


def test_a_limit_of_the_server_keeps_a_torrent_stopped(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(
        Suite.TRIXIE,
        preferences={"max_inactive_seeding_time_enabled": True, "max_inactive_seeding_time": 60},
    )
    [idle, free] = library.add(server, *torrents.many(2, size=1000))
    age(server, dict.fromkeys((idle, free), _PAST))
    _limit(server, free)
    played = _play(server, tmp_path, {}, "--recheck")
    _assert_well(played)
    assert played.rows[idle]["state"] in _STOPPED
    assert played.rows[free]["state"] not in _STOPPED
    assert "inactive for 2d" in played.dry.errors
