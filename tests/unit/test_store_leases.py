"""Leases: one run at a time on a server, in the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from qbm.errors import LeaseLost
from qbm.store import Run, RunState, Store
from tests.store_factories import LEASE, NOW, SERVER, a_new_run, a_running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


def acquired(
    store: Store, run: Run, after: timedelta = timedelta(), *, holder: str = "", alive: bool = True
) -> bool:
    return store.acquire(
        run.server,
        run.id,
        holder or run.holder,
        now=NOW + after,
        duration=LEASE,
        is_alive=lambda _: alive,
    )


def test_a_server_goes_to_the_run_that_came_first(store: Store) -> None:
    first, second = (store.accept(a_new_run(holder=f"here/{n}/1"), NOW) for n in (1, 2))
    assert not acquired(store, second)
    assert acquired(store, first)
    assert not acquired(store, second)


def test_the_next_run_gets_the_server_when_the_first_has_finished(store: Store) -> None:
    first, second = a_running(store), store.accept(a_new_run(holder="here/2/1"), NOW)
    store.finish(first.id, RunState.DONE, NOW)
    assert acquired(store, second)


def test_a_released_server_still_waits_for_the_run_that_came_first(store: Store) -> None:
    first, second = a_running(store), store.accept(a_new_run(holder="here/2/1"), NOW)
    store.release(SERVER, first.id, first.holder)
    assert not acquired(store, second)
    assert acquired(store, first)


def test_servers_do_not_wait_for_each_other(store: Store) -> None:
    a_running(store)
    assert acquired(store, store.accept(a_new_run(server="another"), NOW))


def test_another_process_does_not_get_a_run_that_is_held(store: Store) -> None:
    run = a_running(store)
    assert not acquired(store, run, holder="here/2/1")


def test_a_lease_that_has_run_out_is_free(store: Store) -> None:
    run = a_running(store)
    assert not acquired(store, run, LEASE - timedelta(seconds=1), holder="another host/2/1")
    assert acquired(store, run, LEASE, holder="another host/2/1")


def test_the_lease_of_a_dead_process_is_free_at_once(store: Store) -> None:
    assert acquired(store, a_running(store), holder="here/2/1", alive=False)


def test_asking_again_for_what_one_has_is_granted(store: Store) -> None:
    assert acquired(store, a_running(store))


def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    run = a_running(store)
    store.renew(SERVER, run.id, run.holder, NOW + LEASE / 2, LEASE)
    assert not acquired(store, run, LEASE, holder="another host/2/1")


def test_a_late_holder_keeps_a_lease_that_nobody_took(store: Store) -> None:
    run = a_running(store)
    store.renew(SERVER, run.id, run.holder, NOW + LEASE * 10, LEASE)


def test_a_frozen_holder_learns_that_it_has_lost_the_server(store: Store) -> None:
    run = a_running(store)
    assert acquired(store, run, LEASE, holder="another host/2/1")
    with pytest.raises(LeaseLost, match="Another run has taken over"):
        store.renew(SERVER, run.id, run.holder, NOW + LEASE, LEASE)
    store.release(SERVER, run.id, run.holder)
    store.renew(SERVER, run.id, "another host/2/1", NOW + LEASE, LEASE)


def test_a_finished_run_cannot_get_the_server_again(store: Store) -> None:
    run = a_running(store)
    store.finish(run.id, RunState.DONE, NOW)
    assert not acquired(store, run)
