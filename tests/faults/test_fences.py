"""The fences around the queue library (design: architecture), looked at from outside."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from qbm.service.durable import SCHEMA
from qbm.simulator import Simulator, Slow
from qbm.store import RunState, Store, host_id
from tests.faults.crowd import Pair, drained, hash_of, pair
from tests.lab.library import wait_for
from tests.lab.ports import free_port
from tests.program import Served, environment, qbm

_TORRENTS = 12


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, _TORRENTS) as made:
        yield made


@pytest.fixture
def server(servers: Pair) -> Iterator[Served]:
    with Served(servers.folder) as served:
        yield served


def _ask(server: Served, number: int, config_file: str = "a.yml") -> str:
    """Ask for a run and do not wait; its id."""
    body = {"commands": ["tag_update"], "hashes": [hash_of(number)], "config_file": config_file}
    answer = requests.post(f"{server.url}/api/runs", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["id"]
    return run_id


def _hold(simulator: Simulator) -> None:
    """From now on it takes its time, so that a run is at work until ``_let_go``."""
    simulator.faults.add(Slow(600), "torrents/info", times=None)


def _let_go(simulator: Simulator) -> None:
    simulator.faults.clear()


def _is_running(server: Served, run_id: str) -> None:
    url = f"{server.url}/api/runs/{run_id}"
    wait_for(lambda: requests.get(url, timeout=60).json()["state"], "running".__eq__, 30)


def _rows(folder: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    connection = sqlite3.connect(folder / "qbm.db")
    connection.row_factory = sqlite3.Row
    try:
        found = [dict(row) for row in connection.execute(query, values)]
        connection.commit()
    finally:
        connection.close()
    return found


def _workflows(folder: Path) -> list[dict[str, Any]]:
    return _rows(folder, "SELECT * FROM workflow_status ORDER BY created_at, rowid")


# One engine per file


def _second(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A second server that is started beside the first one."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "qbm", "serve", "--config-dir", str(folder)),
            *("--host", "127.0.0.1", "--port", str(free_port())),
        ],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_second_server_on_a_state_folder_is_refused_and_told_who_is_there(
    server: Served,
) -> None:
    second = _second(server.folder)
    assert second.returncode == 1
    assert f"{server.folder} is served already" in second.stderr
    assert f"process {server.pid}" in second.stderr
    assert "QBM_STATE_DIR" in second.stderr
    assert server.run("tag_update", config_file="a.yml").status_code == 200


def test_so_is_one_that_has_its_state_elsewhere_but_not_its_database(
    server: Served, tmp_path: Path
) -> None:
    database = f"sqlite:///{server.folder}/qbm.db"
    second = _second(
        server.folder, QBM_STATE_DIR=str(tmp_path / "other"), QBM_DATABASE_URL=database
    )
    assert second.returncode == 1
    assert f"{server.folder} is served already" in second.stderr


def test_two_servers_with_a_database_elsewhere_are_kept_apart_as_well(
    servers: Pair, tmp_path: Path
) -> None:
    shared = f"sqlite:///{tmp_path}/shared/of_all.db"
    one = {"QBM_STATE_DIR": str(tmp_path / "one"), "QBM_DATABASE_URL": shared}
    with Served(servers.folder, variables=one) as server:
        second = _second(
            servers.folder, QBM_STATE_DIR=str(tmp_path / "two"), QBM_DATABASE_URL=shared
        )
        assert second.returncode == 1
        assert "is served already" in second.stderr
        assert server.run("tag_update", config_file="a.yml").status_code == 200
    assert (tmp_path / "shared/of_all.db").exists()


def test_a_run_with_the_servers_database_and_another_state_folder_is_posted_to_it(
    server: Served, tmp_path: Path
) -> None:
    ended = qbm(
        *("run", "tag_update", "--config", str(server.folder / "a.yml")),
        QBM_STATE_DIR=str(tmp_path / "other"),
        QBM_DATABASE_URL=f"sqlite:///{server.folder}/qbm.db",
    )
    assert ended.status == 0, ended.errors
    with Store.open(server.folder) as store:
        [run] = store.runs()
    assert run.is_queued


# What is kept there


def test_workflows_are_of_this_host_and_schema_and_hold_a_runs_id_in_json(server: Served) -> None:
    runs = {_ask(server, number) for number in range(3)}
    workflows = _workflows(server.folder)
    assert len(workflows) == 3
    assert {row["application_version"] for row in workflows} == {SCHEMA}
    assert {row["executor_id"] for row in workflows} == {host_id(server.folder)}
    assert {row["serialization"] for row in workflows} == {"portable_json"}
    assert {row["name"] for row in workflows} == {"run"}
    inputs = _rows(server.folder, "SELECT * FROM workflow_input")
    arguments = [json.loads(row["inputs"])["positionalArgs"] for row in inputs]
    assert {run_id for (run_id,) in arguments} == runs


def test_a_run_on_an_idle_server_waits_in_no_queue_and_others_in_a_named_one(
    servers: Pair, server: Served
) -> None:
    _hold(servers.simulators["a.yml"])
    first = _ask(server, 0)
    _is_running(server, first)
    second = _ask(server, 1)
    other = _ask(server, 2, "b.yml")
    queues = {
        row["workflow_uuid"].partition(".")[0]: row["queue_name"]
        for row in _workflows(server.folder)
    }
    assert queues == {first: None, second: "runs", other: None}
    assert [row["name"] for row in _rows(server.folder, "SELECT name FROM queues")] == ["runs"]
    server.end(signal.SIGKILL)


@pytest.mark.parametrize("change", ["executor_id = 'another host'", "application_version = '0'"])
def test_what_another_host_or_version_had_begun_is_begun_anew(servers: Pair, change: str) -> None:
    with Served(servers.folder) as server:
        _hold(servers.simulators["a.yml"])
        first = _ask(server, 0)
        _is_running(server, first)
        second = _ask(server, 1)
        server.end(signal.SIGKILL)
        _rows(servers.folder, f"UPDATE workflow_status SET {change}")
        _let_go(servers.simulators["a.yml"])
        server.start()
        wait_for(lambda: drained(server.url), lambda left: not left, 60)
    with Store.open(servers.folder) as store:
        ends = {run.id: run.state for run in store.runs()}
    assert ends == {first: RunState.DONE, second: RunState.DONE}


def test_the_traces_of_runs_that_ended_long_ago_are_dropped_at_the_start(
    servers: Pair,
) -> None:
    with Served(servers.folder) as server:
        for _ in range(3):
            _ask(server, 0)
        wait_for(lambda: drained(server.url), lambda left: not left, 60)
        wait_for(lambda: _ended(servers.folder), (3).__eq__, 30)
        server.end(signal.SIGTERM)
        ago = 2 * 24 * 3600 * 1000
        _rows(servers.folder, f"UPDATE workflow_status SET completed_at = completed_at - {ago}")
        server.start()
        assert _ended(servers.folder) == 0
    with Store.open(servers.folder) as store:
        assert len(store.runs()) == 3, "the history of runs is not theirs"


def _ended(folder: Path) -> int:
    return sum(row["status"] == "SUCCESS" for row in _workflows(folder))


def test_a_cancelled_run_keeps_its_server_until_it_has_stopped(
    servers: Pair, server: Served
) -> None:
    simulator = servers.simulators["a.yml"]
    slow = simulator.faults.add(Slow(1), "torrents/addTags")
    first, second = _ask(server, 0), _ask(server, 1)
    wait_for(lambda: slow.hits, bool, 30)
    requests.delete(f"{server.url}/api/runs/{first}", timeout=60)
    wait_for(lambda: drained(server.url), lambda left: not left, 60)
    with Store.open(server.folder) as store:
        one, two = store.run(first), store.run(second)
    assert one is not None
    assert two is not None
    assert two.state is RunState.DONE
    assert one.ended_at is not None
    assert two.started_at is not None
    assert one.ended_at <= two.started_at


def test_a_cancelled_run_that_waits_is_never_begun_also_not_after_a_restart(
    servers: Pair, server: Served
) -> None:
    _hold(servers.simulators["a.yml"])
    first = _ask(server, 0)
    _is_running(server, first)
    second, third = _ask(server, 1), _ask(server, 2)
    answer = requests.delete(f"{server.url}/api/runs/{second}", timeout=60).json()
    assert answer["state"] == "interrupted"
    server.end(signal.SIGKILL)
    _let_go(servers.simulators["a.yml"])
    server.start()
    wait_for(lambda: drained(server.url), lambda left: not left, 60)
    with Store.open(server.folder) as store:
        ends = {run.id: (run.state, run.attempts) for run in store.runs()}
    assert ends == {
        first: (RunState.DONE, 2),
        second: (RunState.INTERRUPTED, 0),
        third: (RunState.DONE, 1),
    }


# Only in the server


@pytest.mark.parametrize(
    "words",
    [["run", "tag_update"], ["plan", "tag_update"], ["--help"], ["--version"]],
    ids=" ".join,
)
def test_the_queue_and_the_web_are_imported_by_no_other_command(
    servers: Pair, words: list[str]
) -> None:
    if len(words) > 1:
        words = [*words, "--config", str(servers.folder / "a.yml")]
    program = (
        "import sys, qbm.bootstrap as b\n"
        f"sys.argv = ['qbm', *{words!r}]\n"
        "status = b.main()\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted({'dbos', 'fastapi', 'uvicorn', 'starlette'} & loaded), file=sys.stderr)\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]"), done.stderr


def test_a_run_whose_config_names_another_server_before_its_turn_runs_there(
    servers: Pair, server: Served
) -> None:
    config = servers.folder / "c.yml"
    config.write_bytes((servers.folder / "a.yml").read_bytes())
    servers.simulators["a.yml"].faults.add(Slow(3), "torrents/info", times=1)
    first = _ask(server, 0)
    _is_running(server, first)
    second = _ask(server, 1, "c.yml")
    config.write_bytes((servers.folder / "b.yml").read_bytes())
    wait_for(lambda: drained(server.url), lambda left: not left, 60)
    with Store.open(servers.folder) as store:
        ended = {run.id: run for run in store.runs()}
    assert {run.state for run in ended.values()} == {RunState.DONE}
    assert ended[second].stats["tagged"] == 1
    assert ended[second].server != ended[first].server
