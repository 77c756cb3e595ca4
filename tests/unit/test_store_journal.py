"""The journal: what was planned, what was about to be done, and what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from qbm.errors import StoreError, StoreTooNew
from qbm.model.change import (
    AddTags,
    CreateCategory,
    RemoveTags,
    SetAutoManagement,
    SetCategory,
)
from qbm.model.command import CommandName
from qbm.model.plan import Applied, Failed, Planned, Stale, Unconfirmed
from qbm.model.reason import Code, because
from qbm.model.torrent import TorrentHash
from qbm.store import EntryState, Run, RunState, Store
from tests.store_factories import NOW, SERVER, a_running, planned

HASH = TorrentHash("a" * 40)
WHY = because(Code.TAG_FROM_TRACKER, host="tracker.example.org", entry='quoted " and \u202ertl')
LATER = NOW + timedelta(seconds=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    return a_running(store)


def states(store: Store, run: Run) -> list[EntryState]:
    return [each.state for each in store.entries(run.id)]


@pytest.mark.parametrize(
    "change",
    [
        CreateCategory("films\n'", "/data/films"),
        SetCategory(HASH, before="", after="films"),
        SetAutoManagement(HASH, before=False, after=True),
        AddTags(HASH, ("ä, b", "\u202ec"), before=("d",)),
        RemoveTags(HASH, ("e",)),
    ],
    ids=lambda change: type(change).__name__,
)
def test_every_kind_of_change_comes_back_as_it_was(
    store: Store, run: Run, change: CreateCategory
) -> None:
    asked = Planned(change, CommandName.CAT_UPDATE, WHY)
    store.record(run.id, [asked])
    assert [each.planned for each in store.entries(run.id)] == [asked]


def test_ids_are_in_the_order_of_the_plan(store: Store, run: Run) -> None:
    plan = planned(3000)
    ids = store.record(run.id, plan)
    assert ids == sorted(set(ids))
    entries = store.entries(run.id)
    assert [each.id for each in entries] == ids
    assert [each.planned for each in entries] == plan
    assert [each.position for each in entries] == list(range(3000))


def test_a_second_plan_of_a_run_is_counted_on(store: Store, run: Run) -> None:
    first = store.record(run.id, planned(2))
    second = store.record(run.id, planned(2))
    assert [each.position for each in store.entries(run.id)] == [0, 1, 2, 3]
    assert [each.id for each in store.entries(run.id)] == first + second


def test_an_empty_plan_writes_nothing(store: Store, run: Run) -> None:
    assert store.record(run.id, []) == []
    store.intend([], 0, NOW)
    store.conclude({}, NOW)
    assert store.entries(run.id) == []


def test_a_plan_of_no_run_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        store.record("0" * 16, planned(1))


def test_outcomes_are_kept_with_their_details_and_times(store: Store, run: Run) -> None:
    ids = store.record(run.id, planned(5))
    store.intend(ids[:3], 7, NOW)
    store.conclude(
        dict(
            zip(
                ids[:4],
                [Applied(), Failed("409"), Unconfirmed("not seen"), Stale("has moved on")],
                strict=True,
            )
        ),
        LATER,
    )
    applied, failed, unconfirmed, stale, left = store.entries(run.id)
    assert (applied.state, applied.batch, applied.detail) == (EntryState.APPLIED, 7, "")
    assert (applied.intended_at, applied.concluded_at) == (NOW, LATER)
    assert (failed.state, failed.detail) == (EntryState.FAILED, "409")
    assert (unconfirmed.state, unconfirmed.detail) == (EntryState.UNCONFIRMED, "not seen")
    assert (stale.state, stale.batch, stale.intended_at) == (EntryState.STALE, None, None)
    assert (left.state, left.concluded_at) == (EntryState.PLANNED, None)


def test_open_intents_are_those_without_an_outcome(store: Store, run: Run) -> None:
    ids = store.record(run.id, planned(4))
    store.intend(ids[1:], 0, LATER)
    store.conclude({ids[2]: Applied()}, LATER)
    intents = store.open_intents(SERVER)
    assert [each.id for each in intents] == [ids[1], ids[3]]
    assert intents[0].planned == planned(4)[1]
    assert (intents[0].run_id, intents[0].intended_at) == (run.id, LATER)


def test_open_intents_of_another_server_are_its_own(store: Store, run: Run) -> None:
    other = a_running(store, server="another")
    store.intend(store.record(run.id, planned(1)), 0, NOW)
    ids = store.record(other.id, planned(1))
    store.intend(ids, 0, NOW)
    assert [each.id for each in store.open_intents("another")] == ids


def test_open_intents_outlive_their_run(store: Store, run: Run) -> None:
    store.intend(store.record(run.id, planned(2)), 0, NOW)
    store.abandon_dead(NOW, is_alive=lambda _: False)
    assert len(store.open_intents(SERVER)) == 2


def test_what_is_not_planned_any_more_cannot_be_intended(store: Store, run: Run) -> None:
    ids = store.record(run.id, planned(3))
    store.conclude({ids[1]: Stale("has moved on")}, NOW)
    with pytest.raises(StoreError, match=r"of 3 changes .* expects 2"):
        store.intend(ids, 0, NOW)
    assert states(store, run) == [EntryState.PLANNED, EntryState.STALE, EntryState.PLANNED]


def test_the_first_outcome_stands(store: Store, run: Run) -> None:
    ids = store.record(run.id, planned(1))
    store.intend(ids, 0, NOW)
    store.conclude({ids[0]: Failed("cut off")}, NOW)
    store.conclude({ids[0]: Applied()}, LATER)
    (entry,) = store.entries(run.id)
    assert (entry.state, entry.concluded_at) == (EntryState.FAILED, NOW)


def test_applied_are_those_of_all_attempts(store: Store, run: Run) -> None:
    first, second = store.record(run.id, planned(2)), store.record(run.id, planned(3))
    store.intend([*first, *second], 0, NOW)
    store.conclude({first[0]: Applied(), first[1]: Failed("cut off")}, NOW)
    store.conclude(dict.fromkeys(second, Applied()), NOW)
    assert store.applied(run.id) == [planned(1)[0], *planned(3)]


def test_the_plan_of_a_dry_run_stays_in_the_history(store: Store) -> None:
    dry = a_running(store, dry_run=True)
    store.record(dry.id, planned(2))
    store.finish(dry.id, RunState.DONE, NOW)
    assert states(store, dry) == [EntryState.PLANNED, EntryState.PLANNED]


def test_open_intents_are_found_by_their_index(store: Store) -> None:
    asked: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        asked.append((call[2], call[3]))

    event.listen(store._engine, "before_cursor_execute", note)
    store.open_intents(SERVER)
    event.remove(store._engine, "before_cursor_execute", note)
    ((query, parameters),) = [each for each in asked if each[0].startswith("SELECT")]
    with store._engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", parameters).fetchall()
    assert "ix_journal_open" in str(plan)


def test_an_intent_is_flushed_to_the_disk(store: Store) -> None:
    with store._engine.connect() as connection:
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    assert level == 2, "not FULL"


def test_a_change_of_a_kind_that_only_a_newer_version_knows_is_named(
    store: Store, run: Run
) -> None:
    ids = store.record(run.id, planned(1))
    store.intend(ids, 0, NOW)
    with closing(sqlite3.connect(store.path)) as raw, raw:
        raw.execute("UPDATE journal SET change = ?", ('{"type":"Teleport","hash":"x"}',))
    with pytest.raises(StoreTooNew, match="only a newer qbm knows"):
        store.open_intents(SERVER)
