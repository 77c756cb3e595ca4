"""What holds for every library that rem_unregistered and tag_tracker_error look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qbm.commands import rem_unregistered, tag_tracker_error
from qbm.commands.judging import judge
from qbm.commands.registry import steps
from qbm.commands.tracker_lexicon import lexicon
from qbm.config import Config
from qbm.engine.planning import plan_run
from qbm.model.change import AddTags, RemoveTags, RemoveTorrent
from qbm.model.command import CommandName
from qbm.model.plan import Plan
from qbm.model.projection import achieved, expects, project
from qbm.model.snapshot import Selection, Sighting, Snapshot
from qbm.model.torrent import State, Torrent
from qbm.model.tracker import Tracker, TrackerStatus
from qbm.model.unknown import UNKNOWN
from tests.factories import ADDED, NOW, a_config, a_hash, a_snapshot, a_torrent

_HOSTS = ("one.org", "Two.org:80", "tracker.beyond-hd.me", "127.0.0.1:1")
_MESSAGES = (
    "",
    "Unregistered torrent",
    "unregistered: the passkey is wrong",
    "Tracker is down",
    "timed out",
    "Not Found",
    "Ratio too low",
    "dead: nuked",
    "zut",
)
_rows = st.builds(
    Tracker,
    url=st.sampled_from([f"https://{host}/announce/key" for host in _HOSTS]),
    status=st.sampled_from([*TrackerStatus, TrackerStatus.TRACKER_ERROR, None]),
    msg=st.one_of(st.sampled_from(_MESSAGES), st.text(max_size=30)),
    is_updating=st.sampled_from([False, False, False, True]),
)
_trackers = st.one_of(
    st.just(UNKNOWN),
    st.lists(_rows, max_size=3).map(tuple),
    st.just((Tracker("https://one.org/a", TrackerStatus.TRACKER_ERROR, "Unregistered torrent"),)),
)
_torrents = st.lists(
    st.fixed_dictionaries(
        {
            "tags": st.frozensets(st.sampled_from(("issue", "keep", "mine")), max_size=2),
            "state": st.sampled_from((State.STALLED_UP, State.STALLED_DL, State.CHECKING_UP)),
            "progress": st.sampled_from((0.5, 1.0)),
            "save_path": st.sampled_from(("/x", "/y", UNKNOWN)),
            "added_on": st.sampled_from(
                (ADDED, ADDED + timedelta(days=1), NOW - timedelta(minutes=5))
            ),
            "trackers": _trackers,
        }
    ),
    max_size=12,
).map(lambda facts: [a_torrent(str(number), **each) for number, each in enumerate(facts)])
_sightings = st.dictionaries(
    st.integers(0, 11).map(lambda number: a_hash(str(number))),
    st.builds(
        Sighting,
        first_at=st.sampled_from((ADDED, NOW - timedelta(hours=49), NOW)),
        runs=st.integers(1, 4),
    ),
)
_settings = {
    "rem_unregistered_filter_completed": st.booleans(),
    "rem_unregistered_grace_minutes": st.sampled_from((0, 10)),
    "rem_unregistered_max_torrents": st.sampled_from((0, 1, 10)),
    "rem_unregistered_min_sightings": st.sampled_from((0, 1, 3)),
    "rem_unregistered_min_age_minutes": st.sampled_from((0, 60)),
    "rem_unregistered_veto_hours": st.sampled_from((0, 48)),
    "rem_unregistered_ignore_list": st.sampled_from(((), ("dead",))),
    "protect_tag": st.sampled_from((None, "keep")),
}
_configs = st.fixed_dictionaries(
    {
        "settings": st.fixed_dictionaries(_settings),
        "tracker_messages": st.sampled_from(({}, {"unregistered": ["zut"]})),
    }
).map(lambda sections: a_config(**sections))
_BOTH = (CommandName.REM_UNREGISTERED, CommandName.TAG_TRACKER_ERROR)
_asked = st.sampled_from(((_BOTH[0],), (_BOTH[1],), _BOTH))
_libraries = st.builds(
    lambda torrents, sightings, tells: replace(
        a_snapshot(torrents), sightings=sightings, tells_tracker_errors=tells
    ),
    _torrents,
    _sightings,
    st.booleans(),
)


def _run(
    snapshot: Snapshot,
    config: Config,
    asked: tuple[CommandName, ...] = _BOTH,
    selection: Selection | None = None,
) -> tuple[Plan, Snapshot]:
    return plan_run(snapshot, steps(asked, config), config, selection or Selection(), NOW)


def _remembered(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """As a real run leaves the store, for a run right after it."""
    kept = {each: seen for each, seen in snapshot.sightings.items() if each not in plan.recovered}
    for each in plan.sighted:
        seen = kept.get(each, Sighting(NOW, 0))
        kept[each] = Sighting(seen.first_at, seen.runs + 1)
    return replace(snapshot, sightings=kept)


@given(_libraries, _configs, _asked)
def test_a_run_right_after_a_run_plans_only_what_that_named(
    snapshot: Snapshot, config: Config, asked: tuple[CommandName, ...]
) -> None:
    first, after = _run(snapshot, config, asked)
    again, _ = _run(_remembered(after, first), config, asked)
    named = {each.hash for each in first.deferred}
    assert {each.change.hash for each in again.planned} <= named  # type: ignore[union-attr]


@given(_libraries, _configs, _asked, st.randoms(use_true_random=False))
def test_the_order_of_torrents_and_trackers_changes_no_decision(
    snapshot: Snapshot, config: Config, asked: tuple[CommandName, ...], chance: Any
) -> None:
    torrents = list(snapshot.torrents.values())
    chance.shuffle(torrents)
    shuffled = replace(snapshot, torrents={each.hash: each for each in torrents})
    plan, _ = _run(snapshot, config, asked)
    assert _run(shuffled, config, asked)[0] == plan
    turned = {
        each.hash: each
        if each.trackers is UNKNOWN
        else replace(each, trackers=tuple(chance.sample(each.trackers, len(each.trackers))))
        for each in torrents
    }
    other, _ = _run(replace(snapshot, torrents=turned), config, asked)
    assert [each.change for each in other.planned] == [each.change for each in plan.planned]
    assert {each.hash for each in other.deferred} == {each.hash for each in plan.deferred}


@given(_libraries, _configs)
def test_what_could_not_be_read_matches_nothing(snapshot: Snapshot, config: Config) -> None:
    unread = {each.hash: replace(each, trackers=UNKNOWN) for each in snapshot.torrents.values()}
    plan, _ = _run(replace(snapshot, torrents=unread), config)
    assert plan.planned == ()
    assert not plan.sighted | plan.recovered


def _all_rows(torrent: Torrent, **facts: Any) -> Torrent:
    if torrent.trackers is UNKNOWN:
        return torrent
    return replace(torrent, trackers=tuple(replace(row, **facts) for row in torrent.trackers))


@given(_libraries, _configs)
def test_a_row_without_a_status_spoils_all_but_a_working_one(
    snapshot: Snapshot, config: Config
) -> None:
    blind = {each.hash: _all_rows(each, status=None) for each in snapshot.torrents.values()}
    real = [each for each in blind.values() if each.trackers]
    plan, _ = _run(replace(snapshot, torrents={each.hash: each for each in real}), config)
    assert plan.planned == ()


@given(_libraries, _configs)
def test_only_a_refusal_removes_where_the_server_tells_refusals(
    snapshot: Snapshot, config: Config
) -> None:
    torrents = {
        each.hash: _all_rows(each, status=TrackerStatus.NOT_WORKING)
        for each in snapshot.torrents.values()
    }
    changed = replace(snapshot, torrents=torrents, tells_tracker_errors=True)
    plan, _ = _run(changed, config)
    assert not [each for each in plan.planned if isinstance(each.change, RemoveTorrent)]
    assert not plan.sighted


@given(_libraries, _configs)
def test_nothing_that_works_or_is_protected_or_undecided_is_removed(
    snapshot: Snapshot, config: Config
) -> None:
    plan, _ = _run(snapshot, config)
    for each in plan.planned:
        if not isinstance(each.change, RemoveTorrent):
            continue
        torrent = snapshot.torrents[each.change.hash]
        assert torrent.trackers is not UNKNOWN
        assert config.settings.protect_tag not in torrent.tags
        for row in torrent.trackers:
            assert row.status in {
                TrackerStatus.DISABLED,
                TrackerStatus.NOT_WORKING,
                TrackerStatus.TRACKER_ERROR,
                TrackerStatus.UNREACHABLE,
            }


@given(_libraries, _configs, _asked)
def test_every_torrent_is_changed_or_left_for_a_printable_reason(
    snapshot: Snapshot, config: Config, asked: tuple[CommandName, ...]
) -> None:
    plan, _ = _run(snapshot, config, asked)
    told = {each.change.hash for each in plan.planned}  # type: ignore[union-attr]
    told |= {each.hash for each in (*plan.skipped, *plan.deferred)}  # type: ignore[attr-defined]
    assert told == set(snapshot.torrents)
    reasons = [each.reason for each in (*plan.planned, *plan.skipped, *plan.deferred)]  # type: ignore[attr-defined]
    assert all(str(each).isprintable() for each in reasons)
    assert not plan.sighted & plan.recovered


@given(_libraries, _configs, st.sets(st.integers(0, 11)))
def test_only_what_was_asked_for_is_changed_or_remembered(
    snapshot: Snapshot, config: Config, chosen: set[int]
) -> None:
    hashes = frozenset(a_hash(str(number)) for number in chosen)
    plan, _ = _run(snapshot, config, _BOTH, Selection(hashes=hashes))
    assert {each.change.hash for each in plan.planned} <= hashes  # type: ignore[union-attr]
    assert plan.sighted | plan.recovered <= hashes


@given(_libraries, _configs, _asked)
def test_every_change_fits_when_its_turn_comes_and_shows_when_it_is_done(
    snapshot: Snapshot, config: Config, asked: tuple[CommandName, ...]
) -> None:
    for planned in _run(snapshot, config, asked)[0].planned:
        assert expects(planned.change, snapshot)
        snapshot = project(snapshot, [planned.change])
        assert achieved(planned.change, snapshot)


@given(_libraries, _configs)
def test_counters_count_what_is_planned(snapshot: Snapshot, config: Config) -> None:
    plan, _ = _run(snapshot, config)
    for each in plan.planned:
        command = {_BOTH[0]: rem_unregistered, _BOTH[1]: tag_tracker_error}[each.command]
        counted = command.counts(each.change)
        match each.change:
            case RemoveTorrent():
                assert counted == {"rem_unreg": 1, "deleted": 1}
            case AddTags():
                assert counted == {"tagged": 1, "tagged_tracker_error": 1}
            case RemoveTags():
                assert counted == {"untagged_tracker_error": 1}
            case other:
                raise AssertionError(other)


@given(st.lists(st.text(max_size=200), max_size=3), st.booleans())
def test_any_text_that_a_tracker_sends_can_be_judged(messages: list[str], tells: bool) -> None:
    rows = tuple(
        Tracker("https://x.org/announce", TrackerStatus.TRACKER_ERROR, msg) for msg in messages
    )
    judgement = judge(a_torrent(trackers=rows), lexicon(a_config(), tells_tracker_errors=tells))
    assert str(judgement.reason).isprintable()
