"""The history of runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from qbm.errors import LeaseLost
from qbm.model.command import CommandName
from qbm.store import RunState, Store, Trigger, is_alive
from qbm.store.leases import SILENCE
from tests.store_factories import LEASE, NOW, SERVER, a_new_run, a_running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


def test_a_run_comes_back_as_it_was_asked_for(store: Store) -> None:
    asked = a_new_run(
        trigger=Trigger.API,
        commands=(CommandName.CAT_UPDATE, CommandName.TAG_UPDATE),
        hashes=("a" * 40, "b" * 64),
        dry_run=True,
    )
    accepted = store.accept(asked, NOW)
    found = store.run(accepted.id)
    assert found == accepted
    for name in asked.__struct_fields__:
        assert getattr(found, name) == getattr(asked, name)
    assert (accepted.state, accepted.created_at, accepted.started_at) == (
        RunState.WAITING,
        NOW,
        None,
    )


def test_no_hashes_means_all_torrents_and_an_empty_list_none(store: Store) -> None:
    assert store.accept(a_new_run(hashes=None), NOW).hashes is None
    assert store.accept(a_new_run(hashes=()), NOW).hashes == ()


def test_a_run_that_nobody_asked_for_is_not_found(store: Store) -> None:
    assert store.run("0" * 16) is None


def test_runs_are_numbered_in_the_order_of_their_acceptance(store: Store) -> None:
    accepted = [store.accept(a_new_run(), NOW - timedelta(hours=n)) for n in range(3)]
    assert [each.arrival for each in accepted] == [1, 2, 3]
    assert [each.id for each in store.runs(2)] == [accepted[2].id, accepted[1].id]


def test_ids_are_short_unique_and_sort_by_time(store: Store) -> None:
    ids = [store.accept(a_new_run(), NOW + timedelta(seconds=n // 5)).id for n in range(20)]
    assert len(set(ids)) == 20
    assert {len(each) for each in ids} == {16}
    assert [each[:9] for each in ids] == sorted(each[:9] for each in ids)


def test_a_finished_run_keeps_its_counters_and_its_first_ending(store: Store) -> None:
    run = a_running(store)
    later = NOW + timedelta(minutes=1)
    store.finish(
        run.id,
        RunState.FAILED,
        later,
        stats={"tagged": 3},
        skipped_counts={"tags_present": 7},
        error="the server is gone",
    )
    store.finish(run.id, RunState.DONE, later + timedelta(minutes=1))
    found = store.run(run.id)
    assert found is not None
    assert (found.state, found.started_at, found.ended_at) == (RunState.FAILED, NOW, later)
    assert (found.stats, found.skipped_counts) == ({"tagged": 3}, {"tags_present": 7})
    assert found.error == "the server is gone"


def test_the_first_start_of_a_run_stands(store: Store) -> None:
    run = a_running(store)
    store.start(run.id, NOW + timedelta(hours=1))
    found = store.run(run.id)
    assert found is not None
    assert found.started_at == NOW


def test_a_run_that_was_given_up_does_not_start(store: Store) -> None:
    run = store.accept(a_new_run(), NOW)
    store.abandon_dead(NOW, is_alive=lambda _: False)
    with pytest.raises(LeaseLost, match=run.id):
        store.start(run.id, NOW)


def test_runs_of_dead_processes_are_interrupted_and_others_left_alone(store: Store) -> None:
    dead = a_running(store, holder="here/2/2")
    waiting = store.accept(a_new_run(holder="here/2/2"), NOW)
    alive = store.accept(a_new_run(holder="here/3/3"), NOW)
    given_up = store.abandon_dead(NOW, is_alive=lambda holder: holder == "here/3/3")
    assert [each.id for each in given_up] == [dead.id, waiting.id]
    states = {each.id: each.state for each in store.runs()}
    assert states == {
        dead.id: RunState.INTERRUPTED,
        waiting.id: RunState.INTERRUPTED,
        alive.id: RunState.WAITING,
    }


def test_a_run_elsewhere_is_given_up_only_when_its_lease_has_run_out(store: Store) -> None:
    run = a_running(store, holder="another host/1/1")
    assert store.abandon_dead(NOW + LEASE / 2, is_alive=lambda _: True) == []
    given_up = store.abandon_dead(NOW + LEASE, is_alive=lambda _: True)
    assert [each.id for each in given_up] == [run.id]
    with pytest.raises(LeaseLost):
        store.renew(SERVER, run.id, run.holder, NOW + LEASE, LEASE)


def test_a_run_that_waits_elsewhere_counts_as_dead_only_when_it_asks_no_more(
    store: Store,
) -> None:
    at_work = a_running(store)
    waiting = store.accept(a_new_run(holder="another host/1/1"), NOW)

    def given_up(now: datetime, *, is_asking: bool) -> list[str]:
        store.renew(SERVER, at_work.id, at_work.holder, now, LEASE)
        if is_asking:
            assert not store.acquire(
                SERVER, waiting.id, waiting.holder, now=now, duration=LEASE, is_alive=is_alive
            )
        return [each.id for each in store.abandon_dead(now, is_alive)]

    minutes = [NOW + timedelta(seconds=10 * count) for count in range(20)]
    assert [given_up(now, is_asking=True) for now in minutes] == [[]] * 20
    assert given_up(minutes[-1] + SILENCE / 2, is_asking=False) == []
    assert given_up(minutes[-1] + SILENCE, is_asking=False) == [waiting.id]


def test_a_config_whose_name_is_not_unicode_can_be_written_down(store: Store) -> None:
    name = os.fsdecode(b"caf\xe9.yml")
    assert store.accept(a_new_run(config_file=name), NOW).config_file == r"caf\udce9.yml"


def test_times_come_back_in_utc_whatever_their_zone(store: Store) -> None:
    east = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    created = store.accept(a_new_run(), east).created_at
    assert created == NOW
    assert created.tzinfo == UTC


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="without a zone"):
        store.accept(a_new_run(), datetime(2026, 3, 1))  # noqa: DTZ001 - the mistake meant here


def test_threads_share_a_store(store: Store) -> None:
    with ThreadPoolExecutor(4) as threads:
        accepted = list(threads.map(lambda _: store.accept(a_new_run(), NOW), range(40)))
    assert sorted(run.arrival for run in accepted) == list(range(1, 41))


def test_folder_and_database_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "of qbm"
    with Store.open(folder) as store:
        store.accept(a_new_run(), NOW)
        files = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert files["qbm.db"] == 0o600
    assert set(files.values()) == {0o600}
