"""rem_unregistered, rule by rule (spec: commands, step 4; decisions, Mass guard)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.commands import rem_unregistered
from qbm.model.change import AddTags, Content, Disposal, RemoveTags, RemoveTorrent
from qbm.model.command import CommandName
from qbm.model.plan import Plan, Planned
from qbm.model.reason import Code, because, together
from qbm.model.snapshot import Fact, Selection, Sighting, Snapshot
from qbm.model.torrent import State, Torrent
from qbm.model.unknown import UNKNOWN
from tests.factories import ADDED, NOW, a_config, a_hash, a_snapshot, a_torrent
from tests.tracker_rows import Condition, Generation, row

_C = Condition
_HOUR = timedelta(hours=1)


def _of(name: str, *conditions: Condition, host: str = "t.org", **facts: Any) -> Torrent:
    """A torrent on the newest server whose trackers are in these conditions."""
    rows = tuple(
        row(each, Generation.V5_3, f"https://{host}/announce/{number}")
        for number, each in enumerate(conditions or (_C.UNREGISTERED,))
    )
    return a_torrent(name, **{"trackers": rows, **facts})


def _plan(
    *torrents: Torrent,
    settings: Mapping[str, Any] = {},
    sightings: Mapping[str, Sighting] = {},
    selection: Selection | None = None,
    **facts: Any,
) -> Plan:
    snapshot = replace(
        a_snapshot(torrents),
        tells_tracker_errors=True,
        sightings={a_hash(name): seen for name, seen in sightings.items()},
        **facts,
    )
    return _planned(snapshot, settings, selection)


def _planned(
    snapshot: Snapshot, settings: Mapping[str, Any] = {}, selection: Selection | None = None
) -> Plan:
    config = a_config(settings=settings)
    return rem_unregistered.plan(snapshot, config, selection or Selection(), NOW)


def _removed(plan: Plan) -> list[str]:
    return [each.change.hash for each in plan.planned if isinstance(each.change, RemoveTorrent)]


def _hashes(*names: str) -> list[str]:
    return [a_hash(name) for name in names]


def _healthy(host: str, count: int) -> list[Torrent]:
    return [_of(f"healthy {host} {number}", _C.WORKING, host=host) for number in range(count)]


def _seen(ago: timedelta, runs: int = 1) -> Sighting:
    return Sighting(first_at=NOW - ago, runs=runs)


def test_an_unregistered_torrent_is_removed_as_it_is_expected_to_be() -> None:
    torrent = _of("one", tags=frozenset({"b", "a"}), category="films", save_path="/data/films")
    [planned] = _plan(torrent).planned
    assert planned.change == RemoveTorrent(
        hash=torrent.hash,
        category="films",
        tags=("a", "b"),
        save_path="/data/films",
        unless_working=True,
    )
    assert str(planned.reason) == (
        'its tracker t.org does not know it: "Unregistered torrent" (unregistered)'
    )


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ([_C.WORKING, _C.UNREGISTERED], Code.TRACKER_WORKS),
        ([_C.NEVER, _C.UNREGISTERED], Code.TRACKER_UNDECIDED),
        ([_C.RETRYING], Code.TRACKER_UNDECIDED),
        ([_C.DISABLED], Code.TRACKERS_DISABLED),
        ([_C.ERROR], Code.TRACKER_ERROR),
        ([_C.HTTP_404], Code.TRACKER_MAINTENANCE),
        ([_C.DNS], Code.TRACKER_MAINTENANCE),
        ([_C.OUTAGE], Code.TRACKER_OUTAGE),
    ],
)
def test_a_torrent_that_no_tracker_disowns_is_left_and_that_is_said(
    conditions: list[Condition], code: Code
) -> None:
    plan = _plan(_of("one", *conditions))
    assert plan.planned == ()
    assert [each.reason.code for each in plan.skipped] == [code]
    assert not plan.needs_whole


def test_unknown_trackers_are_left() -> None:
    plan = _plan(_of("one", trackers=UNKNOWN))
    assert (plan.planned, plan.skipped[0].reason.code) == ((), Code.TRACKERS_UNKNOWN)
    assert not plan.sighted | plan.recovered


def test_a_healthy_torrent_loses_the_tag_of_tracker_errors_before_anything_is_removed() -> None:
    plan = _plan(_of("gone"), _of("back", _C.WORKING, tags=frozenset({"issue", "mine"})))
    untag, removal = plan.planned
    assert untag.change == RemoveTags(a_hash("back"), ("issue",), before=("issue", "mine"))
    assert untag.reason == because(Code.TRACKER_WORKS, host="t.org")
    assert isinstance(removal.change, RemoveTorrent)
    assert plan.recovered == {a_hash("back")}


def test_that_tag_has_the_configured_name() -> None:
    torrent = _of("one", _C.WORKING, tags=frozenset({"issue", "bad"}))
    [planned] = _plan(torrent, settings={"tracker_error_tag": "bad"}).planned
    assert planned.change == RemoveTags(torrent.hash, ("bad",), before=("bad", "issue"))


@pytest.mark.parametrize("second", [_C.OUTAGE, _C.MAINTENANCE, _C.REFUSED, _C.HTTP_404])
@pytest.mark.parametrize(
    ("sighting", "hours", "is_removed"),
    [
        (None, 48, False),
        (_seen(47 * _HOUR), 48, False),
        (_seen(48 * _HOUR), 48, True),
        (_seen(timedelta()), 1, False),
        (None, 0, True),
        (_seen(1000 * _HOUR), 2**31, False),
    ],
)
def test_a_second_tracker_that_may_know_it_holds_the_removal_back_for_a_while(
    second: Condition, sighting: Sighting | None, hours: int, is_removed: bool
) -> None:
    plan = _plan(
        _of("one", _C.UNREGISTERED, second),
        settings={"rem_unregistered_veto_hours": hours},
        sightings={"one": sighting} if sighting else {},
    )
    assert _removed(plan) == (_hashes("one") if is_removed else [])
    codes = [each.reason.code for each in plan.deferred]
    assert codes == ([] if is_removed else [Code.UNREGISTERED_VETOED])
    assert plan.sighted == {a_hash("one")}


def test_a_second_tracker_with_an_error_does_not() -> None:
    assert _removed(_plan(_of("one", _C.UNREGISTERED, _C.ERROR)))


@pytest.mark.parametrize(
    ("age", "minutes", "is_removed"),
    [(9, 10, False), (10, 10, True), (0, 0, True), (11, 12, False)],
)
def test_a_new_torrent_has_some_grace(age: int, minutes: int, is_removed: bool) -> None:
    torrent = _of("one", added_on=NOW - timedelta(minutes=age))
    plan = _plan(torrent, settings={"rem_unregistered_grace_minutes": minutes})
    assert bool(_removed(plan)) is is_removed
    codes = [each.reason.code for each in plan.deferred]
    assert codes == ([] if is_removed else [Code.UNREGISTERED_TOO_NEW])


def test_a_torrent_added_in_the_future_has_grace() -> None:
    assert not _removed(_plan(_of("one", added_on=NOW + _HOUR)))


@pytest.mark.parametrize(("filtered", "is_removed"), [(True, False), (False, True)])
def test_an_incomplete_torrent_is_left_if_they_are_filtered(
    filtered: bool, is_removed: bool
) -> None:
    torrent = _of("one", progress=0.5, state=State.STALLED_DL)
    plan = _plan(torrent, settings={"rem_unregistered_filter_completed": filtered})
    assert bool(_removed(plan)) is is_removed
    assert [each.reason.code for each in plan.skipped] == [Code.NOT_COMPLETE] * filtered
    assert plan.sighted == {torrent.hash}


def test_a_torrent_with_the_protecting_tag_is_never_removed() -> None:
    plan = _plan(_of("one", tags=frozenset({"keep"})), settings={"protect_tag": "keep"})
    assert plan.planned == ()
    [skipped] = plan.skipped
    assert skipped.reason.code is Code.PROTECTED
    assert [each.code for each in skipped.reason.also] == [Code.TRACKER_UNREGISTERED]


def test_a_torrent_whose_files_are_being_moved_waits() -> None:
    plan = _plan(_of("one", save_path=UNKNOWN))
    assert [each.reason.code for each in plan.deferred] == [Code.SAVE_PATH_UNKNOWN]


@pytest.mark.parametrize(
    ("sighting", "wanted", "is_removed"),
    [
        (None, 1, True),
        (None, 0, True),
        (None, 2, False),
        (_seen(_HOUR, runs=1), 2, True),
        (_seen(_HOUR, runs=1), 3, False),
    ],
)
def test_this_run_counts_as_one_more_sighting(
    sighting: Sighting | None, wanted: int, is_removed: bool
) -> None:
    plan = _plan(
        _of("one"),
        settings={"rem_unregistered_min_sightings": wanted},
        sightings={"one": sighting} if sighting else {},
    )
    assert bool(_removed(plan)) is is_removed
    codes = [each.reason.code for each in plan.deferred]
    assert codes == ([] if is_removed else [Code.UNREGISTERED_TOO_FEW])


@pytest.mark.parametrize(
    ("sighting", "minutes", "is_removed"),
    [
        (None, 1, False),
        (_seen(timedelta(minutes=59)), 60, False),
        (_seen(timedelta(minutes=60)), 60, True),
    ],
)
def test_the_first_sighting_must_be_old_enough(
    sighting: Sighting | None, minutes: int, is_removed: bool
) -> None:
    plan = _plan(
        _of("one"),
        settings={"rem_unregistered_min_age_minutes": minutes},
        sightings={"one": sighting} if sighting else {},
    )
    assert bool(_removed(plan)) is is_removed
    codes = [each.reason.code for each in plan.deferred]
    assert codes == ([] if is_removed else [Code.UNREGISTERED_TOO_SHORT])


def test_what_was_seen_before_a_torrent_was_added_again_ends_no_delay() -> None:
    again = _of("one", _C.UNREGISTERED, _C.OUTAGE, added_on=NOW - _HOUR)
    assert not _removed(_plan(again, sightings={"one": _seen(1000 * _HOUR, runs=50)}))


def test_the_cap_takes_the_oldest_first_then_the_smallest_hash() -> None:
    old = [_of(f"old {number}") for number in range(3)]
    young = _of("young", added_on=ADDED + _HOUR)
    plan = _plan(young, *old, *_healthy("t.org", 9), settings={"rem_unregistered_max_torrents": 2})
    assert _removed(plan) == sorted(each.hash for each in old)[:2]
    assert {each.reason.code for each in plan.deferred} == {Code.UNREGISTERED_CAPPED}
    assert [each.hash for each in plan.deferred] == [max(each.hash for each in old), young.hash]


def test_each_tracker_has_a_cap_of_its_own_whatever_its_spelling_and_port() -> None:
    torrents = [
        _of("a", host="One.org:80"),
        _of("b", host="one.org:443", added_on=ADDED + _HOUR),
        _of("c", host="two.org"),
    ]
    plan = _plan(*torrents, settings={"rem_unregistered_max_torrents": 1})
    assert sorted(_removed(plan)) == sorted(_hashes("a", "c"))


def test_no_cap_is_no_cap() -> None:
    torrents = [_of(str(number)) for number in range(30)]
    plan = _plan(*torrents, *_healthy("t.org", 40), settings={"rem_unregistered_max_torrents": 0})
    assert len(_removed(plan)) == 30


def test_the_cap_counts_what_an_earlier_attempt_of_the_run_has_removed() -> None:
    first = _plan(_of("a"), _of("b", host="T.org"), settings={"rem_unregistered_max_torrents": 3})
    done = rem_unregistered.removed_at(first.planned)
    assert done == {"t.org": 2}
    rest = [_of("c"), _of("d")]
    plan = _plan(*rest, removed_at=done, settings={"rem_unregistered_max_torrents": 3})
    assert len(_removed(plan)) == 1


def test_only_removals_of_this_command_are_counted_and_each_host_once() -> None:
    change = RemoveTorrent(hash=a_hash("a"), category="", tags=(), save_path="/")
    unknown = because(Code.TRACKER_UNREGISTERED, host="A.org", message="x", word="x")
    again = because(Code.TRACKER_UNREGISTERED, host="a.org", message="y", word="y")
    error = because(Code.TRACKER_ERROR, host="b.org", message="x")
    planned = [
        Planned(change, CommandName.REM_UNREGISTERED, together([unknown, again, error])),
        Planned(change, CommandName.SHARE_LIMITS, unknown),
        Planned(AddTags(a_hash("a"), ("x",)), CommandName.REM_UNREGISTERED, unknown),
    ]
    assert rem_unregistered.removed_at(planned) == {"a.org": 1}


def test_a_torrent_that_two_trackers_disown_counts_for_both() -> None:
    both = _of("both")
    trackers = (
        row(_C.UNREGISTERED, Generation.V5_3, "https://one.org/"),
        row(_C.UNREGISTERED, Generation.V5_3, "https://two.org/"),
    )
    both = replace(both, trackers=trackers)
    later = [_of(host, host=host, added_on=ADDED + _HOUR) for host in ("one.org", "two.org")]
    plan = _plan(both, *later, settings={"rem_unregistered_max_torrents": 1})
    assert _removed(plan) == [both.hash]


@pytest.mark.parametrize(
    ("disowned", "others", "is_refused"),
    [(5, 0, False), (6, 0, True), (6, 5, True), (6, 6, False), (7, 6, True), (50, 49, True)],
)
def test_too_many_at_once_is_the_trackers_own_trouble(
    disowned: int, others: int, is_refused: bool
) -> None:
    gone = [_of(f"gone {number}") for number in range(disowned)]
    plan = _plan(*gone, *_healthy("t.org", others), settings={"rem_unregistered_max_torrents": 0})
    assert len(_removed(plan)) == (0 if is_refused else disowned)
    assert [each.reason.code for each in plan.notices] == [Code.UNREGISTERED_EN_MASSE] * is_refused
    if is_refused:
        left = [each for each in plan.skipped if each.reason.code is Code.UNREGISTERED_EN_MASSE]
        assert len(left) == disowned
        assert str(plan.notices[0].reason) == (
            f"t.org does not know {disowned} of its {disowned + others} torrents: its own trouble, "
            "so none goes"
        )


def test_one_trackers_trouble_leaves_the_others_torrents_alone() -> None:
    masses = [_of(f"mass {number}", host="bad.org") for number in range(8)]
    plan = _plan(*masses, _of("one", host="good.org"))
    assert _removed(plan) == _hashes("one")


@pytest.mark.parametrize("fine", ["a.org", "z.org"])
def test_a_torrent_that_another_tracker_disowns_too_stays_with_the_mass(fine: str) -> None:
    masses = [_of(f"mass {number}", host="m.org") for number in range(8)]
    both = replace(
        _of("both"),
        trackers=(
            row(_C.UNREGISTERED, Generation.V5_3, "https://m.org/"),
            row(_C.UNREGISTERED, Generation.V5_3, f"https://{fine}/"),
        ),
    )
    assert not _removed(_plan(*masses, both))


def test_the_guard_looks_at_the_whole_library_however_few_were_asked_for() -> None:
    torrents = [_of(f"gone {number}") for number in range(7)]
    only = Selection(hashes=frozenset({torrents[0].hash}))
    assert not _removed(_plan(*torrents, selection=only))
    assert _removed(_plan(*torrents, *_healthy("t.org", 8), selection=only)) == [torrents[0].hash]


def test_a_removal_needs_the_whole_library() -> None:
    torrents = [_of(f"gone {number}") for number in range(7)]
    asked = Selection(hashes=frozenset(each.hash for each in torrents))
    assert _plan(*torrents, is_whole=False, selection=asked).needs_whole
    assert not _plan(*torrents, selection=asked).needs_whole
    assert not _plan(_of("fine", _C.WORKING), is_whole=False, selection=asked).needs_whole


def test_what_is_planned_counts_by_what_becomes_of_the_content() -> None:
    removal = RemoveTorrent(hash=a_hash("a"), category="", tags=(), save_path="/")
    moved = Content(disposal=Disposal.RECYCLE, files=("/a",))
    kept = Content(disposal=Disposal.KEEP, shared=("/a",))
    assert rem_unregistered.counts(removal) == {"rem_unreg": 1, "deleted": 1}
    for content, counter in ((moved, "deleted_contents"), (kept, "deleted")):
        counts = rem_unregistered.counts(replace(removal, content=content))
        assert counts == {"rem_unreg": 1, counter: 1}
    assert rem_unregistered.counts(RemoveTags(a_hash("a"), ("issue",))) == {
        "untagged_tracker_error": 1
    }
    assert rem_unregistered.counts(AddTags(a_hash("a"), ("issue",))) == {}


def test_it_asks_for_every_trackers_status_and_for_what_was_seen_before() -> None:
    needs = rem_unregistered.needs(a_config())
    assert set(needs) == {Fact.TRACKER_STATUS, Fact.SIGHTINGS}
    assert all(matters(a_torrent()) for matters in needs.values())


def _codes(reasons: Iterable[Any]) -> list[Code]:
    return [each.reason.code for each in reasons]


def test_on_an_older_server_an_empty_message_and_a_reason_phrase_remove_nothing() -> None:
    for condition in (_C.REFUSED, _C.HTTP_404, _C.HTTP_503, _C.EMPTY_REASON):
        for generation in (Generation.V4_2, Generation.V4_5):
            rows = (row(condition, generation, "https://t.org/"),)
            snapshot = a_snapshot([a_torrent(trackers=rows)])
            plan = _planned(snapshot)
            assert plan.planned == ()
            assert len(_codes(plan.skipped)) == 1
