"""Folders that are left empty go; those that anybody needs stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbm.gateways.disk import remove_empty_folders
from tests.disks import as_nobody, bound, nobodys_folder, small_disk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with an empty folder deep in it."""
    (tmp_path / "data" / "tv" / "show" / "S01").mkdir(parents=True)
    return tmp_path / "data"


def test_empty_folders_go_upwards_as_far_as_they_are_empty(root: Path) -> None:
    (root / "tv" / "film").touch()
    season = root / "tv" / "show" / "S01"
    removed = remove_empty_folders([str(season)], keep=[str(root)])
    assert removed == [str(season), str(season.parent)]
    assert [each.name for each in (root / "tv").iterdir()] == ["film"]


def test_neither_a_kept_folder_goes_nor_any_above_it(root: Path) -> None:
    season = root / "tv" / "show" / "S01"
    assert remove_empty_folders([str(season)], keep=[f"{root}/tv/"]) == [
        str(season),
        str(season.parent),
    ]
    assert (root / "tv").is_dir()
    assert remove_empty_folders([str(root / "tv")], keep=[f"{root}/tv/not there"]) == []
    assert (root / "tv").is_dir()


def test_a_bin_and_a_root_stay_when_they_are_named_as_empty(root: Path) -> None:
    (root / ".RecycleBin").mkdir()
    named = [str(root), f"{root}/.RecycleBin", str(root.parent)]
    assert remove_empty_folders(named, keep=[str(root), f"{root}/.RecycleBin"]) == []


def test_a_kept_folder_is_known_under_its_other_names(root: Path) -> None:
    (root.parent / "alias").symlink_to("data")
    assert remove_empty_folders([f"{root}/tv"], keep=[f"{root.parent}/alias/tv"]) == []
    season = root / "tv" / "show" / "S01"
    with bound(root / "tv", root.parent / "bound") as tv:
        assert remove_empty_folders([str(season)], keep=[f"{tv}/show"]) == [str(season)]
    assert (root / "tv" / "show").is_dir()


def test_a_folder_that_is_gone_already_is_no_end(root: Path) -> None:
    gone = root / "tv" / "show" / "S02" / "extras"
    (root / "tv" / "show" / "S01").rmdir()
    assert remove_empty_folders([str(gone)], keep=[str(root)]) == [
        f"{root}/tv/show",
        f"{root}/tv",
    ]


def test_a_symbolic_link_is_no_empty_folder(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "link").symlink_to("elsewhere")
    assert remove_empty_folders([f"{root}/link"], keep=[str(root)]) == []
    assert (root / "elsewhere").is_dir()
    (root / "link" / "sub").mkdir()
    assert remove_empty_folders([f"{root}/link/sub"], keep=[str(root)]) == [f"{root}/link/sub"]
    assert (root / "link").is_symlink()


def test_a_file_is_no_empty_folder(root: Path) -> None:
    (root / "film").touch()
    assert remove_empty_folders([f"{root}/film", f"{root}/film/below"], keep=[str(root)]) == []
    assert (root / "film").exists()


def test_a_mount_point_stays(root: Path) -> None:
    with small_disk(root / "disk") as disk:
        (disk / "show").mkdir()
        assert remove_empty_folders([f"{disk}/show"], keep=[]) == [f"{disk}/show"]
    (root / "real").mkdir()
    with bound(root / "real", root / "bound"):
        assert remove_empty_folders([f"{root}/bound"], keep=[]) == []
        assert remove_empty_folders([f"{root}/real"], keep=[f"{root}/bound"]) == []


@pytest.mark.parametrize("folder", ["", "/", ".", "relative", "/../tmp", "relative/.."])
def test_what_is_no_whole_path_is_left_alone(folder: str) -> None:
    assert remove_empty_folders([folder], keep=[]) == []


def test_a_path_that_climbs_is_left_alone(root: Path) -> None:
    assert remove_empty_folders([f"{root}/tv/../tv/show/S01"], keep=[]) == []


def test_folders_in_each_other_all_go_in_any_order(root: Path) -> None:
    (root / "tv" / "show" / "S02").mkdir()
    folders = [f"{root}/tv", f"{root}/tv/show/S02", f"{root}/tv/show/S01"]
    for order in (folders, folders[::-1]):
        (root / "tv" / "show" / "S02").mkdir(parents=True, exist_ok=True)
        (root / "tv" / "show" / "S01").mkdir(exist_ok=True)
        assert len(remove_empty_folders(order, keep=[str(root)])) == 4
        assert not (root / "tv").exists()


def test_a_folder_that_may_not_be_removed_stays_without_ado() -> None:
    with nobodys_folder() as folder:
        (folder / "tv" / "show").mkdir(parents=True)
        with as_nobody():
            assert remove_empty_folders([f"{folder}/tv/show"], keep=[str(folder)]) == []
        assert (folder / "tv" / "show").is_dir()


def test_names_that_are_no_text_go_as_well(root: Path) -> None:
    odd = root / "caf\udce9"
    odd.mkdir()
    assert remove_empty_folders([str(odd)], keep=[str(root)]) == [str(odd)]
