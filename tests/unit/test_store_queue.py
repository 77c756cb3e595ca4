"""The queue in the store: runs that outlive their server, in the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from qbm.store import UNFINISHED, NewRun, Run, RunState, Store
from qbm.store.records import NOBODY
from tests.store_factories import HOLDER, LEASE, NOW, SERVER, a_new_run, a_running, planned

OTHER = "host http://127.0.0.1:9090"
NEXT_START = "here/2/2"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


def a_queued(**facts: Any) -> NewRun:
    return a_new_run(**{"is_queued": True, **facts})


def enqueued(store: Store, *servers: str) -> list[Run]:
    """A run for each server, each of a request of its own."""
    found: list[Run] = []
    for server in servers or (SERVER,):
        runs, _ = store.enqueue([a_queued(server=server)], NOW)
        found += runs
    return found


def begun(store: Store, run: Run) -> Run:
    """The run at work, with its server's lease."""
    assert acquired(store, run)
    store.start(run.id, NOW)
    return known(store, run)


def acquired(store: Store, run: Run) -> bool:
    holder = known(store, run).holder
    return store.acquire(
        run.server, run.id, holder, now=NOW, duration=LEASE, is_alive=lambda _: True
    )


def known(store: Store, run: Run) -> Run:
    found = store.run(run.id)
    assert found is not None
    return found


def test_the_runs_of_a_request_are_written_down_in_its_order_under_the_first_ones_id(
    store: Store,
) -> None:
    names = ["b.yml", "a.yml", "c.yml"]
    runs, _ = store.enqueue([a_queued(config_file=name) for name in names], NOW)
    assert [run.config_file for run in runs] == names
    assert [run.arrival for run in runs] == sorted(run.arrival for run in runs)
    assert {run.request_id for run in runs} == {runs[0].id}
    assert store.of_request(runs[0].id) == runs
    assert {run.state for run in runs} == {RunState.WAITING}


def test_a_request_that_cannot_be_written_whole_is_not_written_at_all(store: Store) -> None:
    wrong: Any = object()
    with pytest.raises(StatementError):
        store.enqueue([a_queued(), a_queued(trigger=wrong)], NOW)
    assert store.runs() == []


def test_a_server_is_busy_while_another_run_of_it_is_unfinished(store: Store) -> None:
    first, is_busy = store.enqueue([a_queued()], NOW)
    assert not is_busy
    assert store.enqueue([a_queued(server=OTHER)], NOW)[1] is False
    assert store.enqueue([a_queued()], NOW)[1] is True
    assert store.enqueue([a_queued(server="third"), a_queued()], NOW)[1] is True
    for run in store.runs():
        store.finish(run.id, RunState.FAILED, NOW)
    assert store.enqueue([a_queued()], NOW)[1] is False
    assert first[0].request_id == first[0].id


def test_two_configs_of_one_request_on_one_server_do_not_make_it_busy(store: Store) -> None:
    assert store.enqueue([a_queued(), a_queued(config_file="b.yml")], NOW)[1] is False


def test_a_run_of_the_command_line_makes_its_server_busy_too(store: Store) -> None:
    a_running(store)
    assert store.enqueue([a_queued()], NOW)[1] is True


def test_a_new_server_takes_over_all_that_is_unfinished_in_the_order_of_arrival(
    store: Store,
) -> None:
    first, second, third = enqueued(store, SERVER, OTHER, SERVER)
    begun(store, first)
    store.finish(second.id, RunState.DONE, NOW)
    own = store.accept(a_new_run(), NOW)
    adopted = store.adopt(NEXT_START)
    assert [run.id for run in adopted] == [first.id, third.id]
    assert {run.holder for run in adopted} == {NEXT_START}
    assert {run.state for run in adopted} == {RunState.WAITING}
    assert known(store, own).holder == HOLDER
    assert known(store, second).holder == HOLDER


def test_an_adopted_run_takes_its_server_from_the_process_that_died(store: Store) -> None:
    first, second = enqueued(store, SERVER, SERVER)
    begun(store, first)
    store.adopt(NEXT_START)
    assert not acquired(store, second)
    assert acquired(store, first)  # though nobody can look whether its process is alive
    store.start(first.id, NOW + timedelta(minutes=5))
    again = known(store, first)
    assert (again.attempts, again.started_at) == (2, NOW)


def test_a_queue_without_a_server_keeps_no_other_run_waiting(store: Store) -> None:
    first, second = enqueued(store, SERVER, SERVER)
    begun(store, first)
    assert store.leave_queue() == 2
    assert known(store, first).holder == NOBODY
    assert store.enqueue([a_queued()], NOW)[1] is False
    own = store.accept(a_new_run(holder="here/3/3"), NOW)
    # The last one has a holder, and came before.
    [_, last] = store.runs(2)
    assert not acquired(store, own)
    store.finish(last.id, RunState.DONE, NOW)
    assert acquired(store, own)
    assert [run.id for run in store.in_line()] == [first.id, second.id]


