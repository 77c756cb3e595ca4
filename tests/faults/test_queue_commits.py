"""A service is killed at each of its commits, the queue library's among them, and goes on.

Threads commit in an order of their own, so the death before a commit is much the same as that
after the one before it: the suite has one side of every second commit, ``make soak`` both of all.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbm.simulator import Simulator
from qbm.store import EntryState, Run, RunState, Store
from tests.faults.crowd import TAG, Pair, hash_of, pair
from tests.faults.killer import KillPoint, Side, kill_points, kills
from tests.faults.queue_program import HOLDING
from tests.program import ROOT, environment, write_config

_MODULE = "tests.faults.queue_program"
_TORRENTS = 3
_SHARES = 3
_IS_SOAK = bool(os.environ.get("QBM_SOAK"))
_REQUESTS = [["a.yml"], ["a.yml", "b.yml", HOLDING], ["a.yml"]]


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, _TORRENTS, seconds=0) as made:
        yield made


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(_SHARES))
def test_killed_at_every_commit_and_started_again(
    servers: Pair, silent: str, tmp_path: Path, share: int
) -> None:
    sections = {"qbt": {"host": silent}, "tracker": {"other": {"tag": TAG}}}
    count = 0
    for number in range(10_000):
        folder = tmp_path / f"killed{number}"
        _copy_configs(servers.folder, folder)
        write_config(folder, sections, HOLDING)
        point = _next_point(number, share)
        if not list(kills(f"{_MODULE}:serve", [str(folder)], points=[point])):
            break
        _start_again(folder)
        _assert_all_is_done_once(folder, servers, point)
        for simulator in servers.simulators.values():
            _empty(simulator)
        count += 1
    assert count >= 5


def _next_point(number: int, share: int) -> KillPoint:
    """The points of a share, one after the other."""
    index = number * _SHARES + share
    if _IS_SOAK:
        return next(itertools.islice(kill_points(), index, None))
    return KillPoint(Side.AFTER, 2 * index + 1)


def _copy_configs(source: Path, folder: Path) -> None:
    folder.mkdir()
    for each in source.glob("?.yml"):
        (folder / each.name).write_bytes(each.read_bytes())


def _start_again(folder: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {_MODULE} as it; it.serve()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=environment(),
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def _assert_all_is_done_once(folder: Path, servers: Pair, point: KillPoint) -> None:
    with Store.open(folder) as store:
        runs = sorted(store.runs(), key=lambda run: run.arrival)
        requests: dict[str, list[str]] = {run.request_id: [] for run in runs}
        for run in runs:
            requests[run.request_id].append(run.config_file)
            states = Counter(entry.state for entry in store.entries(run.id))
            assert not states[EntryState.INTENDED] + states[EntryState.PLANNED], (point, run)
            assert run.stats.get("tagged", 0) == states[EntryState.APPLIED], (point, run)
        assert list(requests.values()) == _REQUESTS[: len(requests)], point
    _assert_ended(runs, point)
    for name, simulator in servers.simulators.items():
        of_server = [run for run in runs if run.config_file == name]
        written = [each for one in simulator.writes for each in one.params["hashes"].split("|")]
        whole = [hash_of(each) for each in range(_TORRENTS)] if of_server else []
        assert sorted(written) == whole, point
        assert sum(run.stats.get("tagged", 0) for run in of_server) == len(whole), point


def _assert_ended(runs: list[Run], point: KillPoint) -> None:
    for run in runs:
        wanted = RunState.WAITING if run.config_file == HOLDING else RunState.DONE
        assert run.state is wanted, (point, run)
    in_order = [run for run in runs if run.config_file == "a.yml"]
    for run, following in itertools.pairwise(in_order):
        assert run.ended_at is not None
        assert following.started_at is not None
        assert run.ended_at <= following.started_at, point


def _empty(simulator: Simulator) -> None:
    simulator.requests.clear()
    for each in list(simulator.library.torrents):
        simulator.change(each, tags=frozenset())
