"""``qbm run`` where a server is at work, or has been killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from qbm.simulator import Failing, Slow
from qbm.store import Purpose, RunState, StateLock, Store, Trigger
from tests.faults.crowd import Pair, drained, hash_of, pair
from tests.lab.library import wait_for
from tests.program import Ended, Served, environment, qbm

_TORRENTS = 5


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, _TORRENTS) as made:
        yield made


def _run(folder: Path, name: str, *flags: str) -> Ended:
    return qbm("run", "tag_update", "--config", str(folder / name), *flags)


@contextmanager
def _started(folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "qbm", "run", "tag_update", "--config", str(folder / name)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _ask(server: Served, number: int) -> str:
    body = {"commands": ["tag_update"], "hashes": [hash_of(number)], "config_file": "a.yml"}
    run_id: str = requests.post(f"{server.url}/api/runs", json=body, timeout=60).json()["id"]
    return run_id


def _wait_for(server: Served, run_id: str, state: str) -> None:
    url = f"{server.url}/api/runs/{run_id}"
    wait_for(lambda: requests.get(url, timeout=60).json()["state"], state.__eq__, 30)


def _comparable(answer: Any) -> Any:
    """The answer without what differs between any two runs, or between the two servers."""
    if isinstance(answer, dict):
        kept = answer.keys() - {"run_id", "seconds", "config_file"}
        return {key: _comparable(answer[key]) for key in kept}
    return [_comparable(each) for each in answer] if isinstance(answer, list) else answer


def _lines(ended: Ended) -> list[str]:
    """What was said, without the servers' names and without how long it took."""
    text = re.sub(r"http://127\.0\.0\.1:\d+|\S+\.yml|[0-9.]+ s\b", "…", ended.errors)
    return [line for line in text.splitlines() if "carries this out" not in line]


@pytest.mark.parametrize("flags", [[], ["--dry-run"]], ids=["real", "dry"])
def test_a_run_beside_a_server_answers_as_it_does_alone(servers: Pair, flags: list[str]) -> None:
    alone = _run(servers.folder, "a.yml", "--json", *flags)
    with Served(servers.folder) as server:
        posted = _run(servers.folder, "b.yml", "--json", *flags)
        assert f"The server at {server.url}" in posted.errors
    assert (alone.status, posted.status) == (0, 0)
    assert alone.json["runs"][0]["changes"] != []
    assert _comparable(posted.json) == _comparable(alone.json)
    with Store.open(servers.folder) as store:
        second, first = store.runs()
    assert (first.is_queued, second.is_queued) == (False, True)
    assert second.trigger is Trigger.CLI
    assert first.stats == second.stats


@pytest.mark.parametrize("flags", [[], ["--dry-run"]], ids=["real", "dry"])
def test_what_it_says_is_the_same_too(servers: Pair, flags: list[str]) -> None:
    alone = _run(servers.folder, "a.yml", *flags)
    with Served(servers.folder):
        posted = _run(servers.folder, "b.yml", *flags)
    assert any("add tag" in line for line in _lines(alone))
    assert _lines(posted) == _lines(alone)


def test_a_run_that_fails_at_the_server_fails_with_its_reason(servers: Pair) -> None:
    servers.simulators["b.yml"].faults.add(Failing(401), times=None)
    alone = _run(servers.folder, "b.yml", "--json")
    with Served(servers.folder):
        posted = _run(servers.folder, "b.yml", "--json")
        servers.simulators["a.yml"].faults.clear()
        assert _run(servers.folder, "a.yml").status == 0
    assert posted.status == alone.status == 3
    assert "(401)" in posted.json["runs"][0]["error"]


def test_runs_beside_a_server_wait_for_their_turn(servers: Pair) -> None:
    simulator = servers.simulators["a.yml"]
    with Served(servers.folder) as server:
        simulator.faults.add(Slow(2), "torrents/info", times=1)
        first = _ask(server, 0)
        _wait_for(server, first, "running")
        assert _run(servers.folder, "a.yml").status == 0
    with Store.open(servers.folder) as store:
        second, one = store.runs()
    assert one.id == first
    assert one.ended_at is not None
    assert second.started_at is not None
    assert one.ended_at <= second.started_at


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.WAITING])
def test_ctrl_c_cancels_the_run_at_the_server(servers: Pair, state: RunState) -> None:
    simulator = servers.simulators["a.yml"]
    simulator.faults.add(Slow(600), "torrents/info", times=None)
    with Served(servers.folder) as server:
        busy = [_ask(server, 0)] if state is RunState.WAITING else []
        for run_id in busy:
            _wait_for(server, run_id, "running")
        with _started(servers.folder, "a.yml") as process:
            wait_for(lambda: len(_unfinished(server)), (len(busy) + 1).__eq__, 30)
            run_id = _unfinished(server)[0]
            _wait_for(server, run_id, state)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        _wait_for(server, run_id, "interrupted")
        assert _unfinished(server) == busy
        simulator.faults.clear()
        server.end(signal.SIGKILL)


def _unfinished(server: Served) -> list[str]:
    return [each["id"] for each in drained(server.url)]


def test_configs_of_another_folder_are_not_posted(servers: Pair, tmp_path: Path) -> None:
    with pair(tmp_path / "other", 1) as other, Served(servers.folder):
        refused = qbm(
            *("run", "tag_update", "--config", str(other.folder / "a.yml")),
            QBM_STATE_DIR=str(servers.folder),
        )
    assert refused.status == 1
    assert f"serves the configs in {servers.folder}" in refused.errors
    assert other.simulators["a.yml"].requests == []


def test_a_run_after_a_killed_server_does_not_wait_for_it_and_its_queue_goes_on_later(
    servers: Pair,
) -> None:
    simulator = servers.simulators["a.yml"]
    simulator.faults.add(Slow(600), "torrents/info", times=None)
    server = Served(servers.folder)
    with server:
        first = _ask(server, 0)
        _wait_for(server, first, "running")
        second = _ask(server, 1)
        server.end(signal.SIGKILL)
        simulator.faults.clear()
        alone = _run(servers.folder, "a.yml")
        assert alone.status == 0, alone.errors
        assert "2 " in alone.errors  # they wait for the next server, and that is said
        with Store.open(servers.folder) as store:
            assert [run.id for run in store.in_line()] == [first, second]
        server.start()
        wait_for(lambda: drained(server.url), lambda left: not left, 60)
    with Store.open(servers.folder) as store:
        own, *queued = store.runs()
    assert {run.state for run in [own, *queued]} == {RunState.DONE}
    assert [run.id for run in queued] == [second, first]
    assert own.ended_at is not None
    assert all(run.ended_at and run.ended_at > own.ended_at for run in queued)
    assert own.stats["tagged"] == _TORRENTS


def test_a_server_that_starts_waits_for_a_run_that_has_the_folder(servers: Pair) -> None:
    server = Served(servers.folder)
    with StateLock(servers.folder, Purpose.RUN) as lock, ThreadPoolExecutor(1) as pool:
        assert lock.take(datetime.now(UTC))
        starting = pool.submit(server.start)
        waiting = f"Waiting for another run (process {os.getpid()}"
        wait_for(lambda: server.errors, lambda text: waiting in text, 60)
        assert not starting.done()
        lock.release()
        starting.result(60)
    answer = server.run("tag_update", config_file="a.yml")
    server.__exit__(None, None, None)
    assert answer.status_code == 200
