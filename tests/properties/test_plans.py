"""What holds for every library and every config (spec: safety, invariants)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qbm.commands.registry import steps
from qbm.config import Config
from qbm.engine.planning import plan_run
from qbm.model.change import torrent_of
from qbm.model.command import COMMANDS, CommandName
from qbm.model.plan import Plan
from qbm.model.projection import achieved, expects, project
from qbm.model.snapshot import Selection, Snapshot
from qbm.model.torrent import State, Torrent, TorrentHash
from qbm.model.tracker import Tracker
from qbm.model.unknown import UNKNOWN
from tests.factories import ADDED, NOW, a_config, a_hash, a_snapshot, a_torrent

_NAMES = ("a", "b", "c", "d")
_FOLDERS = ("/x", "/x/a", "/x/a/b", "/y", "/y/")
_TAGS = ("A", "B", "stalledDL", "priv", "mine")
_URLS = ("https://one.org/k", "udp://two.org:1/k", "http://one.two/k", "** [DHT] **")

_torrents = st.lists(
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(("", *_NAMES[:3])),
            "tags": st.frozensets(st.sampled_from(_TAGS), max_size=3),
            "state": st.sampled_from(State),
            "progress": st.sampled_from((0.0, 0.5, 1.0)),
            "save_path": st.sampled_from((*_FOLDERS, UNKNOWN)),
            "auto_tmm": st.booleans(),
            "private": st.sampled_from((True, False, UNKNOWN)),
            "added_on": st.sampled_from((ADDED, ADDED + timedelta(days=1))),
            "completion_on": st.sampled_from((None, ADDED, NOW)),
            "trackers": st.one_of(
                st.just(UNKNOWN),
                st.lists(st.sampled_from(_URLS), max_size=2).map(
                    lambda urls: tuple(Tracker(url) for url in urls)
                ),
            ),
        }
    ),
    max_size=6,
).map(lambda facts: [a_torrent(str(number), **each) for number, each in enumerate(facts)])

# A torrent's category is always there: the server knows no other.
_categories = st.fixed_dictionaries(
    {name: st.sampled_from((*_FOLDERS, "")) for name in _NAMES[:3]},
    optional={_NAMES[3]: st.sampled_from((*_FOLDERS, ""))},
)

_onward = st.dictionaries(
    st.sampled_from(_NAMES[:3]), st.tuples(st.integers(1, 3), st.sampled_from((0, 1, 10**6)))
).map(
    # Always further down the alphabet, so that there is no circle.
    lambda chosen: {
        name: {
            "new_cat": _NAMES[min(_NAMES.index(name) + step, 3)],
            "delay_minutes": delay,
        }
        for name, (step, delay) in chosen.items()
    }
)

_configs = st.fixed_dictionaries(
    {
        "settings": st.fixed_dictionaries(
            {
                "force_auto_tmm": st.booleans(),
                # Not the tag that tag_update takes away: whoever ignores that one gets two runs.
                "force_auto_tmm_ignore_tags": st.lists(
                    st.sampled_from([tag for tag in _TAGS if tag != "stalledDL"]), max_size=1
                ),
                "cat_filter_completed": st.booleans(),
                "cat_update_all": st.booleans(),
                "cat_update_use_folder_name": st.booleans(),
                "tag_stalled_torrents": st.booleans(),
                "private_tag": st.sampled_from((None, "priv")),
            }
        ),
        "cat": st.dictionaries(
            st.sampled_from((*_NAMES, "Uncategorized")),
            st.lists(st.sampled_from((*_FOLDERS, "/x/*", "*")), min_size=1, max_size=2),
            min_size=1,
        ),
        "cat_change": _onward,
        "tracker": st.dictionaries(
            st.sampled_from(("one", "two|one", "two", "other")),
            st.fixed_dictionaries(
                {
                    "tag": st.lists(st.sampled_from(_TAGS), min_size=1, max_size=2),
                    "cat": st.sampled_from((None, *_NAMES)),
                }
            ),
            max_size=3,
        ),
    }
).map(lambda sections: a_config(**sections))


def _planned(
    snapshot: Snapshot, config: Config, selection: Selection | None = None
) -> tuple[Plan, Snapshot]:
    return plan_run(snapshot, steps(COMMANDS, config), config, selection or Selection(), NOW)


def _changed(plan: Plan) -> set[TorrentHash]:
    return {of for each in plan.planned if (of := torrent_of(each.change)) is not None}


@given(_torrents, _categories, _configs)
def test_a_run_right_after_a_run_plans_nothing(
    torrents: list[Torrent], categories: dict[str, str], config: Config
) -> None:
    _, after = _planned(a_snapshot(torrents, categories), config)
    again, _ = _planned(after, config)
    assert again.planned == ()


def _after_the_moves(snapshot: Snapshot) -> Snapshot:
    """What could not be foreseen, as the server settles it: its default folder's."""
    settled = {
        each.hash: replace(each, save_path=f"/default/{each.category}")
        if each.save_path is UNKNOWN
        else each
        for each in snapshot.torrents.values()
    }
    return replace(snapshot, torrents=settled)


