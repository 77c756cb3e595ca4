"""The service: what is accepted is kept, done once, in order, one at a time per server."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from qbm.config import InvalidConfigError
from qbm.config.refusals import NoSuchConfig
from qbm.errors import ServerUnreachable, ShuttingDown, StoreError, StoreUnwritable
from qbm.gateways.clock import SystemClock
from qbm.service import service as service_module
from qbm.service.turns import Turns
from qbm.store import Run, RunState, Store, this_process
from tests.service import SECONDS, Desk, asking, desk, until, write
from tests.store_factories import NOW, a_new_run, a_running

DONE, FAILED, INTERRUPTED = RunState.DONE, RunState.FAILED, RunState.INTERRUPTED
RUNNING, WAITING = RunState.RUNNING, RunState.WAITING
FULL = StoreUnwritable("qbm.db: the disk is full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


@pytest.fixture
def at(folder: Path) -> Iterator[Desk]:
    with desk(folder) as opened:
        yield opened


def _busy(at: Desk, name: str = "config.yml") -> str:
    """A run at work that does not end until its gate is opened."""
    at.works.shut.add(name)
    accepted = at.service.accept(asking(name))
    at.wait_for(accepted.request_id, RUNNING)
    return accepted.request_id


def _all_ended(at: Desk, *run_ids: str) -> list[RunState]:
    return [at.wait_for(each, DONE, FAILED, INTERRUPTED).state for each in run_ids]


# Accepting


def test_a_run_on_an_idle_server_begins_at_once_and_is_told_so(at: Desk) -> None:
    accepted = at.service.accept(asking(hashes=("a" * 40,)))
    assert not accepted.is_queued
    [run] = accepted.runs
    assert accepted.request_id == run.id
    assert (run.config_file, run.hashes, run.is_queued) == ("config.yml", ("a" * 40,), True)
    assert _all_ended(at, run.id) == [DONE]
    assert (at.line.begun, at.line.enqueued) == ([run.id], [])
    report = at.service.report(run.id)
    assert report is not None
    assert report.run_id == run.id


def test_requests_of_a_busy_server_are_carried_out_in_the_order_of_their_arrival(at: Desk) -> None:
    first = _busy(at)
    accepted = [at.service.accept(asking(hashes=(f"{n:040x}",))) for n in range(10)]
    assert all(each.is_queued for each in accepted)
    assert {at.state(each.request_id) for each in accepted} == {WAITING}
    assert at.line.enqueued == [each.request_id for each in accepted]
    at.works.shut.clear()
    wanted = [first, *(each.request_id for each in accepted)]
    assert set(_all_ended(at, *wanted)) == {DONE}
    assert [run.id for run in at.works.asked] == wanted
    assert [run.attempts for run in at.service.runs()] == [1] * 11


def test_several_configs_have_one_request_id_and_run_side_by_side(folder: Path, at: Desk) -> None:
    write(folder, "b.yml", port=9090)
    at.works.shut |= {"config.yml", "b.yml"}
    accepted = at.service.accept(asking("*.yml"))
    assert [run.config_file for run in accepted.runs] == ["b.yml", "config.yml"]
    assert {run.request_id for run in accepted.runs} == {accepted.request_id}
    for run in accepted.runs:
        at.wait_for(run.id, RUNNING)
    at.works.shut.clear()
    assert _all_ended(at, *(run.id for run in accepted.runs)) == [DONE, DONE]


def test_all_configs_of_a_request_are_queued_if_one_of_their_servers_is_busy(
    folder: Path, at: Desk
) -> None:
    write(folder, "b.yml", port=9090)
    _busy(at, "b.yml")
    assert at.service.accept(asking("*.yml")).is_queued


def test_a_wrong_config_among_several_fails_and_the_others_run(folder: Path, at: Desk) -> None:
    (folder / "a.yml").write_text("qbt: [", encoding="utf-8")
    wrong, right = at.service.accept(asking("*.yml")).runs
    assert (wrong.config_file, wrong.state) == ("a.yml", FAILED)
    assert "a.yml:1:7: " in wrong.error
    assert wrong.exit_code == 2
    assert _all_ended(at, right.id) == [DONE]
    assert [run.id for run in at.works.asked] == [right.id]


def test_wrong_configs_alone_are_not_accepted(folder: Path, at: Desk) -> None:
    for name in ("a.yml", "b.yml"):
        (folder / name).write_text("qbt: [", encoding="utf-8")
    (folder / "config.yml").unlink()
    with pytest.raises(InvalidConfigError) as refused:
        at.service.accept(asking("*.yml"))
    assert [name in str(refused.value) for name in ("a.yml", "b.yml")] == [True, True]
    assert at.service.runs() == []


def test_two_configs_of_one_server_take_turns(folder: Path, at: Desk) -> None:
    write(folder, "b.yml")
    accepted = at.service.accept(asking("*.yml"))
    assert _all_ended(at, *(run.id for run in accepted.runs)) == [DONE, DONE]
    assert set(at.works.most.values()) == {1}


def test_a_config_that_is_wrong_is_refused_and_nothing_is_written_down(
    folder: Path, at: Desk
) -> None:
    (folder / "wrong.yml").write_text("qbt: {}\n", encoding="utf-8")
    with pytest.raises(InvalidConfigError, match=r"wrong\.yml"):
        at.service.accept(asking("wrong.yml"))
    with pytest.raises(NoSuchConfig, match=r"none\.yml"):
        at.service.accept(asking("none.yml"))
    assert at.service.runs() == []


def test_what_cannot_be_written_down_is_not_accepted(folder: Path, at: Desk) -> None:
    other = sqlite3.connect(folder / "state" / "qbm.db")
    other.execute("CREATE TRIGGER full BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'x'); END")
    other.commit()
    other.close()
    with pytest.raises(Exception, match="x"):
        at.service.accept(asking())
    assert at.service.runs() == []
    assert at.line.begun == []


def test_every_run_of_a_dry_service_is_dry(folder: Path) -> None:
    with desk(folder, is_dry=True) as at:
        [run] = at.service.accept(asking()).runs
        assert run.dry_run


def test_a_config_whose_commands_section_is_dry_makes_its_runs_dry(folder: Path, at: Desk) -> None:
    write(folder, "dry.yml", more="commands: {dry_run: true}\n")
    assert at.service.accept(asking("dry.yml")).runs[0].dry_run
    assert not at.service.accept(asking()).runs[0].dry_run
    assert at.service.accept(asking(dry_run=True)).runs[0].dry_run


def test_secrets_of_a_config_are_hidden_before_its_run_begins(at: Desk) -> None:
    at.service.accept(asking())
    assert "hunter2" in at.hidden


def test_a_run_that_is_written_down_is_accepted_even_if_it_cannot_be_begun_now(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_TROUBLE_SECONDS", 0.05)
    at.line.trouble.append(FULL)
    accepted = at.service.accept(asking())
    assert _all_ended(at, accepted.request_id) == [DONE]
    assert str(FULL) in at.said("failed")


# Carrying out


def test_a_run_that_fails_does_not_stop_those_behind_it(at: Desk) -> None:
    first = _busy(at)
    queued = [at.service.accept(asking()).request_id for _ in range(4)]
    at.works.fails = {
        0: ServerUnreachable("Nobody answers at http://nas:8080."),
        2: ZeroDivisionError("oops"),
    }
    at.works.shut.clear()
    assert _all_ended(at, first, *queued) == [FAILED, DONE, FAILED, DONE, DONE]
    runs = {run.id: run for run in at.service.runs()}
    assert runs[first].error == "Nobody answers at http://nas:8080."
    assert "ZeroDivisionError: oops" in runs[queued[1]].error
    assert len(at.said("crashed")) == 1


def test_a_config_that_went_wrong_while_its_run_waited_fails_that_run_with_its_line(
    folder: Path, at: Desk
) -> None:
    write(folder, "b.yml")
    _busy(at)
    wrong = at.service.accept(asking("b.yml")).request_id
    gone = at.service.accept(asking("b.yml")).request_id
    last = at.service.accept(asking()).request_id
    (folder / "b.yml").write_text("qbt:\n  host: [1]\n", encoding="utf-8")
    at.works.shut.clear()
    assert _all_ended(at, wrong, gone, last) == [FAILED, FAILED, DONE]
    assert "b.yml:2" in at.wait_for(wrong, FAILED).error


def test_a_config_that_names_another_server_by_now_takes_its_run_there(
    folder: Path, at: Desk
) -> None:
    write(folder, "b.yml")
    first = _busy(at)
    moving = at.service.accept(asking("b.yml")).request_id
    write(folder, "b.yml", port=9090)
    at.works.shut.discard("config.yml")
    assert _all_ended(at, first, moving) == [DONE, DONE]
    assert at.wait_for(moving, DONE).server.endswith(":9090")
    assert at.works.asked[1].server.endswith(":9090")


def test_a_run_that_had_begun_does_not_go_on_at_another_server(folder: Path) -> None:
    with desk(folder) as before:
        run_id = _busy(before)
        before.service.close(SECONDS)
    write(folder, port=9090)
    with desk(folder) as at:
        assert "another server" in at.wait_for(run_id, FAILED).error
        assert at.works.asked == []


def test_no_two_runs_are_at_one_server_however_many_threads_there_are(
    folder: Path, at: Desk
) -> None:
    write(folder, "b.yml", port=9090)
    ids = [
        run.id
        for number in range(60)
        for run in at.service.accept(asking(("config.yml", "b.yml", "*.yml")[number % 3])).runs
    ]
    assert set(_all_ended(at, *ids)) == {DONE}
    assert set(at.works.most.values()) == {1}
    for server in set(at.works.most):
        order = [run.arrival for run in at.works.asked if run.server == server]
        assert order == sorted(order)
    assert sorted(run.id for run in at.works.asked) == sorted(ids)


def test_a_turn_is_given_up_as_often_as_it_was_taken(at: Desk) -> None:
    """Given up twice, it would be another thread's by then."""

    class Counted(Turns):
        def __init__(self) -> None:
            super().__init__()
            self.taken = self.given_up = 0

        def take(self, server: str) -> bool:
            is_ours = super().take(server)
            self.taken += is_ours
            return is_ours

        def leave_unless(self, server: str, has_more: Callable[[], bool]) -> bool:
            is_free = super().leave_unless(server, has_more)
            self.given_up += is_free
            return is_free

    turns = at.service._turns = Counted()
    for _ in range(3):
        at.service.accept(asking())
    for thread in at.line.threads:
        thread.join(SECONDS)
    assert turns.are_all_free()
    assert turns.taken == turns.given_up > 0


