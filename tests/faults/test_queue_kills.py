"""kill -9 of a server while many ask: every accepted run is done, once, and in order.

Ten kills in the suite; in ``make soak`` one every two seconds for a minute. The seed is in
the output.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from qbm.simulator import CutBefore, Failing, Recorded, Simulator
from qbm.simulator.faults import Fault
from qbm.store import EntryState, Run, RunState, Store
from tests.faults.crowd import TAG, Crowd, Killer, Wish, drained, hash_of, pair, wishes
from tests.lab.library import wait_for
from tests.program import Served

_IS_SOAK = bool(os.environ.get("QBM_SOAK"))
_COUNT, _CLIENTS = 200, 20
_SLOWNESS = 0.15 if _IS_SOAK else 0.05
"""Seconds for each look at torrents, so that there is always somebody in line."""
_LAST = _COUNT
"""The number of the torrent that no wish is about."""


def _kill(killer: Killer) -> None:
    if _IS_SOAK:
        killer.kill(30, least=1.9, most=2.1)
    else:
        killer.kill(10, least=0.1, most=1.0)


def _seed() -> int:
    seed = random.randrange(2**32) if _IS_SOAK else 1
    print(f"seed {seed}")
    return seed


def _shares(made: list[Wish]) -> list[list[Wish]]:
    return [made[client::_CLIENTS] for client in range(_CLIENTS)]


def _crowd(server: Served, made: list[Wish], seed: int) -> Crowd:
    return Crowd(server.url, _shares(made), seed, pause=8.0 if _IS_SOAK else 4.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_every_accepted_request_runs_once_in_order_whenever_the_server_is_killed(
    tmp_path: Path,
) -> None:
    seed = _seed()
    chance = random.Random(seed)
    made = wishes(_COUNT, chance)
    with pair(tmp_path, _COUNT + 1, _SLOWNESS) as servers:
        with Served(tmp_path) as server:
            with _crowd(server, made, seed).asking():
                _kill(Killer(server, chance))
            wait_for(lambda: drained(server.url), lambda left: not left, 120)
        runs = _runs(tmp_path)
        _assert_all_that_was_accepted_is_there(made, runs)
        assert Counter(run.state for run in runs) == {RunState.DONE: len(runs)}
        _assert_one_at_a_time_in_order(runs)
        for name, simulator in servers.simulators.items():
            of_server = [run for run in runs if run.config_file == name]
            _assert_done_once(simulator, of_server)
            _assert_never_two_at_once(simulator.requests, of_server)
        _assert_counted_right(tmp_path, runs)
        print(f"{len(runs)} runs, {sum(run.attempts for run in runs)} attempts")
        assert max(run.attempts for run in runs) > 1


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_same_holds_when_runs_fail(tmp_path: Path) -> None:
    seed = _seed()
    chance = random.Random(seed)
    made = wishes(_COUNT, chance)
    with pair(tmp_path, _COUNT + 1, _SLOWNESS) as servers:
        with Served(tmp_path) as server:
            with _in_and_out_of_order(servers.simulators["b.yml"], chance):
                with _crowd(server, made, seed).asking():
                    _kill(Killer(server, chance))
                wait_for(lambda: drained(server.url), lambda left: not left, 120)
            last = server.run("tag_update", config_file="*.yml", hashes=[hash_of(_LAST)])
            assert last.status_code == 200, last.text
        runs = _runs(tmp_path)
        _assert_all_that_was_accepted_is_there(made, runs)
        ended = Counter(run.state for run in runs)
        print(ended)
        assert set(ended) == {RunState.DONE, RunState.FAILED}
        assert {run.state for run in runs if run.config_file == "a.yml"} == {RunState.DONE}
        assert all(run.error for run in runs if run.state is RunState.FAILED)
        _assert_one_at_a_time_in_order(runs)
        a_runs = [run for run in runs if run.config_file == "a.yml"]
        _assert_done_once(servers.simulators["a.yml"], a_runs)
        b_runs = [run for run in runs if run.config_file == "b.yml"]
        _assert_done_at_most_once(servers.simulators["b.yml"], b_runs)
        _assert_counted_right(tmp_path, runs)


@contextmanager
def _in_and_out_of_order(simulator: Simulator, chance: random.Random) -> Iterator[None]:
    """Every now and then the simulator cuts, refuses or faults; it is in order at the end."""
    is_over = threading.Event()

    def disturb() -> None:
        usual = list(simulator.faults.armed)
        faults: list[tuple[Fault, str]] = [
            (CutBefore(), "*"),
            (Failing(500, "fault"), "*"),
            (Failing(401), "*"),
            (Failing(500, "fault"), "torrents/addTags"),
        ]
        while not is_over.wait(chance.uniform(0.2, 1.0)):
            fault, path = chance.choice(faults)
            simulator.faults.add(fault, path, times=None)
            is_over.wait(chance.uniform(0.2, 1.0))
            simulator.faults.armed[:] = usual

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    try:
        yield
    finally:
        is_over.set()
        disturbing.join()


def _runs(folder: Path) -> list[Run]:
    """All runs, in the order of their arrival."""
    with Store.open(folder) as store:
        return sorted(store.runs(10_000), key=lambda run: run.arrival)


def _assert_all_that_was_accepted_is_there(made: list[Wish], runs: list[Run]) -> None:
    """Nothing that a client was told of is lost, and what it was not told of is not half there."""
    told = 0
    for wish in made:
        rows = [run for run in runs if run.hashes == (wish.hash,)]
        whole = [(name, wish.is_dry) for name in wish.configs]
        there = [(run.config_file, run.dry_run) for run in rows]
        if wish.is_accepted:
            told += 1
            assert there == whole, wish
            assert {run.id for run in rows} >= set(wish.run_ids), wish
            assert {run.request_id for run in rows} == {rows[0].id}
        else:
            assert there in ([], whole), wish
    assert told > len(made) / 2
    # A client's later wish arrives later.
    arrivals = {run.hashes: run.arrival for run in runs}
    for share in _shares(made):
        order = [arrivals[wish.hash,] for wish in share if (wish.hash,) in arrivals]
        assert order == sorted(order)


def _assert_one_at_a_time_in_order(runs: list[Run]) -> None:
    for server in {run.server for run in runs}:
        for run, following in pairwise(run for run in runs if run.server == server):
            if run.started_at is None or following.started_at is None:
                continue  # it failed before it began: its server was not asked anything
            assert run.ended_at is not None
            assert run.started_at <= run.ended_at <= following.started_at, (run, following)


def _assert_done_once(simulator: Simulator, runs: list[Run]) -> None:
    """Each real run's torrent was tagged by one request, and no other torrent by any."""
    written = Counter(each.params["hashes"] for each in simulator.writes if each.status == 200)
    assert written == {run.hashes[0]: 1 for run in runs if run.hashes and not run.dry_run}
    assert _tagged(simulator) == set(written)


