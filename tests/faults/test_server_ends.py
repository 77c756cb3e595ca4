"""What becomes of accepted runs when their server ends, however it does."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from qbm.model.torrent import State
from qbm.simulator import Simulator, Slow
from qbm.store import EntryState, Run, RunState, Store
from tests.faults.crowd import Pair, drained, hash_of, pair
from tests.lab.library import wait_for
from tests.program import Served

_TORRENTS = 6


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, _TORRENTS) as made:
        yield made


@pytest.fixture
def simulator(servers: Pair) -> Simulator:
    """That of ``a.yml``."""
    return servers.simulators["a.yml"]


def _ask(server: Served, *numbers: int) -> str:
    body = {
        "commands": ["tag_update"],
        "hashes": [hash_of(each) for each in numbers],
        "config_file": "a.yml",
    }
    run_id: str = requests.post(f"{server.url}/api/runs", json=body, timeout=60).json()["id"]
    return run_id


def _wait_for(server: Served, run_id: str, state: str) -> None:
    url = f"{server.url}/api/runs/{run_id}"
    wait_for(lambda: requests.get(url, timeout=60).json()["state"], state.__eq__, 30)


def _known(folder: Path, run_id: str) -> Run:
    with Store.open(folder) as store:
        run = store.run(run_id)
    assert run is not None
    return run


def _go_on(server: Served, *run_ids: str) -> list[Run]:
    """The runs, after the next start has done them."""
    server.start()
    wait_for(lambda: drained(server.url), lambda left: not left, 60)
    return [_known(server.folder, each) for each in run_ids]


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_server_that_is_asked_to_end_puts_its_run_back_and_the_next_start_goes_on(
    servers: Pair, simulator: Simulator, by: signal.Signals
) -> None:
    simulator.faults.add(Slow(600), "torrents/info", times=None)
    with Served(servers.folder) as server, ThreadPoolExecutor(max_workers=2) as pool:
        asked = pool.submit(server.run, "tag_update", config_file="a.yml")
        wait_for(
            lambda: drained(server.url),
            lambda left: [each["state"] for each in left] == ["running"],
            30,
        )
        first = drained(server.url)[0]["id"]
        second = _ask(server, 1)
        assert server.end(by) == 0
        answer = asked.result(60)
        assert answer.status_code == 503
        assert "goes on when it starts again" in answer.json()["detail"]
        for run_id, attempts in ((first, 1), (second, 0)):
            left = _known(servers.folder, run_id)
            assert (left.state, left.attempts, left.ended_at) == (RunState.WAITING, attempts, None)
        with pytest.raises(requests.ConnectionError):
            _ask(server, 2)
        simulator.faults.clear()
        done = _go_on(server, first, second)
    assert [(run.state, run.attempts) for run in done] == [(RunState.DONE, 2), (RunState.DONE, 1)]
    assert "Traceback" not in server.log


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
def test_a_run_of_two_attempts_counts_both_and_repeats_nothing(
    servers: Pair, simulator: Simulator, by: signal.Signals
) -> None:
    """Two torrents get a tag more than the others, so that there are two requests."""
    for number in range(2):
        simulator.change(hash_of(number), state=State.STALLED_DL, progress=0.5)
    first = simulator.faults.add(Slow(1), "torrents/addTags", times=1)
    with Served(servers.folder) as server:
        run_id = _ask(server, *range(_TORRENTS))
        wait_for(lambda: first.hits, bool, 30)
        server.end(by)
        assert len(simulator.writes) <= 1
        [run] = _go_on(server, run_id)
    assert (run.state, run.attempts) == (RunState.DONE, 2)
    written = [each for one in simulator.writes for each in one.params["hashes"].split("|")]
    assert sorted(written) == [hash_of(each) for each in range(_TORRENTS)]
    tags = [len(each.tags) for each in simulator.library.torrents.values()]
    assert sorted(tags) == [1] * (_TORRENTS - 2) + [2] * 2
    assert run.stats["tagged"] == sum(tags)
    with Store.open(servers.folder) as store:
        assert len(store.applied(run_id)) == _TORRENTS


def test_a_server_does_not_wait_for_an_answer_that_does_not_come(
    servers: Pair, simulator: Simulator
) -> None:
    slow = simulator.faults.add(Slow(600), "torrents/addTags", times=1)
    with Served(servers.folder) as server:
        run_id = _ask(server, *range(_TORRENTS))
        wait_for(lambda: slow.hits, bool, 30)
        assert server.end(signal.SIGTERM) == 0
        assert _known(servers.folder, run_id).state is RunState.RUNNING
        assert "still waits for its server's answer" in server.log
        [run] = _go_on(server, run_id)
    assert (run.state, run.attempts) == (RunState.DONE, 2)
    assert run.stats["tagged"] == _TORRENTS


def test_what_the_first_attempt_did_not_come_to_is_stale_and_planned_anew(
    servers: Pair, simulator: Simulator
) -> None:
    simulator.faults.add(Slow(600), "torrents/addTags", times=1)
    with Served(servers.folder) as server:
        run_id = _ask(server, *range(_TORRENTS))
        _planned_before_sent(servers.folder, run_id)
        server.end(signal.SIGKILL)
        # As if it had been killed between its plan and its first intent.
        _set_back(servers.folder)
        _untag(simulator)
        simulator.faults.clear()
        [run] = _go_on(server, run_id)
    with Store.open(servers.folder) as store:
        entries = store.entries(run_id)
    states = Counter(entry.state for entry in entries)
    assert states == {EntryState.STALE: _TORRENTS, EntryState.APPLIED: _TORRENTS}
    assert [entry.position for entry in entries] == list(range(2 * _TORRENTS))
    assert all("planned anew" in entry.detail for entry in entries[:_TORRENTS])
    assert run.stats["tagged"] == _TORRENTS


def _planned_before_sent(folder: Path, run_id: str) -> None:
    with Store.open(folder) as store:
        wait_for(lambda: store.open_intents(_server_of(store, run_id)), bool, 30)


def _server_of(store: Store, run_id: str) -> str:
    run = store.run(run_id)
    assert run is not None
    return run.server


def _set_back(folder: Path) -> None:
    connection = sqlite3.connect(folder / "qbm.db")
    connection.execute("UPDATE journal SET state = 'planned', batch = NULL, intended_at = NULL")
    connection.commit()
    connection.close()


def _untag(simulator: Simulator) -> None:
    for each in list(simulator.library.torrents):
        simulator.change(each, tags=frozenset())


def test_a_container_that_is_made_anew_goes_on_with_what_the_old_one_left(
    servers: Pair, simulator: Simulator
) -> None:
    """Its processes are in a place where the new one cannot look, and its lease is good."""
    simulator.faults.add(Slow(600), "torrents/info", times=None)
    with Served(servers.folder) as server:
        first = _ask(server, 0)
        _wait_for(server, first, "running")
        second = _ask(server, 1)
        server.end(signal.SIGKILL)
        simulator.faults.clear()
        connection = sqlite3.connect(servers.folder / "qbm.db")
        for table in ("runs", "leases"):
            connection.execute(f"UPDATE {table} SET holder = 'another-boot/pid:[4026532]/7/99'")
        connection.commit()
        connection.close()
        done = _go_on(server, first, second)
    assert [run.state for run in done] == [RunState.DONE, RunState.DONE]
    assert {run.holder for run in done} != {"another-boot/pid:[4026532]/7/99"}


def test_runs_of_one_server_do_not_wait_for_those_of_another_after_a_kill(
    servers: Pair, simulator: Simulator
) -> None:
    """Forty runs of one that does not answer, and behind them one of the other."""
    simulator.faults.add(Slow(600), "torrents/info", times=None)
    with Served(servers.folder) as server:
        first = _ask(server, 0)
        _wait_for(server, first, "running")
        for _ in range(40):
            _ask(server, 1)
        server.end(signal.SIGKILL)
        with Store.open(servers.folder) as store:
            [of_first] = store.runs(states=[RunState.RUNNING])
        # The other one's run had not come to a thread of its own.
        body = {"commands": ["tag_update"], "config_file": "b.yml", "hashes": [hash_of(2)]}
        server.start()
        other = requests.post(f"{server.url}/api/runs", json=body, timeout=60).json()["id"]
        _wait_for(server, other, "done")
        server.end(signal.SIGKILL)
        simulator.faults.clear()
        [run] = _go_on(server, of_first.id)
    assert run.state is RunState.DONE
    assert run.attempts == 3
