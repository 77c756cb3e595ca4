"""tag_tracker_error, rule by rule (spec: commands, steps 1 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.commands import rem_unregistered, tag_tracker_error
from qbm.commands.registry import steps
from qbm.engine.planning import plan_run
from qbm.model.change import AddTags, RemoveTags, RemoveTorrent
from qbm.model.command import CommandName
from qbm.model.plan import Plan
from qbm.model.projection import project
from qbm.model.reason import Code
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import State, Torrent
from qbm.model.unknown import UNKNOWN
from tests.factories import NOW, a_config, a_hash, a_snapshot, a_torrent
from tests.tracker_rows import Condition, Generation, row

_C = Condition


def _of(name: str, *conditions: Condition, **facts: Any) -> Torrent:
    rows = tuple(
        row(each, Generation.V4_5, f"https://{number}.t.org/announce")
        for number, each in enumerate(conditions)
    )
    return a_torrent(name, **{"trackers": rows, **facts})


def _plan(
    *torrents: Torrent, settings: Mapping[str, Any] = {}, selection: Selection | None = None
) -> Plan:
    config = a_config(settings=settings)
    return tag_tracker_error.plan(a_snapshot(torrents), config, selection or Selection(), NOW)


@pytest.mark.parametrize(
    ("conditions", "is_tagged"),
    [
        ([_C.ERROR], True),
        ([_C.UNREGISTERED], True),
        ([_C.MAINTENANCE], True),
        ([_C.HTTP_404], True),
        ([_C.HTTP_503], True),
        ([_C.REFUSED], True),
        ([_C.DNS], True),
        ([_C.EMPTY_REASON], True),
        ([_C.OUTAGE], False),
        ([_C.HTTP_502], False),
        ([_C.OUTAGE, _C.ERROR], True),
        ([_C.OUTAGE, _C.HTTP_502], False),
        ([_C.WORKING, _C.ERROR], False),
        ([_C.RETRYING, _C.ERROR], False),
        ([_C.NEVER], False),
        ([_C.DISABLED], False),
        ([_C.DISABLED, _C.ERROR], True),
        ([], False),
    ],
)
def test_a_torrent_whose_trackers_all_fail_is_tagged_but_not_for_an_outage(
    conditions: list[Condition], is_tagged: bool
) -> None:
    torrent = _of("one", *conditions, tags=frozenset({"b", "a"}))
    plan = _plan(torrent)
    expected = [AddTags(torrent.hash, ("issue",), before=("a", "b"))] if is_tagged else []
    assert [each.change for each in plan.planned] == expected
    assert len(plan.skipped) == (0 if is_tagged else 1)


def test_the_reason_names_each_tracker_that_fails_but_for_an_outage() -> None:
    [planned] = _plan(_of("one", _C.ERROR, _C.OUTAGE, _C.HTTP_404)).planned
    assert str(planned.reason) == (
        'its tracker 0.t.org reports an error: "Ratio too low"; '
        'its tracker 2.t.org may know it, but not now: "Not Found" (not found)'
    )


def test_a_tag_that_is_there_stays_and_that_is_said() -> None:
    plan = _plan(_of("one", _C.ERROR, tags=frozenset({"issue"})))
    assert plan.planned == ()
    assert [each.reason.code for each in plan.skipped] == [Code.TRACKER_ERROR_TAGGED]


def test_a_healthy_torrent_loses_it_and_an_undecided_one_keeps_it() -> None:
    tagged = {"tags": frozenset({"issue", "x"})}
    torrents = {
        name: _of(name, condition, **tagged)
        for name, condition in {
            "back": _C.WORKING,
            "asked": _C.RETRYING,
            "off": _C.DISABLED,
            "down": _C.OUTAGE,
        }.items()
    }
    plan = _plan(*torrents.values())
    assert [each.change for each in plan.planned] == [
        RemoveTags(a_hash("back"), ("issue",), before=("issue", "x"))
    ]
    assert plan.recovered == {a_hash("back")}


def test_tags_are_added_before_any_is_removed() -> None:
    plan = _plan(
        *(_of(f"back {number}", _C.WORKING, tags=frozenset({"issue"})) for number in range(3)),
        *(_of(f"bad {number}", _C.ERROR) for number in range(3)),
    )
    kinds = [type(each.change) for each in plan.planned]
    assert kinds == [AddTags] * 3 + [RemoveTags] * 3


@pytest.mark.parametrize(("filtered", "is_tagged"), [(True, False), (False, True)])
def test_an_incomplete_torrent_is_not_tagged_if_they_are_filtered(
    filtered: bool, is_tagged: bool
) -> None:
    torrent = _of("one", _C.ERROR, progress=0.5, state=State.STALLED_DL)
    plan = _plan(torrent, settings={"rem_unregistered_filter_completed": filtered})
    assert bool(plan.planned) is is_tagged
    assert [each.reason.code for each in plan.skipped] == [Code.NOT_COMPLETE] * filtered


def test_an_incomplete_torrent_that_works_again_is_untagged_all_the_same() -> None:
    torrent = _of("one", _C.WORKING, tags=frozenset({"issue"}), progress=0.5)
    settings = {"rem_unregistered_filter_completed": True}
    assert [type(each.change) for each in _plan(torrent, settings=settings).planned] == [RemoveTags]


def test_unknown_trackers_are_neither_tagged_nor_untagged() -> None:
    for tags in (frozenset[str](), frozenset({"issue"})):
        plan = _plan(_of("one", trackers=UNKNOWN, tags=tags))
        assert plan.planned == ()
        assert [each.reason.code for each in plan.skipped] == [Code.TRACKERS_UNKNOWN]


def test_only_what_was_asked_for_is_changed() -> None:
    torrents = [_of("a", _C.ERROR), _of("b", _C.ERROR)]
    plan = _plan(*torrents, selection=Selection(hashes=frozenset({a_hash("a")})))
    assert [each.change for each in plan.planned] == [AddTags(a_hash("a"), ("issue",))]
    assert not plan.needs_whole


def test_each_tag_counts_as_tagged_as_well() -> None:
    one = a_hash("a")
    assert tag_tracker_error.counts(AddTags(one, ("issue",))) == {
        "tagged_tracker_error": 1,
        "tagged": 1,
    }
    assert tag_tracker_error.counts(RemoveTags(one, ("issue",))) == {"untagged_tracker_error": 1}


def test_it_asks_for_every_trackers_status_and_has_a_part_in_what_was_seen() -> None:
    needs = tag_tracker_error.needs(a_config())
    assert set(needs) == {Fact.TRACKER_STATUS, Fact.SIGHTINGS}
    assert all(matters(a_torrent()) for matters in needs.values())


_BOTH = (CommandName.REM_UNREGISTERED, CommandName.TAG_TRACKER_ERROR)


def _both(snapshot: Snapshot, **settings: Any) -> tuple[Plan, Snapshot]:
    config = a_config(settings=settings)
    parts = list[Plan]()
    for command in (rem_unregistered, tag_tracker_error):
        part = command.plan(snapshot, config, Selection(), NOW)
        snapshot = project(snapshot, (each.change for each in part.planned))
        parts.append(part)
    return Plan.joined(parts), snapshot


def test_a_torrent_removed_in_this_run_is_not_tagged_but_one_that_stays_is() -> None:
    gone = _of("gone", _C.UNREGISTERED)
    vetoed = _of("vetoed", _C.UNREGISTERED, _C.OUTAGE)
    plan, _ = _both(a_snapshot([gone, vetoed]))
    removal, tag = (each.change for each in plan.planned)
    assert isinstance(removal, RemoveTorrent)
    assert removal.hash == gone.hash
    assert tag == AddTags(vetoed.hash, ("issue",))
    assert plan.sighted == {gone.hash, vetoed.hash}


def test_a_removal_that_is_not_to_be_leaves_the_torrent_to_be_tagged() -> None:
    gone = _of("gone", _C.UNREGISTERED, tags=frozenset({"keep"}))
    plan, _ = _both(a_snapshot([gone]), protect_tag="keep")
    assert [type(each.change) for each in plan.planned] == [AddTags]


def test_both_together_untag_once_and_run_in_this_order() -> None:
    config = a_config()
    commands = steps(_BOTH[::-1], config)
    assert [each.name for each in commands] == list(_BOTH)
    back = _of("back", _C.WORKING, tags=frozenset({"issue"}))
    plan, after = _both(a_snapshot([back]))
    assert [type(each.change) for each in plan.planned] == [RemoveTags]
    assert _both(after)[0].planned == ()


@pytest.mark.parametrize("asked", [(each,) for each in _BOTH] + [_BOTH])
def test_each_works_without_the_other(asked: tuple[CommandName, ...]) -> None:
    snapshot = a_snapshot(
        [
            _of("gone", _C.UNREGISTERED),
            _of("bad", _C.ERROR),
            _of("back", _C.WORKING, tags=frozenset({"issue"})),
        ]
    )
    config = a_config()
    plan, _ = plan_run(snapshot, steps(asked, config), config, Selection(), NOW)
    kinds = {each.change.hash: type(each.change) for each in plan.planned}  # type: ignore[union-attr]
    expected: dict[str, type] = {a_hash("back"): RemoveTags}
    if CommandName.REM_UNREGISTERED in asked:
        expected[a_hash("gone")] = RemoveTorrent
    if CommandName.TAG_TRACKER_ERROR in asked:
        expected.setdefault(a_hash("gone"), AddTags)
        expected[a_hash("bad")] = AddTags
    assert kinds == expected


def test_a_config_with_other_words_is_heeded_by_both() -> None:
    snapshot = replace(a_snapshot([_of("one", _C.ERROR)]), is_whole=True)
    config = a_config(tracker_messages={"unregistered": ["ratio too low"]})
    plan = rem_unregistered.plan(snapshot, config, Selection(), NOW)
    assert [type(each.change) for each in plan.planned] == [RemoveTorrent]
    ignored = a_config(tracker_messages={"outage": ["ratio too low"]})
    assert tag_tracker_error.plan(snapshot, ignored, Selection(), NOW).planned == ()
