"""Which files are orphans, and when the command refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.commands.rem_orphaned import plan
from qbm.model.change import DeleteFile, MoveFile
from qbm.model.disk import Misplaced, Stray, Tree
from qbm.model.plan import Plan
from qbm.model.reason import Code
from qbm.model.snapshot import Selection, Snapshot
from qbm.model.stamp import Stamp
from qbm.model.torrent import State
from tests.factories import NOW, a_config, a_snapshot, a_torrent

_NS = 1_000_000_000


def stray(relative: str, *, age: timedelta = timedelta(days=10), changed: Any = None) -> Stray:
    """A file below /here, which the server calls /data."""
    mtime = int((NOW - age).timestamp()) * _NS
    ctime = mtime if changed is None else int((NOW - changed).timestamp()) * _NS
    return Stray(
        root=0,
        relative=relative,
        path=f"/here/{relative}",
        stamp=Stamp(1, 2, 3, mtime),
        changed_at_ns=ctime,
    )


def planned(
    *strays: Stray, orphaned: Any = None, snapshot: Snapshot | None = None, **facts: Any
) -> Plan:
    """The plan for these files beside one torrent in its place."""
    tree = Tree(strays=strays, **{"inside": 1, "complete": 1, **facts})
    config = a_config(
        cat={"x": "/data"},
        directory={"root_dir": "/data", "remote_dir": "/here"},
        orphaned=orphaned or {},
    )
    snapshot = snapshot or a_snapshot([a_torrent()])
    return plan(replace(snapshot, tree=tree), config, Selection(), NOW)


def test_what_nobody_owns_goes_to_the_same_path_in_the_orphaned_folder() -> None:
    found = planned(stray("tv/b.mkv"), stray("a.mkv"))
    changes = [each.change for each in found.planned]
    assert [(each.source, each.target) for each in changes if isinstance(each, MoveFile)] == [
        ("/here/a.mkv", "/here/orphaned_data/a.mkv"),
        ("/here/tv/b.mkv", "/here/orphaned_data/tv/b.mkv"),
    ]


def test_with_zero_days_it_is_deleted_at_once() -> None:
    [only] = planned(stray("a.mkv"), orphaned={"empty_after_x_days": 0}).planned
    assert isinstance(only.change, DeleteFile)


@pytest.mark.parametrize(
    "name",
    ["a.mkv.!qB", ".abc.parts", ".fuse_hidden0001", ".nfs0001", ".stfolder/x", "d/.stfolder"],
)
def test_what_programs_are_working_with_is_never_an_orphan(name: str) -> None:
    assert planned(stray(name)).planned == ()


@pytest.mark.parametrize(
    ("pattern", "is_spared"),
    [
        ("*.nfo", True),
        ("/data/p/*", True),
        ("/here/p/*", True),
        ("**/*.nfo", True),
        ("p/*", False),
        ("*.NFO", False),
        ("/data/p", False),
    ],
)
def test_patterns_are_of_the_whole_path_in_either_notation(pattern: str, is_spared: bool) -> None:
    found = planned(stray("p/deep/a.nfo"), orphaned={"exclude_patterns": [pattern]})
    assert (found.planned == ()) is is_spared


def test_a_new_hard_link_to_an_old_file_is_too_young() -> None:
    young = {"min_file_age_minutes": 60}
    new_link = stray("a", changed=timedelta(minutes=5))
    found = planned(new_link, stray("b"), stray("c", age=timedelta(0)), orphaned=young)
    assert [each.change.source for each in found.planned if isinstance(each.change, MoveFile)] == [
        "/here/b"
    ]
    assert [each.reason.code for each in found.notices] == [Code.ORPHANS_YOUNG]


@pytest.mark.parametrize(("most", "is_refused"), [(2, False), (1, True), (0, True), (-1, False)])
def test_more_orphans_than_allowed_refuse_the_command(most: int, is_refused: bool) -> None:
    found = planned(stray("a"), stray("b"), orphaned={"max_orphaned_files_to_delete": most})
    assert bool(found.refused) is is_refused
    assert bool(found.planned) is not is_refused


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"absent": ("/here",)}, Code.ORPHANS_ROOT_ABSENT),
        ({"unreadable": (("/here/x", "no permission"),)}, Code.ORPHANS_UNREADABLE),
        ({"unheard": (("two.yml", "no answer"),)}, Code.ORPHANS_UNHEARD),
        ({"listless": ("one",)}, Code.ORPHANS_LISTLESS),
        ({"inside": 0}, Code.ORPHANS_NONE_INSIDE),
        ({"complete": 4, "misplaced": (Misplaced("x", "/here/x"),)}, Code.ORPHANS_MISPLACED),
    ],
)
def test_whatever_is_not_sure_refuses_the_command(facts: dict[str, Any], code: Code) -> None:
    found = planned(stray("a"), **facts)
    assert [each.reason.code for each in found.refused] == [code]
    assert found.planned == ()


def test_a_fifth_of_the_content_may_be_elsewhere() -> None:
    assert planned(stray("a"), complete=5, misplaced=(Misplaced("x", "/here/x"),)).planned


def test_an_empty_server_refuses() -> None:
    found = planned(stray("a"), snapshot=a_snapshot())
    assert [each.reason.code for each in found.refused] == [Code.ORPHANS_NO_TORRENTS]


def test_a_server_that_is_loading_refuses() -> None:
    loading = a_snapshot([a_torrent(), a_torrent("two", state=State.CHECKING_RESUME_DATA)])
    found = planned(stray("a"), snapshot=loading)
    assert [each.reason.code for each in found.refused] == [Code.ORPHANS_LOADING]


def test_without_a_listing_of_the_disk_it_refuses() -> None:
    config = a_config(cat={"x": "/data"}, directory={"root_dir": "/data"})
    found = plan(a_snapshot([a_torrent()]), config, Selection(), NOW)
    assert [each.reason.code for each in found.refused] == [Code.ORPHANS_TREE_UNKNOWN]
