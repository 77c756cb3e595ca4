"""cat_update and cat_change, rule by rule (spec: commands, cat_update)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from qbm.commands import cat_update
from qbm.model.change import Change, CreateCategory, SetCategory
from qbm.model.plan import Plan
from qbm.model.projection import project
from qbm.model.reason import Code
from qbm.model.snapshot import Selection, Snapshot
from qbm.model.torrent import State, Torrent
from qbm.model.unknown import UNKNOWN
from tests.factories import ADDED, NOW, a_config, a_hash, a_snapshot, a_torrent, a_tracker

_FILMS = {"films": "/data/films", "tv": ["/data/tv/*", "/more/tv"]}
_CATEGORIES = {"films": "/data/films", "tv": "/data/tv", "old": "/data/old", "new": "/data/new"}


def _plan(*torrents: Torrent, selection: Selection | None = None, **sections: Any) -> Plan:
    config = a_config(**{"cat": _FILMS, **sections})
    snapshot = a_snapshot(torrents, _CATEGORIES)
    return cat_update.plan(snapshot, config, selection or Selection(), NOW)


def _changes(plan: Plan) -> list[Change]:
    return [each.change for each in plan.planned]


def _category(plan: Plan) -> str | None:
    """The one category set, None if the torrent is left."""
    found = [each.after for each in _changes(plan) if isinstance(each, SetCategory)]
    assert len(found) <= 1
    return found[0] if found else None


def _why_left(plan: Plan) -> Code:
    [skipped] = plan.skipped
    return skipped.reason.code


@pytest.mark.parametrize(
    ("save_path", "category"),
    [
        ("/data/films", "films"),
        ("/data/films/", "films"),
        ("/data/tv", "tv"),
        ("/data/tv/show/season", "tv"),
        ("/more/tv", "tv"),
        ("/more/tv/show", None),
        ("/data/films2", None),
        ("/data/tv-4k", None),
        ("/DATA/films", None),
        ("/", None),
        ("", None),
    ],
)
def test_the_save_path_gives_the_category(save_path: str, category: str | None) -> None:
    assert _category(_plan(a_torrent(save_path=save_path))) == category


def test_a_pattern_with_brackets_is_also_meant_literally() -> None:
    plan = _plan(a_torrent(save_path="/data/[x]"), cat={"films": "/data/[x]"})
    assert _category(plan) == "films"


def test_decomposed_and_composed_letters_are_the_same_path() -> None:
    composed, decomposed = "/data/f\u00eate", "/data/fe\u0302te"
    assert _category(_plan(a_torrent(save_path=composed), cat={"films": decomposed})) == "films"


def test_windows_paths_match_with_either_slash() -> None:
    plan = _plan(a_torrent(save_path="C:\\data\\tv\\show"), cat={"tv": "C:/data/tv/*"})
    assert _category(plan) == "tv"


def test_the_first_matching_entry_of_the_file_wins() -> None:
    torrent = a_torrent(save_path="/data/tv/x")
    assert _category(_plan(torrent, cat={"films": "/data/*", "tv": "/data/tv/*"})) == "films"
    assert _category(_plan(torrent, cat={"tv": "/data/tv/*", "films": "/data/*"})) == "tv"


def test_a_present_category_among_the_candidates_stays() -> None:
    torrent = a_torrent(save_path="/data/tv/x", category="tv", auto_tmm=True)
    plan = _plan(torrent, cat={"films": "/data/*", "tv": "/data/tv/*"})
    assert _category(plan) is None
    assert _why_left(plan) is Code.CATEGORY_RIGHT


def test_the_trackers_category_wins_over_the_path() -> None:
    torrent = a_torrent(save_path="/data/films")
    plan = _plan(torrent, tracker={"example.org": {"tag": "x", "cat": "tv"}})
    assert _category(plan) == "tv"
    assert plan.planned[0].reason.code is Code.CATEGORY_FROM_TRACKER


def test_other_may_give_a_category_to_unmatched_trackers() -> None:
    plan = _plan(a_torrent(), tracker={"nothing": {"tag": "x"}, "other": {"cat": "tv"}})
    assert _category(plan) == "tv"


def test_a_matched_tracker_without_a_category_leaves_it_to_the_path() -> None:
    tracker = {"example.org": {"tag": "x"}, "other": {"cat": "tv"}}
    assert _category(_plan(a_torrent(save_path="/data/films"), tracker=tracker)) == "films"


def test_unknown_trackers_match_nothing_where_a_tracker_could_decide() -> None:
    torrent = a_torrent(save_path="/data/films", trackers=UNKNOWN)
    plan = _plan(torrent, tracker={"example.org": {"tag": "x", "cat": "tv"}})
    assert _why_left(plan) is Code.TRACKERS_UNKNOWN
    assert _category(_plan(torrent, tracker={"example.org": {"tag": "x"}})) == "films"


def test_a_category_chosen_by_hand_is_left() -> None:
    plan = _plan(a_torrent(save_path="/data/films", category="tv", auto_tmm=False))
    assert _category(plan) is None
    assert _why_left(plan) is Code.CATEGORY_CHOSEN_BY_HAND


def test_a_managed_torrent_in_the_wrong_category_is_moved_unless_only_new_ones_are() -> None:
    torrent = a_torrent(save_path="/data/films", category="tv", auto_tmm=True)
    assert _category(_plan(torrent)) == "films"
    plan = _plan(torrent, settings={"cat_update_all": False})
    assert _why_left(plan) is Code.CATEGORY_KEPT


def test_hashes_mean_categorised_torrents_too() -> None:
    torrent = a_torrent(save_path="/data/films", category="tv", auto_tmm=True)
    selection = Selection(hashes=frozenset({torrent.hash}))
    assert _category(_plan(torrent, selection=selection, settings={"cat_update_all": False}))


def test_torrents_outside_the_selection_are_left() -> None:
    one, two = a_torrent("one", save_path="/data/films"), a_torrent("two", save_path="/data/films")
    plan = _plan(one, two, selection=Selection(hashes=frozenset({one.hash})))
    assert _changes(plan) == [SetCategory(one.hash, "", "films")]
    assert plan.skipped == ()


@pytest.mark.parametrize(
    ("state", "progress", "is_taken"),
    [
        (State.STALLED_UP, 1.0, True),
        (State.STOPPED_UP, 1.0, True),
        (State.DOWNLOADING, 0.999, False),
        (State.CHECKING_UP, 1.0, False),
        (State.MOVING, 1.0, False),
        (State.UNKNOWN, 1.0, False),
    ],
)
def test_only_complete_torrents_are_taken(state: State, progress: float, is_taken: bool) -> None:
    torrent = a_torrent(save_path="/data/films", state=state, progress=progress)
    assert (_category(_plan(torrent)) == "films") is is_taken
    assert _category(_plan(torrent, settings={"cat_filter_completed": False})) == "films"


def test_uncategorized_leaves_a_save_path_alone() -> None:
    cat = {"Uncategorized": "/data/misc", "films": "/data/*"}
    plan = _plan(a_torrent(save_path="/data/misc"), cat=cat)
    assert _category(plan) is None
    assert _why_left(plan) is Code.CATEGORY_UNWANTED


def test_a_save_path_without_an_entry_is_said_once() -> None:
    torrents = [a_torrent(str(number), save_path="/elsewhere") for number in range(3)]
    plan = _plan(*torrents)
    assert _changes(plan) == []
    [notice] = plan.notices
    assert notice.reason.fields == {"save_path": "/elsewhere", "number": "3"}


def test_the_last_folder_is_the_category_where_that_is_asked_for() -> None:
    settings = {"cat_update_use_folder_name": True}
    plan = _plan(a_torrent(save_path="/elsewhere/music/"), settings=settings)
    assert _changes(plan) == [
        CreateCategory("music", "/elsewhere/music/"),
        SetCategory(a_hash("one"), "", "music"),
    ]
    assert _category(_plan(a_torrent(save_path="/"), settings=settings)) is None


def test_a_missing_category_is_created_once_with_the_oldest_torrents_save_path() -> None:
    cat = {"music": "/m/*"}
    young = a_torrent("young", save_path="/m/b", added_on=ADDED + timedelta(days=1))
    old = a_torrent("old", save_path="/m/a")
    plan = _plan(young, old, cat=cat)
    assert _changes(plan) == [
        CreateCategory("music", "/m/a"),
        SetCategory(old.hash, "", "music"),
        SetCategory(young.hash, "", "music"),
    ]


def test_the_order_of_the_servers_answer_does_not_matter() -> None:
    torrents = [a_torrent(str(number), save_path=f"/m/{number}") for number in range(9)]
    assert _plan(*torrents, cat={"m": "/m/*"}) == _plan(*reversed(torrents), cat={"m": "/m/*"})


# cat_change


def _changed(torrent: Torrent, cat_change: object, **sections: Any) -> Plan:
    return _plan(torrent, cat_change=cat_change, **sections)


def test_cat_change_moves_a_category_also_of_torrents_managed_by_hand() -> None:
    plan = _changed(a_torrent(category="old"), {"old": "new"})
    assert _changes(plan) == [SetCategory(a_hash("one"), "old", "new")]


def test_cat_change_follows_what_cat_update_has_just_decided() -> None:
    torrent = a_torrent(save_path="/data/films")
    assert _category(_changed(torrent, {"films": "new"})) == "new"


@pytest.mark.parametrize("chain", [{"old": "tv", "tv": "new"}, {"tv": "new", "old": "tv"}])
def test_cat_change_goes_all_its_steps_at_once_in_any_order(chain: dict[str, str]) -> None:
    assert _category(_changed(a_torrent(category="old"), chain)) == "new"


def test_cat_change_does_not_go_back_and_forth_with_cat_update() -> None:
    torrent = a_torrent(save_path="/data/films", category="new", auto_tmm=True)
    plan = _changed(torrent, {"films": "new"})
    assert _category(plan) is None


@pytest.mark.parametrize(
    ("since_completion", "is_moved"),
    [
        (timedelta(minutes=9, seconds=59), False),
        (timedelta(minutes=10), True),
        (timedelta(minutes=10, seconds=1), True),
    ],
)
def test_a_delay_counts_whole_minutes_since_completion(
    since_completion: timedelta, is_moved: bool
) -> None:
    torrent = a_torrent(category="old", completion_on=NOW - since_completion)
    plan = _changed(torrent, {"old": {"new_cat": "new", "delay_minutes": 10}})
    assert (_category(plan) == "new") is is_moved
    assert [each.hash for each in plan.deferred] == ([] if is_moved else [torrent.hash])


def test_a_delay_without_a_time_of_completion_waits() -> None:
    torrent = a_torrent(category="old", completion_on=None)
    plan = _changed(torrent, {"old": {"new_cat": "new", "delay_minutes": 1}})
    assert len(plan.deferred) == 1
    assert "not known" in str(plan.deferred[0].reason)


def test_cat_change_heeds_the_completed_filter() -> None:
    torrent = a_torrent(category="old", state=State.DOWNLOADING, progress=0.5)
    assert _category(_changed(torrent, {"old": "new"})) is None
    settings = {"cat_filter_completed": False}
    assert _category(_changed(torrent, {"old": "new"}, settings=settings)) == "new"


@pytest.mark.parametrize(
    ("auto_tmm", "save_path", "says_so"),
    [(True, "/data/old", True), (True, "/data/new", False), (False, "/data/old", False)],
)
def test_a_change_that_moves_files_says_so(auto_tmm: bool, save_path: str, says_so: bool) -> None:
    torrent = a_torrent(category="old", auto_tmm=auto_tmm, save_path=save_path)
    [planned] = _changed(torrent, {"old": "new"}, cat={"x": "/x"}).planned
    assert ("will move its files" in str(planned.reason)) is says_so


# Automatic management takes the files along, and their new place may have an entry


def test_the_entry_of_the_folder_that_the_files_move_to_decides_in_the_same_run() -> None:
    torrent = a_torrent(save_path="/data/old", category="old", auto_tmm=True)
    plan = _plan(torrent, cat={"archive": "/data/new"}, cat_change={"old": "new"})
    assert _changes(plan) == [
        CreateCategory("archive", "/data/old"),
        SetCategory(torrent.hash, "old", "archive"),
    ]


def test_entries_that_chase_each_other_round_leave_the_torrent_and_say_so() -> None:
    torrent = a_torrent(save_path="/data/old", category="old", auto_tmm=True)
    plan = _plan(torrent, cat={"new": "/data/old", "old": "/data/new"})
    assert _changes(plan) == []
    assert _why_left(plan) is Code.CATEGORY_GOES_ROUND


def test_files_that_move_to_a_category_made_for_another_torrent_are_named() -> None:
    first = a_torrent("first", save_path="/m/a", auto_tmm=True)
    second = a_torrent("second", save_path="/m/b", auto_tmm=True, added_on=ADDED + timedelta(1))
    plan = _plan(first, second, cat={"music": "/m/*"})
    texts = {
        each.change.hash: str(each.reason)
        for each in plan.planned
        if isinstance(each.change, SetCategory)
    }
    assert "move" not in texts[first.hash]
    assert "from /m/b to /m/a" in texts[second.hash]


def test_a_parent_category_is_created_before_its_children() -> None:
    torrents = [a_torrent("a", save_path="/x"), a_torrent("b", save_path="/y")]
    plan = _plan(*torrents, cat={"tv2/hd/4k": "/x", "tv2": "/y"})
    created = [each.name for each in _changes(plan) if isinstance(each, CreateCategory)]
    assert created == ["tv2", "tv2/hd/4k"]


# Ground rules


def test_what_was_planned_once_is_not_planned_again() -> None:
    torrents = [
        a_torrent("a", save_path="/data/films"),
        a_torrent("b", save_path="/data/tv/x", category="old"),
        a_torrent("c", save_path="/data/tv/x", category="films", auto_tmm=True),
        a_torrent("d", save_path="/m/x"),
    ]
    config = a_config(cat={**_FILMS, "m": "/m/*"}, cat_change={"old": "new", "tv": "films"})
    before = a_snapshot(torrents, _CATEGORIES)
    first = cat_update.plan(before, config, Selection(), NOW)
    after: Snapshot = project(before, _changes(first))
    assert first.planned
    assert cat_update.plan(after, config, Selection(), NOW).planned == ()


def test_trackers_are_asked_for_only_if_one_gives_a_category() -> None:
    assert not cat_update.needs(a_config(tracker={"a": {"tag": "x"}}))
    assert cat_update.needs(a_config(tracker={"a": {"tag": "x", "cat": "y"}}))


def test_equal_names_are_different_torrents() -> None:
    one = a_torrent("one", name="same", save_path="/data/films")
    two = a_torrent("two", name="same", save_path="/data/tv", trackers=(a_tracker(),))
    assert {
        each.hash: each.after for each in _changes(_plan(one, two)) if isinstance(each, SetCategory)
    } == {
        one.hash: "films",
        two.hash: "tv",
    }
