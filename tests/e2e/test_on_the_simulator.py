"""What a real server cannot show on demand: very many torrents, and faults of its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.errors import RequestFailed
from qbm.simulator import (
    PROFILES,
    CutReused,
    Failing,
    ForgottenLogin,
    Html,
    Late,
    SimulatedTorrent,
    SimulatedTracker,
    Simulator,
    Slow,
)
from tests.engine import carry_out
from tests.factories import a_hash

_CREDENTIALS: dict[str, Any] = {"user": "admin", "password": "adminadmin"}
_SECTIONS: dict[str, Any] = {
    "cat": {"films": "/downloads/films", "tv": "/downloads/tv/*"},
    "tracker": {"alpha": {"tag": "A"}, "beta": {"tag": ["B", "C"]}},
}


def _torrent(number: int) -> SimulatedTorrent:
    word = ("alpha", "beta", "gamma")[number % 3]
    return SimulatedTorrent(
        name=f"torrent {number}",
        infohash_v1=a_hash(str(number)),
        save_path=("/downloads/films", f"/downloads/tv/{number}")[number % 2],
        completion_on=1_750_000_000,
        trackers=(SimulatedTracker(url=f"https://{word}.example/announce"),),
    )


def _simulator(count: int, version: str = "5.1.0") -> Simulator:
    simulator = Simulator(PROFILES[version])
    simulator.add(map(_torrent, range(count)))
    return simulator


@pytest.mark.parametrize("version", PROFILES)
def test_ten_thousand_torrents_and_a_second_run_that_writes_nothing(
    version: str, tmp_path: Path
) -> None:
    simulator = _simulator(10_000, version)
    with simulator.run_in_thread() as url:
        first = carry_out(url, tmp_path, _SECTIONS, **_CREDENTIALS)
        assert first.is_whole
        written = len(simulator.writes)
        second = carry_out(url, tmp_path, _SECTIONS, **_CREDENTIALS)
    assert second.plan.planned == ()
    assert [each.path for each in simulator.writes[written:] if "auth" not in each.path] == []
    ended = simulator.library.torrents.values()
    assert Counter(each.category for each in ended) == {"films": 5_000, "tv": 5_000}
    assert sum("C" in each.tags for each in ended) == 3_333


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        pytest.param(Late(seconds=1.0), 3, id="writes that show a second later"),
        pytest.param(ForgottenLogin(), 1, id="a login that is forgotten"),
        pytest.param(CutReused(), 3, id="connections that are closed when idle"),
        pytest.param(Slow(0.3), 3, id="slow answers"),
    ],
)
def test_a_run_comes_to_its_end_in_spite_of(fault: Any, times: int, tmp_path: Path) -> None:
    simulator = _simulator(30)
    placed = simulator.faults.add(fault, "torrents/*", times=times)
    with simulator.run_in_thread() as url:
        report = carry_out(url, tmp_path, _SECTIONS, **_CREDENTIALS)
    assert placed.hits > 0
    assert report.is_whole
    assert all(each.category and each.tags for each in simulator.library.torrents.values())


def test_a_category_that_shows_late_is_not_taken_for_absent(tmp_path: Path) -> None:
    simulator = _simulator(30)
    # So slow that the facts are read again before the category is used.
    simulator.faults.add(Slow(1.2), "torrents/createCategory", times=2)
    simulator.faults.add(Late(seconds=1.0), "torrents/createCategory", times=2)
    with simulator.run_in_thread() as url:
        report = carry_out(url, tmp_path, _SECTIONS, **_CREDENTIALS)
    assert report.is_whole
    assert report.stats["categorized"] == 30


def test_a_login_page_in_between_is_named(tmp_path: Path) -> None:
    simulator = _simulator(3)
    simulator.faults.add(Html(), "torrents/info", times=None)
    with simulator.run_in_thread() as url, pytest.raises(RequestFailed, match="a web page"):
        carry_out(url, tmp_path, _SECTIONS, **_CREDENTIALS)


def test_a_server_that_fails_to_read_out_its_library_ends_the_run_with_nothing_done(
    tmp_path: Path,
) -> None:
    simulator = _simulator(30)
    simulator.faults.add(Failing(), "torrents/info", times=None)
    with simulator.run_in_thread() as url, pytest.raises(RequestFailed, match="500"):
        carry_out(url, tmp_path, _SECTIONS, **_CREDENTIALS)
    assert [each.path for each in simulator.writes if "auth" not in each.path] == []


@pytest.mark.parametrize(("delay_minutes", "category"), [(60, "new"), (10**8, "old")])
@pytest.mark.parametrize("version", PROFILES)
def test_a_delay_counts_from_a_completion_in_the_past(
    tmp_path: Path, version: str, delay_minutes: int, category: str
) -> None:
    simulator = Simulator(PROFILES[version])
    simulator.add([replace(_torrent(0), category="old")])
    change = {"old": {"new_cat": "new", "delay_minutes": delay_minutes}}
    with simulator.run_in_thread() as url:
        report = carry_out(url, tmp_path, {**_SECTIONS, "cat_change": change}, **_CREDENTIALS)
    [torrent] = simulator.library.torrents.values()
    assert torrent.category == category
    assert len(report.plan.deferred) == (category == "old")
