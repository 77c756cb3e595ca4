"""What the disk bench holds the programs to."""

from __future__ import annotations

from pathlib import Path

from bench.contest import State
from bench.shelf import Left, Shelf

_COUNT = 24


def _links(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_nlink
        for path in folder.rglob("*")
        if path.is_file()
    }


def _before(shelf: Shelf) -> Left:
    rows: dict[str, tuple[str, tuple[str, ...]]] = {
        each.hash: ("films", ("mine",)) for each in shelf.torrents
    }
    return Left(State(rows, {}), _links(shelf.folder))


def test_half_of_the_torrents_are_linked_and_forty_files_belong_to_none(tmp_path: Path) -> None:
    shelf = Shelf(_COUNT, tmp_path / "content")
    shelf.lay()
    links = _links(shelf.folder)
    owned = sum(len(each.files) for each in shelf.torrents)
    media = [path for path in links if path.startswith("media/")]
    assert len(links) - len(media) == owned + 40
    assert len(media) == owned / 2
    assert all(links[path] == 2 for path in media)


def test_an_orphan_that_stays_is_a_difference(tmp_path: Path) -> None:
    shelf = Shelf(_COUNT, tmp_path / "content")
    shelf.lay()
    before = _before(shelf)
    expected = shelf.after_orphans(before)
    assert len(expected.differences(before)) == 2 * 40
    for path in set(before.links) - set(expected.links):
        target = shelf.root / "orphaned_data" / Path(path).relative_to("root")
        target.parent.mkdir(parents=True, exist_ok=True)
        (shelf.folder / path).rename(target)
    assert expected.differences(Left(before.state, _links(shelf.folder))) == []


def test_a_torrent_without_links_that_is_not_tagged_is_a_difference(tmp_path: Path) -> None:
    shelf = Shelf(_COUNT, tmp_path / "content")
    before = _before(shelf)
    expected = shelf.after_tags(before)
    assert len(expected.differences(before)) == _COUNT / 2
    tags = [tags for _, tags in expected.state.torrents.values()]
    assert tags.count(("mine", "noHL")) == tags.count(("mine",)) == _COUNT / 2


def test_laying_the_files_anew_takes_back_what_a_run_did(tmp_path: Path) -> None:
    shelf = Shelf(_COUNT, tmp_path / "content")
    shelf.lay()
    before = _links(shelf.folder)
    (shelf.root / "films/000/left 01.mkv").rename(shelf.root / "moved")
    (shelf.folder / "media/films/000/Film 00002.mkv").unlink()
    shelf.lay()
    assert _links(shelf.folder) == before
