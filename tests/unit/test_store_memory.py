"""What runs remember of torrents: who was seen unregistered, and what was rechecked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from qbm.model.change import Recheck
from qbm.model.command import CommandName
from qbm.model.plan import Applied, Planned, Unconfirmed
from qbm.model.reason import Code, because
from qbm.model.snapshot import Sighting
from qbm.model.torrent import TorrentHash
from qbm.store import Store
from tests.store_factories import NOW, a_new_run

FIRST, SECOND = TorrentHash("a" * 40), TorrentHash("b" * 40)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as opened:
        yield opened


def test_each_run_that_sees_a_torrent_counts_once_however_often_it_is_attempted(
    store: Store,
) -> None:
    for run, at in (("one", NOW), ("two", NOW + HOUR), ("two", NOW + 2 * HOUR)):
        store.remember("server", run, at, seen=[FIRST], forgotten=[])
    assert store.sightings("server", "three") == {FIRST: Sighting(NOW, 2)}


def test_a_run_does_not_take_its_own_sighting_for_that_of_another(store: Store) -> None:
    store.remember("server", "one", NOW, seen=[FIRST], forgotten=[])
    assert store.sightings("server", "one") == {}


def test_a_torrent_that_recovered_starts_anew(store: Store) -> None:
    store.remember("server", "one", NOW, seen=[FIRST, SECOND], forgotten=[])
    store.remember("server", "two", NOW + HOUR, seen=[SECOND], forgotten=[FIRST])
    store.remember("server", "three", NOW + 2 * HOUR, seen=[FIRST], forgotten=[])
    assert store.sightings("server", "four") == {
        FIRST: Sighting(NOW + 2 * HOUR, 1),
        SECOND: Sighting(NOW, 2),
    }


def test_two_servers_remember_apart(store: Store) -> None:
    store.remember("server", "one", NOW, seen=[FIRST], forgotten=[])
    store.remember("another", "two", NOW, seen=[SECOND], forgotten=[FIRST])
    assert store.sightings("server", "x") == {FIRST: Sighting(NOW, 1)}


def test_more_sightings_fit_than_a_statement_takes(store: Store) -> None:
    many = [TorrentHash(f"{number:040x}") for number in range(1_201)]
    store.remember("server", "one", NOW, seen=many, forgotten=[])
    store.remember("server", "two", NOW, seen=many, forgotten=many[:600])
    seen = store.sightings("server", "three")
    assert [seen[each].runs for each in (many[0], many[600])] == [1, 2]
    assert len(seen) == len(many)


def test_the_last_recheck_of_a_torrent_is_remembered_per_server(store: Store) -> None:
    run = store.accept(a_new_run(), NOW)
    reason = because(Code.TAG_STALLED)
    third = TorrentHash("c" * 40)
    hashes = [FIRST, SECOND, third]
    plan = [Planned(Recheck(each), CommandName.RECHECK, reason) for each in hashes]
    first, second, unseen = store.record(run.id, plan)
    store.intend([first, unseen], 0, NOW + HOUR)
    # Of one that a kill cut off nobody knows whether it was ever asked for: once more, then.
    store.conclude({first: Applied(), unseen: Unconfirmed("")}, NOW + 2 * HOUR)
    store.intend([second], 1, NOW + HOUR)  # of which nobody knows whether it was done
    assert store.rechecked(run.server, hashes) == {FIRST: NOW + HOUR}
    assert store.rechecked("another", hashes) == {}
