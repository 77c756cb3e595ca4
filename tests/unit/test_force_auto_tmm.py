"""settings.force_auto_tmm (spec: commands, cat_update 6)."""

from __future__ import annotations

from typing import Any

import pytest

from qbm.commands import force_auto_tmm
from qbm.commands.registry import steps
from qbm.engine.planning import plan_run
from qbm.model.change import Change, CreateCategory, SetAutoManagement, SetCategory
from qbm.model.command import CommandName
from qbm.model.snapshot import Selection
from qbm.model.torrent import Torrent
from tests.factories import NOW, a_config, a_snapshot, a_torrent

_FORCE = {"force_auto_tmm": True, "force_auto_tmm_ignore_tags": ["mine"]}


def _changes(
    *torrents: Torrent, commands: list[str] | None = None, **sections: Any
) -> list[Change]:
    config = a_config(**{"settings": _FORCE, "cat": {"films": "/data/films"}, **sections})
    wanted = steps([CommandName(each) for each in commands or ["cat_update"]], config)
    plan, _ = plan_run(a_snapshot(torrents), wanted, config, Selection(), NOW)
    return [each.change for each in plan.planned]


def test_it_is_switched_on_for_torrents_with_a_category() -> None:
    torrent = a_torrent(category="films", save_path="/data/films")
    assert _changes(torrent) == [SetAutoManagement(torrent.hash, before=False, after=True)]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"category": ""}, id="no category"),
        pytest.param({"category": "films", "auto_tmm": True}, id="on already"),
        pytest.param({"category": "films", "tags": frozenset({"mine"})}, id="an ignored tag"),
    ],
)
def test_others_are_left(facts: dict[str, Any]) -> None:
    assert _changes(a_torrent(**facts), cat={"x": "/x"}) == []


@pytest.mark.parametrize(
    ("folder", "says"),
    [("/data/films", ""), ("/elsewhere", "from /data/films to /elsewhere"), ("", "default folder")],
)
def test_files_that_will_move_are_named(folder: str, says: str) -> None:
    torrent = a_torrent(category="films", save_path="/data/films")
    snapshot = a_snapshot([torrent], {"films": folder})
    config = a_config(settings=_FORCE, cat={"x": "/x"})
    [planned] = force_auto_tmm.plan(snapshot, config, Selection(), NOW).planned
    assert says in str(planned.reason)
    assert ("move" in str(planned.reason)) is bool(says)


def test_an_ignored_tag_is_the_reason_given() -> None:
    torrent = a_torrent(category="films", tags=frozenset({"mine"}))
    plan = force_auto_tmm.plan(
        a_snapshot([torrent]), a_config(settings=_FORCE, cat={"x": "/x"}), Selection(), NOW
    )
    assert "mine" in str(plan.skipped[0].reason)


def test_a_torrent_that_gets_its_category_in_this_run_is_switched_in_this_run() -> None:
    torrent = a_torrent(save_path="/data/films")
    assert _changes(torrent) == [
        CreateCategory("films", "/data/films"),
        SetCategory(torrent.hash, "", "films"),
        SetAutoManagement(torrent.hash, before=False, after=True),
    ]


@pytest.mark.parametrize(
    ("commands", "comes_along"),
    [
        (["tag_update"], False),
        (["rem_orphaned"], False),
        (["tag_update", "rem_orphaned"], False),
        (["cat_update"], True),
        (["tag_update", "cat_update"], True),
        (["recheck"], True),
        (["share_limits", "tag_update"], True),
    ],
)
def test_it_comes_along_unless_only_tags_or_orphans_are_asked_for(
    commands: list[str], comes_along: bool
) -> None:
    torrent = a_torrent(category="films", tags=frozenset({"tracker.example.org"}))
    changes = _changes(torrent, commands=commands)
    assert any(isinstance(each, SetAutoManagement) for each in changes) is comes_along


def test_commands_run_in_their_order_whatever_the_request_says() -> None:
    config = a_config(settings=_FORCE, cat={"x": "/x"})
    names = [each.name for each in steps([CommandName.TAG_UPDATE, CommandName.CAT_UPDATE], config)]
    assert names == ["force_auto_tmm", "cat_update", "force_auto_tmm", "tag_update"]