def _assert_done_at_most_once(simulator: Simulator, runs: list[Run]) -> None:
    done = Counter(each.params["hashes"] for each in simulator.writes if each.status == 200)
    real = {run.hashes[0] for run in runs if run.hashes and not run.dry_run}
    assert set(done.values()) == {1}
    assert set(done) <= real
    assert _tagged(simulator) == set(done)
    counted = {
        run.hashes[0] for run in runs if run.hashes and not run.dry_run and run.stats.get("tagged")
    }
    assert counted == set(done)


def _tagged(simulator: Simulator) -> set[str]:
    return {each for each, torrent in simulator.library.torrents.items() if TAG in torrent.tags}


def _assert_never_two_at_once(asked: list[Recorded], runs: list[Run]) -> None:
    """The server's own view: whatever it was asked about a run's torrent, it was asked in turn."""
    numbers = {run.hashes[0]: run.arrival for run in runs if run.hashes}
    seen = [numbers[each.params["hashes"]] for each in asked if "hashes" in each.params]
    assert seen == sorted(seen)
    assert set(seen) == set(numbers.values())


def _assert_counted_right(folder: Path, runs: list[Run]) -> None:
    """What a run counts is what its journal says, over all attempts; nothing is open."""
    with Store.open(folder) as store:
        for run in runs:
            entries = store.entries(run.id)
            states = Counter(entry.state for entry in entries)
            assert not states[EntryState.INTENDED], run
            applied = states[EntryState.APPLIED]
            if run.dry_run:
                assert applied == 0
                continue
            assert run.stats.get("tagged", 0) == applied, (run, entries)
            if run.state is RunState.DONE:
                assert applied == 1, (run, entries)
                assert not states[EntryState.PLANNED], (run, entries)