def test_a_run_is_attended_to_only_until_it_has_ended(at: Desk) -> None:
    run_id = at.service.accept(asking()).request_id
    _all_ended(at, run_id)
    at.service.attend(run_id)
    at.service.attend("none")
    assert len(at.works.asked) == 1


# Waiting for the end


async def test_who_waits_for_a_request_gets_its_runs_once_all_have_ended(
    folder: Path, at: Desk
) -> None:
    write(folder, "b.yml", port=9090)
    at.works.shut.add("b.yml")
    accepted = await asyncio.to_thread(at.service.accept, asking("*.yml"))
    waiting = asyncio.create_task(at.service.ended(accepted.request_id))
    await asyncio.to_thread(at.wait_for, accepted.runs[1].id, DONE)
    assert not waiting.done()
    at.works.shut.clear()
    runs = await asyncio.wait_for(waiting, SECONDS)
    assert [run.state for run in runs] == [DONE, DONE]
    assert await at.service.ended(accepted.request_id) == runs


async def test_who_waits_is_told_of_a_store_in_trouble_and_the_run_is_tried_again(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_TROUBLE_SECONDS", 0.2)
    at.works.shut.add("config.yml")
    at.works.fails = {0: FULL}
    accepted = await asyncio.to_thread(at.service.accept, asking())
    waiting = asyncio.create_task(at.service.ended(accepted.request_id))
    at.works.shut.clear()
    with pytest.raises(StoreError, match="the disk is full"):
        await asyncio.wait_for(waiting, SECONDS)
    run = await asyncio.to_thread(at.wait_for, accepted.request_id, DONE)
    assert run.attempts == 2
    assert await at.service.ended(accepted.request_id) == (run,)


def test_a_store_in_trouble_is_asked_by_one_thread_only(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_TROUBLE_SECONDS", 0.2)
    first = _busy(at)
    queued = [at.service.accept(asking()).request_id for _ in range(8)]
    at.works.fails = {0: FULL, 1: FULL}
    at.works.shut.clear()
    assert set(_all_ended(at, first, *queued)) == {DONE}
    assert [run.id for run in at.works.asked] == [first, first, first, *queued]


# Cancelling


def test_a_run_that_waits_is_cancelled_before_it_begins(at: Desk) -> None:
    first = _busy(at)
    second, third = (at.service.accept(asking()).request_id for _ in range(2))
    cancelled = at.service.cancel(second)
    assert cancelled is not None
    assert cancelled.state is INTERRUPTED
    assert "before it began" in cancelled.error
    at.works.shut.clear()
    assert _all_ended(at, first, third) == [DONE, DONE]
    assert [run.id for run in at.works.asked] == [first, third]


def test_a_run_at_work_is_cancelled_and_the_next_one_goes_on(at: Desk) -> None:
    first = _busy(at)
    second = at.service.accept(asking()).request_id
    cancelled = at.service.cancel(first)
    assert cancelled is not None
    at.wait_for(first, INTERRUPTED)
    at.works.shut.clear()
    assert _all_ended(at, first, second) == [INTERRUPTED, DONE]
    assert "on request" in at.wait_for(first, INTERRUPTED).error


def test_what_has_ended_cannot_be_cancelled_nor_what_never_was(at: Desk) -> None:
    run_id = at.service.accept(asking()).request_id
    _all_ended(at, run_id)
    cancelled = at.service.cancel(run_id)
    assert cancelled is not None
    assert cancelled.state is DONE
    assert at.service.cancel("none") is None


def test_a_run_is_cancelled_also_while_its_store_is_in_trouble(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_TROUBLE_SECONDS", 0.5)
    at.works.fails = {0: FULL}
    run_id = at.service.accept(asking()).request_id
    until(lambda: at.said("failed"))
    at.works.shut.add("config.yml")
    at.service.cancel(run_id)
    assert _all_ended(at, run_id) == [INTERRUPTED]


# Its end, and the next start


async def test_at_the_end_nothing_is_accepted_and_who_waits_is_told(at: Desk) -> None:
    first = await asyncio.to_thread(_busy, at)
    second = (await asyncio.to_thread(at.service.accept, asking())).request_id
    waiting = [asyncio.create_task(at.service.ended(each)) for each in (first, second)]
    await asyncio.sleep(0)
    at.service.refuse()
    for each in waiting:
        with pytest.raises(ShuttingDown, match="goes on when it starts again"):
            await asyncio.wait_for(each, SECONDS)
    with pytest.raises(ShuttingDown):
        at.service.accept(asking())
    await asyncio.to_thread(at.service.close, SECONDS)
    assert at.state(first) is WAITING
    assert at.state(second) is WAITING
    assert sorted(at.line.suspended) == sorted([first, second])
    assert at.service.status().is_closing


def test_the_next_start_goes_on_in_the_order_of_arrival_and_does_each_once(folder: Path) -> None:
    with desk(folder) as before:
        done = before.service.accept(asking()).request_id
        _all_ended(before, done)
        first = _busy(before)
        rest = [before.service.accept(asking()).request_id for _ in range(3)]
        before.service.close(SECONDS)
    with desk(folder) as at:
        assert set(_all_ended(at, first, *rest)) == {DONE}
        assert [run.id for run in at.works.asked] == [first, *rest]
        assert at.wait_for(first, DONE).attempts == 2
        assert at.wait_for(done, DONE).attempts == 1


def _waiting(folder: Path, *servers: int) -> list[Run]:
    """Runs that a killed server has left, one per port."""
    folder.mkdir(exist_ok=True)
    names = {port: f"{port}.yml" for port in servers}
    for port, name in names.items():
        write(folder, name, port)
    with Store.open(folder / "state") as store:
        found: list[Run] = []
        for port in servers:
            server = f"server http://127.0.0.1:{port}"
            new = a_new_run(server=server, config_file=names[port], is_queued=True)
            runs, _ = store.enqueue([new], NOW)
            found += runs
        return found


def test_what_a_killed_server_had_accepted_and_not_begun_is_begun(tmp_path: Path) -> None:
    runs = _waiting(tmp_path, 8080, 9090, 8080)
    with desk(tmp_path) as at:
        assert set(_all_ended(at, *(run.id for run in runs))) == {DONE}
        assert {run.holder for run in at.service.runs()} == {this_process()}
        assert sorted(at.line.begun + at.line.enqueued) == sorted(run.id for run in runs)


def test_the_first_of_each_server_is_begun_though_the_line_has_kept_it(tmp_path: Path) -> None:
    runs = _waiting(tmp_path, 8080, 8080, 9090, 9090)
    with desk(tmp_path, kept=lambda store: [run.id for run in store.in_line()]) as at:
        assert set(_all_ended(at, *(run.id for run in runs))) == {DONE}
        assert at.line.begun == [runs[0].id, runs[2].id]
        assert at.line.enqueued == []


def test_runs_of_command_lines_that_are_gone_are_ended_at_the_start(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state") as store:
        gone = a_running(store, holder="another container/1/1")
    with desk(tmp_path) as at:
        assert at.state(gone.id) is INTERRUPTED


# At a glance


def test_the_status_tells_who_waits_who_is_at_work_and_who_ended_last(
    folder: Path, at: Desk
) -> None:
    write(folder, "b.yml", port=9090)
    assert at.service.status().last is None
    first, other = _busy(at), _busy(at, "b.yml")
    second = at.service.accept(asking()).request_id
    status = at.service.status()
    assert ({run.id for run in status.running}, status.waiting) == ({first, other}, 1)
    assert not status.is_closing
    at.works.shut.discard("b.yml")
    _all_ended(at, other)
    until(lambda: (last := at.service.status().last) and last.id == other)
    at.works.shut.clear()
    _all_ended(at, first, second)
    until(lambda: (last := at.service.status().last) and last.id == second)
    assert (at.service.status().running, at.service.status().waiting) == ((), 0)


def test_the_last_run_is_known_also_after_a_restart(folder: Path) -> None:
    with desk(folder) as before:
        run_id = before.service.accept(asking()).request_id
        _all_ended(before, run_id)
    with desk(folder) as at:
        last = at.service.status().last
        assert last is not None
        assert last.id == run_id


def test_the_reports_of_the_last_eight_runs_are_kept(at: Desk) -> None:
    ids = []
    for _ in range(10):
        ids.append(at.service.accept(asking()).request_id)
        _all_ended(at, ids[-1])
        until(lambda: at.service.report(ids[-1]))
    assert [at.service.report(each) is not None for each in ids] == [False] * 2 + [True] * 8


def test_the_traces_of_the_line_are_dropped_at_the_start_and_then_once_an_hour(
    folder: Path,
) -> None:
    class Watch(SystemClock):
        ahead = timedelta()

        def now(self) -> datetime:
            return super().now() + self.ahead

    watch = Watch()
    with desk(folder, clock=watch) as at:
        for minutes in (0, 59, 61, 100):
            watch.ahead = timedelta(minutes=minutes)
            _all_ended(at, at.service.accept(asking()).request_id)
            until(lambda: not at.works.at_work["server http://127.0.0.1:8080"])
        until(lambda: len(at.line.forgotten) > 1)
        first, second = at.line.forgotten
    assert second - first >= timedelta(minutes=60)
    assert watch.now() - first > timedelta(days=1)


def test_runs_can_be_asked_for_by_their_states_and_page_by_page(at: Desk) -> None:
    done = at.service.accept(asking()).request_id
    _all_ended(at, done)
    first = _busy(at)
    assert [run.id for run in at.service.runs(states=[RUNNING])] == [first]
    latest, *_ = at.service.runs(limit=1)
    assert latest.id == first
    assert [run.id for run in at.service.runs(before=latest.arrival)] == [done]
    assert at.service.of_request("none") == ()