@given(_torrents, _categories, _configs)
def test_once_the_files_have_moved_only_what_was_named_is_planned(
    torrents: list[Torrent], categories: dict[str, str], config: Config
) -> None:
    before = _after_the_moves(a_snapshot(torrents, categories))
    first, after = _planned(before, config)
    again, _ = _planned(_after_the_moves(after), config)
    named = {each.hash for each in first.deferred}
    assert _changed(again) <= named


@given(_torrents, _categories, _configs, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    torrents: list[Torrent], categories: dict[str, str], config: Config, chance: Any
) -> None:
    plan, _ = _planned(a_snapshot(torrents, categories), config)
    chance.shuffle(torrents)
    assert _planned(a_snapshot(torrents, categories), config)[0] == plan


@given(_torrents, _categories, _configs)
def test_every_change_fits_when_its_turn_comes_and_shows_when_it_is_done(
    torrents: list[Torrent], categories: dict[str, str], config: Config
) -> None:
    snapshot = a_snapshot(torrents, categories)
    for planned in _planned(snapshot, config)[0].planned:
        assert expects(planned.change, snapshot)
        snapshot = project(snapshot, [planned.change])
        assert achieved(planned.change, snapshot)
        assert str(planned.reason)


@given(_torrents, _categories, _configs)
def test_every_torrent_is_changed_or_left_for_a_reason(
    torrents: list[Torrent], categories: dict[str, str], config: Config
) -> None:
    plan, _ = _planned(a_snapshot(torrents, categories), config)
    told = _changed(plan)
    told |= {each.hash for each in (*plan.skipped, *plan.deferred)}  # type: ignore[attr-defined]
    assert told == {each.hash for each in torrents}
    assert all(str(each.reason) for each in plan.skipped)


@given(_torrents, _categories, _configs, st.sets(st.integers(0, 5)))
def test_only_what_was_asked_for_is_changed(
    torrents: list[Torrent], categories: dict[str, str], config: Config, chosen: set[int]
) -> None:
    hashes = frozenset(a_hash(str(number)) for number in chosen)
    plan, _ = _planned(a_snapshot(torrents, categories), config, Selection(hashes=hashes))
    assert _changed(plan) <= hashes


@given(_torrents, _categories, _configs)
def test_what_could_not_be_read_matches_nothing(
    torrents: list[Torrent], categories: dict[str, str], config: Config
) -> None:
    unread = [replace(each, trackers=UNKNOWN, save_path=UNKNOWN) for each in torrents]
    sections = config.model_copy(update={"cat_change": {}})
    settings = config.settings.model_copy(update={"force_auto_tmm": False})
    config = sections.model_copy(update={"settings": settings})
    # Those that judge by trackers and paths; others may still judge by a torrent's state.
    commands = steps([CommandName.CAT_UPDATE, CommandName.TAG_UPDATE], config)
    plan, _ = plan_run(a_snapshot(unread, categories), commands, config, Selection(), NOW)
    assert plan.planned == ()
