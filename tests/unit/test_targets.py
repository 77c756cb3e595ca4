"""Where moved files go: to a place of their own."""

from __future__ import annotations

from pathlib import Path

from qbm.engine.tree.targets import with_free_targets
from qbm.gateways import disk
from qbm.model.change import DeleteFile, MoveFile
from qbm.model.command import CommandName
from qbm.model.plan import Plan, Planned
from qbm.model.reason import Code, because

_STAMP = disk.Stamp(1, 2, 3, 4)


def a_plan(*targets: Path) -> Plan:
    """A plan that moves a file to each of the targets."""
    changes = [MoveFile(source="/data/a", target=str(each), stamp=_STAMP) for each in targets]
    return Plan(planned=tuple(map(planned, changes)))


def planned(change: MoveFile | DeleteFile) -> Planned:
    return Planned(change, CommandName.REM_ORPHANED, because(Code.LINKS_UNKNOWN))


def targets(plan: Plan) -> list[str]:
    """The names that the files of a plan are to get."""
    changes = [each.change for each in with_free_targets(plan).planned]
    return [Path(each.target).name for each in changes if isinstance(each, MoveFile)]


def test_a_place_where_nothing_is_stays(tmp_path: Path) -> None:
    assert targets(a_plan(tmp_path / "film.mkv")) == ["film.mkv"]


def test_a_place_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / "film.mkv").touch()
    (tmp_path / "film [2].mkv").symlink_to("nowhere")
    assert targets(a_plan(tmp_path / "film.mkv")) == ["film [3].mkv"]


def test_two_files_do_not_get_one_place(tmp_path: Path) -> None:
    assert targets(a_plan(tmp_path / "film.mkv", tmp_path / "film.mkv")) == [
        "film.mkv",
        "film [2].mkv",
    ]


def test_what_is_deleted_has_no_target_and_stays_as_it_is() -> None:
    plan = Plan(planned=(planned(DeleteFile(path="/data/a", stamp=_STAMP)),))
    assert with_free_targets(plan) == plan