def test_leaving_an_empty_queue_leaves_nothing(store: Store) -> None:
    own = store.accept(a_new_run(), NOW)
    assert store.leave_queue() == 0
    assert known(store, own).holder == HOLDER


def test_next_in_line_is_the_one_that_arrived_first_at_that_server(store: Store) -> None:
    store.accept(a_new_run(), NOW)
    other, first, second = enqueued(store, OTHER, SERVER, SERVER)
    assert store.next_in_line(SERVER) == first
    assert store.next_in_line(OTHER) == other
    begun_first = store.next_in_line(SERVER)
    assert begun_first is not None
    store.finish(first.id, RunState.INTERRUPTED, NOW)
    assert store.next_in_line(SERVER) == second
    store.finish(second.id, RunState.DONE, NOW)
    assert store.next_in_line(SERVER) is None
    assert store.next_in_line("nobody asked for") is None


def test_a_run_that_is_put_back_waits_in_its_place_without_its_lease(store: Store) -> None:
    own = a_running(store, server=OTHER)
    first, second = enqueued(store, SERVER, SERVER)
    begun(store, first)
    store.put_back(first.id)
    assert known(store, first).state is RunState.WAITING
    assert store.next_in_line(SERVER) == known(store, first)
    assert not acquired(store, second)
    assert acquired(store, first)
    store.put_back(own.id)
    assert known(store, own).state is RunState.RUNNING  # of no queue: nobody would go on


def test_a_run_that_has_ended_is_not_put_back(store: Store) -> None:
    [run] = enqueued(store)
    begun(store, run)
    store.finish(run.id, RunState.DONE, NOW)
    store.put_back(run.id)
    assert known(store, run).state is RunState.DONE


def test_a_moved_run_keeps_its_place_among_those_of_its_new_server(store: Store) -> None:
    moving, other = enqueued(store, SERVER, OTHER)
    store.move(moving.id, OTHER)
    assert store.next_in_line(SERVER) is None
    assert store.next_in_line(OTHER) == known(store, moving)
    assert not acquired(store, other)


def test_a_run_at_work_is_not_moved(store: Store) -> None:
    [run] = enqueued(store)
    begun(store, run)
    store.move(run.id, OTHER)
    assert known(store, run).server == SERVER


def test_a_waiting_run_is_cancelled_for_good(store: Store) -> None:
    first, second = enqueued(store, SERVER, SERVER)
    assert store.cancel_waiting(first.id, NOW) is True
    ended = known(store, first)
    assert (ended.state, ended.ended_at) == (RunState.INTERRUPTED, NOW)
    assert "before it began" in ended.error
    assert store.cancel_waiting(first.id, NOW) is False
    assert store.next_in_line(SERVER) == second
    assert store.adopt(NEXT_START) == (known(store, second),)


def test_only_a_waiting_run_of_the_queue_is_cancelled_so(store: Store) -> None:
    [run] = enqueued(store)
    begun(store, run)
    own = store.accept(a_new_run(), NOW)
    assert [store.cancel_waiting(each, NOW) for each in (run.id, own.id, "none")] == [False] * 3
    assert {each.state for each in store.runs()} <= UNFINISHED


def test_in_line_are_the_unfinished_of_all_servers(store: Store) -> None:
    store.accept(a_new_run(server="third"), NOW)
    first, second, third = enqueued(store, SERVER, OTHER, SERVER)
    begun(store, first)
    store.finish(second.id, RunState.FAILED, NOW)
    assert [run.id for run in store.in_line()] == [first.id, third.id]


def test_the_last_that_ended_is_by_its_end_not_by_its_arrival(store: Store) -> None:
    assert store.last_ended() is None
    first, second, _ = enqueued(store, SERVER, OTHER, SERVER)
    store.finish(second.id, RunState.DONE, NOW)
    store.finish(first.id, RunState.FAILED, NOW + timedelta(seconds=1))
    assert store.last_ended() == known(store, first)


def test_queued_runs_of_dead_processes_are_left_for_the_next_server(store: Store) -> None:
    waiting, other = enqueued(store, SERVER, OTHER)
    begun(store, waiting)
    own = a_running(store, server="third", holder="here/9/9")
    later = NOW + timedelta(hours=1)
    dead = store.abandon_dead(later, lambda _: False)
    assert [run.id for run in dead] == [own.id]
    assert known(store, waiting).state is RunState.RUNNING
    assert known(store, other).state is RunState.WAITING


def test_what_an_attempt_did_not_come_to_is_stale_once_the_next_one_plans(store: Store) -> None:
    [run] = enqueued(store)
    begun(store, run)
    ids = store.record(run.id, planned(3))
    store.intend(ids[:1], 0, NOW)
    store.supersede(run.id, NOW)
    again = store.record(run.id, planned(2))
    states = {entry.id: entry.state for entry in store.entries(run.id)}
    assert [states[each] for each in ids] == ["intended", "stale", "stale"]
    assert [states[each] for each in again] == ["planned", "planned"]
    assert all("planned anew" in entry.detail for entry in store.entries(run.id)[1:3])
