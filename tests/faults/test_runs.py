"""What goes wrong in the middle of a run on a real server, and what is left then."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qbm.engine.request import RunReport
from qbm.errors import Interrupted, ServerError
from qbm.model.change import AddTags, SetCategory
from qbm.model.plan import Applied, Failed, Outcome, Stale, Unconfirmed
from qbm.store import EntryState, RunState, Store
from tests.engine import a_request, carry_out, dry
from tests.lab import library, torrents
from tests.lab.proxy import Answer, Cut, Delay, Moment, Pause, Proxy, is_write, path_is
from tests.lab.servers import Server, StartServer, differences, state_of
from tests.lab.suites import Suite

_URLS = [f"http://127.0.0.1:1/announce/{word}" for word in ("alpha", "beta", "gamma")]
_TAGS = {"alpha": "A", "beta": "B", "gamma": "C"}


@pytest.fixture
def proxy(trixie_server: Server) -> Iterator[Proxy]:
    with Proxy(trixie_server.url) as proxy:
        yield proxy


@pytest.fixture
def hashes(trixie_server: Server) -> list[str]:
    """Six torrents: two of each tracker, in two folders."""
    made = [torrents.single(f"{number}.bin", _URLS[number % 3]) for number in range(6)]
    films, tv = trixie_server.save_path / "films", trixie_server.save_path / "tv"
    return [
        *library.add(trixie_server, *made[:3], save_path=films),
        *library.add(trixie_server, *made[3:], save_path=tv),
    ]


def _sections(server: Server) -> dict[str, Any]:
    return {
        "cat": {"films": f"{server.save_path}/films", "tv": f"{server.save_path}/tv"},
        "tracker": {word: {"tag": tag} for word, tag in _TAGS.items()},
    }


def _started(*arguments: Any, **options: Any) -> Future[RunReport]:
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(carry_out, *arguments, **options)
    pool.shutdown(wait=False)
    return future


def _outcomes(report: RunReport, kind: type) -> set[Outcome]:
    return {each.outcome for each in report.concluded if isinstance(each.planned.change, kind)}


def _assert_all_done(server: Server, hashes: list[str]) -> None:
    rows = server.api.by_hash()
    for number, each in enumerate(hashes):
        assert rows[each]["category"] == ("films" if number < 3 else "tv")
        assert rows[each]["tags"] == "ABC"[number % 3]


def test_a_change_behind_its_back_is_left_and_named(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    pause = Pause(Moment.AFTER)
    proxy.inject(pause, path_is("torrents/categories"))
    going = _started(proxy.url, tmp_path, _sections(trixie_server))
    pause.wait()
    trixie_server.api.post("torrents/createCategory", category="mine", savePath="")
    trixie_server.api.post("torrents/setCategory", hashes=hashes[0], category="mine")
    trixie_server.api.post("torrents/addTags", hashes=hashes[1], tags="B")
    trixie_server.api.post("torrents/delete", hashes=hashes[2], deleteFiles=False)
    proxy.inject(Delay(1.1), path_is("torrents/createCategory"))
    pause.go_on()
    report = going.result(60)
    stale = {
        each.planned.change.hash
        for each in report.concluded
        if isinstance(each.outcome, Stale)
        and isinstance(each.planned.change, AddTags | SetCategory)
    }
    assert stale == {hashes[0], hashes[1], hashes[2]}
    rows = trixie_server.api.by_hash()
    assert rows[hashes[0]]["category"] == "mine"
    assert [rows[each]["category"] for each in hashes[3:]] == ["tv"] * 3
    assert report.stats["categorized"] == 4


def test_a_write_that_the_server_only_pretends_to_take_is_not_confirmed(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    proxy.inject(Answer(200), path_is("torrents/addTags"), times=3)
    report = carry_out(proxy.url, tmp_path, _sections(trixie_server))
    assert not report.is_whole
    assert {type(each) for each in _outcomes(report, AddTags)} == {Unconfirmed}
    assert _outcomes(report, SetCategory) == {Applied()}
    assert report.stats["tagged"] == 0
    assert report.stats["categorized"] == 6


def test_a_fault_of_a_proxy_after_the_server_has_done_it_is_seen_as_done(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    proxy.inject(Answer(500, b"proxy fault"), path_is("torrents/addTags"), times=3)
    going = _started(proxy.url, tmp_path, _sections(trixie_server))
    library.wait_for(lambda: proxy.counts["torrents/addTags"], (1).__le__)
    for number, each in enumerate(hashes):
        trixie_server.api.post("torrents/addTags", hashes=each, tags="ABC"[number % 3])
    report = going.result(60)
    assert report.is_whole
    assert report.stats["tagged"] == 6


def test_a_refused_write_fails_alone_and_says_why(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    proxy.inject(Answer(409, b"no such thing"), path_is("torrents/setCategory"))
    report = carry_out(proxy.url, tmp_path, _sections(trixie_server))
    kinds = [type(each) for each in _outcomes(report, SetCategory)]
    assert sorted(each.__name__ for each in kinds) == ["Applied", "Failed"]
    [failed] = [each for each in _outcomes(report, SetCategory) if isinstance(each, Failed)]
    assert "no such thing" in failed.detail
    assert report.stats["tagged"] == 6
    carry_out(proxy.url, tmp_path, _sections(trixie_server))
    _assert_all_done(trixie_server, hashes)


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("number", range(4))
def test_a_connection_that_is_cut_at_a_write_costs_nothing(
    trixie_server: Server,
    proxy: Proxy,
    hashes: list[str],
    tmp_path: Path,
    moment: Moment,
    number: int,
) -> None:
    proxy.inject(Cut(moment), is_write, skip=number)
    report = carry_out(proxy.url, tmp_path, _sections(trixie_server))
    assert report.is_whole
    _assert_all_done(trixie_server, hashes)


@pytest.mark.parametrize("number", range(0, 7, 2))
def test_a_server_that_dies_in_the_middle_is_mended_by_the_next_run(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path, number: int
) -> None:
    pause = Pause()
    proxy.inject(pause, is_write, skip=number)
    going = _started(proxy.url, tmp_path, _sections(trixie_server))
    pause.wait()
    trixie_server.kill()
    pause.go_on()
    with pytest.raises(ServerError, match=str(proxy.port)):
        going.result(60)
    with Store.open(tmp_path) as store:
        [failed] = store.runs()
        assert failed.state is RunState.FAILED
        assert store.open_intents(failed.server)
    trixie_server.start()
    library.settle(trixie_server, hashes)
    proxy.forget()
    assert carry_out(proxy.url, tmp_path, _sections(trixie_server)).is_whole
    _assert_all_done(trixie_server, hashes)
    with Store.open(tmp_path) as store:
        assert not store.open_intents(failed.server)
        # What the first run had done counts for it, now that this is known.
        [second, first] = store.runs()
        assert first.stats["tagged"] + second.stats["tagged"] == 6
        assert first.stats["categorized"] + second.stats["categorized"] == 6


@pytest.mark.parametrize("suite", list(Suite))
def test_a_server_that_restarts_in_the_middle_has_forgotten_the_login_and_is_told_again(
    start_server: StartServer, tmp_path: Path, suite: Suite
) -> None:
    server = start_server(suite, login=True)
    [found] = library.add(server, torrents.single("a.bin", _URLS[0]))
    access = {"user": server.username, "password": server.password}
    sections = {"cat": {"all": str(server.save_path)}, "tracker": {"alpha": {"tag": "A"}}}
    with Proxy(server.url) as proxy:
        pause = Pause()
        proxy.inject(pause, path_is("torrents/addTags"))
        going = _started(proxy.url, tmp_path, sections, **access)
        pause.wait()
        server.stop()
        server.start()
        library.settle(server, [found])
        pause.go_on()
        assert going.result(60).is_whole
    assert server.api.by_hash()[found]["tags"] == "A"


@pytest.mark.parametrize("suite", list(Suite))
def test_a_run_is_whole_on_a_server_that_shows_effects_as_late_as_users_servers_do(
    start_server: StartServer, tmp_path: Path, suite: Suite
) -> None:
    server = start_server(suite, refresh_interval=1500)
    hashes = library.add(server, *(torrents.single(f"{n}.bin", _URLS[n % 3]) for n in range(6)))
    sections = _sections(server) | {"cat": {"films": str(server.save_path)}}
    sections["settings"] = {"force_auto_tmm": True}
    assert carry_out(server.url, tmp_path, sections).is_whole
    assert carry_out(server.url, tmp_path, sections).plan.planned == ()
    rows = server.api.by_hash()
    assert {rows[each]["category"] for each in hashes} == {"films"}
    assert {rows[each]["auto_tmm"] for each in hashes} == {True}


def test_a_stop_ends_between_two_changes_with_a_complete_journal(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    from qbm.engine.stop import Stop  # noqa: PLC0415 - made in the run's own loop below

    class StopAtSecondWrite(Stop):
        @property
        def is_requested(self) -> bool:
            return len(proxy.writes) >= 2

    with pytest.raises(Interrupted):
        carry_out(proxy.url, tmp_path, _sections(trixie_server), stop=StopAtSecondWrite)
    assert len(proxy.writes) == 2
    with Store.open(tmp_path) as store:
        [run] = store.runs()
        assert run.state is RunState.INTERRUPTED
        states = [each.state for each in store.entries(run.id)]
    assert EntryState.INTENDED not in states
    assert EntryState.APPLIED in states
    assert EntryState.PLANNED in states
    assert carry_out(proxy.url, tmp_path, _sections(trixie_server)).is_whole
    _assert_all_done(trixie_server, hashes)


def test_a_dry_run_writes_nothing_and_foretells_the_run(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    before = state_of(trixie_server)
    foretold = carry_out(proxy.url, tmp_path, _sections(trixie_server), dry())
    assert proxy.writes == []
    assert differences(before, state_of(trixie_server)) == []
    done = carry_out(proxy.url, tmp_path, _sections(trixie_server))
    assert foretold.stats == done.stats
    assert foretold.plan == done.plan


def test_hashes_narrow_what_is_changed_and_unknown_ones_are_warnings(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    unknown = "f" * 40
    request = a_request(hashes=(hashes[0].upper(), unknown, "-", "all", ""))
    report = carry_out(proxy.url, tmp_path, _sections(trixie_server), request)
    rows = trixie_server.api.by_hash()
    assert rows[hashes[0]]["category"] == "films"
    assert [rows[each]["category"] for each in hashes[1:]] == [""] * 5
    assert len(report.warnings) == 4
    assert unknown in report.warnings[0]


def test_only_malformed_hashes_change_nothing(
    trixie_server: Server, proxy: Proxy, hashes: list[str], tmp_path: Path
) -> None:
    carry_out(proxy.url, tmp_path, _sections(trixie_server), a_request(hashes=("all",)))
    assert proxy.writes == []
