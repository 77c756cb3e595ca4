"""What can be restored, and what is in the way: on real files, without a server."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.cli.restoring import meant
from qbm.config import Config
from qbm.engine.restoring.deciding import Obstacle, Restoration, decided
from qbm.engine.restoring.stock import Restorable, newest, of_server, stock
from qbm.errors import UsageError
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.change import Disposal
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import TorrentFile, TorrentHash
from tests.lab import torrents
from tests.lab.torrents import Torrent, bencode

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NOTHING = Snapshot({}, {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with something in it, such as its bin."""
    (tmp_path / "data/.RecycleBin").mkdir(parents=True)
    return tmp_path / "data"


def a_config(root: Path, **sections: Any) -> Config:
    return Config.model_validate(
        {"qbt": {"host": "localhost"}, "directory": {"root_dir": str(root)}, **sections}
    )


def removed(torrent: Torrent, root: Path, **facts: Any) -> Record:
    """Its record, with its files in the bin."""
    torrent.write(root / ".RecycleBin")
    files = []
    for path in torrent.files:
        name = path if torrent.is_single_file else f"{torrent.name}/{path}"
        target = f"{root}/.RecycleBin/{name}"
        stamp = disk.stamp(target)
        assert stamp
        files.append(
            RecordedFile(
                name=name,
                size=stamp.size,
                source=f"{root}/{name}",
                local=f"{root}/{name}",
                target=target,
                stamp=stamp,
                state=FileState.MOVED,
            )
        )
    told: dict[str, Any] = {
        "run_id": "1",
        "reason": "its tracker does not know it",
        "removed_at": NOW,
        "disposal": Disposal.RECYCLE,
        "hash": TorrentHash(torrent.hash),
        "name": torrent.name,
        "save_path": str(root),
        "added_on": NOW,
        "progress": 1.0,
        "can_restore": True,
        "files": tuple(files),
        "listing": tuple(TorrentFile(each.name, each.size) for each in files),
    }
    return Record(**(told | facts))


def decision(record: Record, torrent: Torrent, root: Path, **asked: Any) -> Restoration | Obstacle:
    return decided(Restorable(record), torrent.metainfo, NOTHING, a_config(root), **asked)


def obstacle(record: Record, torrent: Torrent, root: Path, **asked: Any) -> str:
    found = decision(record, torrent, root, **asked)
    assert isinstance(found, Obstacle), found
    return found.why


def test_whole_files_go_back_to_where_they_were(root: Path) -> None:
    film = torrents.folder("A film")
    found = decision(removed(film, root), film, root)
    assert isinstance(found, Restoration)
    assert found.change.files == tuple(f"{root}/A film/{path}" for path in film.files)
    assert (found.change.size, found.change.removed_by, found.lost) == (3000, "1", ())


def test_where_the_roots_are_today_counts(root: Path, tmp_path: Path) -> None:
    film = torrents.single("film.mkv")
    record = removed(film, root)
    [file] = record.files
    record = replace(
        record,
        save_path="/there",
        files=(replace(file, source="/there/film.mkv", local="/old/mount/film.mkv"),),
    )
    config = Config.model_validate(
        {
            "qbt": {"host": "localhost"},
            "directory": {"root_dir": "/there", "remote_dir": str(root)},
        }
    )
    found = decided(Restorable(record), film.metainfo, NOTHING, config)
    assert isinstance(found, Restoration)
    assert found.change.files == (f"{root}/film.mkv",)


def test_what_is_in_the_way_is_named(root: Path) -> None:
    film = torrents.folder("A film")
    record = removed(film, root)
    (root / "A film").mkdir()
    (root / "A film/one.mkv").symlink_to("nowhere")
    assert "something else is at" in obstacle(record, film, root)
    (root / "A film/one.mkv").unlink()
    (root / "A film").rmdir()
    (root / "A film").write_bytes(b"a file")
    assert "is a file, where a folder is needed" in obstacle(record, film, root)


def test_an_absent_root_is_not_written_to(root: Path, tmp_path: Path) -> None:
    film = torrents.single("film.mkv")
    record = removed(film, root)
    (root / ".RecycleBin").rename(tmp_path / "bin")
    [file] = record.files
    record = replace(record, files=(replace(file, target=f"{tmp_path}/bin/film.mkv"),))
    assert "is empty or not there" in obstacle(record, film, root)
    root.rmdir()
    assert "is empty or not there" in obstacle(record, film, root)


def test_a_torrent_without_its_torrent_file_is_not_restored(root: Path) -> None:
    film, other = torrents.single("film.mkv"), torrents.single("other.mkv")
    record = removed(film, root)
    for raw, why in ((b"", "was not kept"), (b"x", "cannot be read"), (other.metainfo, "another")):
        found = decided(Restorable(record), raw, NOTHING, a_config(root))
        assert isinstance(found, Obstacle)
        assert why in found.why


def test_a_removal_that_is_not_finished_is_not_undone(root: Path) -> None:
    film = torrents.single("film.mkv")
    record = removed(film, root)
    record = replace(record, files=(replace(record.files[0], state=FileState.PLANNED),))
    assert "was cut off" in obstacle(record, film, root)


def test_lost_files_are_told_and_need_a_word(root: Path) -> None:
    film = torrents.folder("A film")
    record = removed(film, root)
    one, two, info = (Path(each.target) for each in record.files)
    one.unlink()
    two.write_bytes(b"shorter")
    os.utime(info, ns=(1, 1))
    why = obstacle(record, film, root)
    assert "one.mkv is not in the bin" in why
    assert "two.mkv was changed" in why
    assert "info.nfo was changed" in why
    assert "--partly" in why
    found = decision(record, film, root, is_partly=True)
    assert isinstance(found, Restoration)
    assert (found.change.files, len(found.lost)) == ((), 3)


def test_what_was_not_wanted_is_not_missed(root: Path) -> None:
    film = torrents.folder("A film")
    record = removed(film, root)
    first, *others = record.listing
    Path(record.files[0].target).unlink()
    record = replace(record, listing=(replace(first, priority=0), *others))
    assert isinstance(decision(record, film, root), Restoration)


def test_a_file_that_had_stayed_and_is_gone_is_missed(root: Path) -> None:
    film = torrents.single("film.mkv")
    record = removed(film, root)
    record = replace(record, files=(replace(record.files[0], state=FileState.KEPT, target=""),))
    assert "is not at" in obstacle(record, film, root)


# What there is


def test_records_are_those_of_their_server_and_not_restored_twice(root: Path) -> None:
    film, other = torrents.single("film.mkv"), torrents.single("other.mkv")
    state = root.parent / "state"
    records = Records(state)
    ours = removed(film, root)
    for each, raw in (
        (ours, film.metainfo),
        (removed(other, root, run_id="2"), other.metainfo),
        (replace(ours, run_id="3", restored_at=NOW), film.metainfo),
    ):
        records.save(each, {f"{each.hash}.torrent": raw})
    found = stock(a_config(root), state)
    assert [each.record.run_id for each in found.torrents] == ["1", "2"]
    servers = {"1": "here", "2": "there"}
    assert [each.record.run_id for each in of_server(found, a_config(root), "here", servers)] == [
        "1"
    ]
    unknown = of_server(found, a_config(root), "here", {})
    assert len(unknown) == 2, "of runs that nobody knows any more, the root tells"
    assert not of_server(found, a_config(root.parent / "elsewhere"), "here", {})


def test_the_last_removal_counts(root: Path) -> None:
    film = torrents.single("film.mkv")
    first = removed(film, root)
    second = replace(first, run_id="2", name="Again")
    both = (Restorable(first), Restorable(second))
    assert newest(both, first.hash) == both[1]
    assert newest(both, "0" * 40) is None


def test_words_name_torrents_by_hash_beginning_or_name(root: Path) -> None:
    film, other = torrents.single("film.mkv"), torrents.single("other.mkv")
    found = [Restorable(removed(each, root)) for each in (film, other)]
    assert meant([film.hash.upper()], found) == [film.hash]
    assert meant([other.hash[:8], "OTHER.mkv"], found) == [other.hash]
    with pytest.raises(UsageError, match=r"flim\.mkv[\s\S]*film\.mkv"):
        meant(["flim.mkv"], found)
    twins = [Restorable(replace(each.record, name="Twice")) for each in found]
    with pytest.raises(UsageError, match=r"may be any of these"):
        meant(["Twice"], twins)
    with pytest.raises(UsageError, match="nothing that was removed"):
        meant(["x"], [])


# Bins of the older tool


def classic(torrent: Torrent, root: Path, **told: Any) -> None:
    """Its copies as 4.14.0 writes them, and its files in the bin."""
    folder = root / ".RecycleBin"
    export = f"{torrent.name} [{torrent.hash[-8:]}].torrent"
    for name, raw in {
        f"torrents_export/{export}": torrent.metainfo,
        f"torrents_json/{torrent.name}.json": json.dumps(
            {
                "torrent_name": torrent.name,
                "category": "films",
                "tracker_torrent_files": {"http://t.example": [export]},
                "files": [
                    path if torrent.is_single_file else f"films/{torrent.name}/{path}"
                    for path in torrent.files
                ],
                "deleted_contents": True,
                **told,
            }
        ).encode(),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    torrent.write(folder if torrent.is_single_file else folder / "films")


def test_what_the_older_tool_removed_can_be_restored(root: Path) -> None:
    film = torrents.folder("A film")
    classic(film, root)
    [found] = stock(a_config(root), root.parent / "state").torrents
    record = found.record
    assert (record.name, record.category, record.hash) == ("A film", "films", film.hash)
    assert record.save_path == f"{root}/films"
    assert {each.state for each in record.files} == {FileState.MOVED}
    decision_ = decided(found, found.copy or b"", NOTHING, a_config(root))
    assert isinstance(decision_, Restoration)
    assert set(decision_.change.files) == {f"{root}/films/A film/{path}" for path in film.files}


def test_its_fastresume_tells_the_path_the_tags_and_the_names(root: Path) -> None:
    film = torrents.folder("A film", paths=("a.mkv", "b.mkv"))
    classic(film, root, files=[])
    resume = {
        "qBt-savePath": f"{root}/kept",
        "qBt-category": "series",
        "qBt-tags": ["a", "ü"],
        "qBt-name": "Better name",
        "mapped_files": ["A film/ä.mkv", "A film/b.mkv"],
        "file_priority": [1, 0],
    }
    folder = root / ".RecycleBin/torrents"
    folder.mkdir()
    (folder / f"{film.hash}.torrent").write_bytes(film.metainfo)
    (folder / f"{film.hash}.fastresume").write_bytes(bencode(resume))
    binned = root / ".RecycleBin/kept/A film/ä.mkv"
    binned.parent.mkdir(parents=True)
    binned.write_bytes(film.files["a.mkv"])
    [found] = stock(a_config(root), root.parent / "state").torrents
    record = found.record
    assert (record.save_path, record.tags) == (f"{root}/kept", ("a", "ü"))
    assert (record.name, record.category) == ("Better name", "films")
    assert [(each.name, each.priority) for each in record.listing] == [
        ("A film/ä.mkv", 1),
        ("A film/b.mkv", 0),
    ]
    assert [each.state for each in record.files] == [FileState.MOVED, FileState.MISSING]


def test_what_qbm_has_a_record_of_is_not_listed_twice(root: Path) -> None:
    film = torrents.single("film.mkv")
    classic(film, root)
    state = root.parent / "state"
    record = removed(film, root)
    Records(state).save(record, {f"{record.hash}.torrent": film.metainfo})
    [found] = stock(a_config(root), state).torrents
    assert found.copy is None


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'{"tracker_torrent_files": 3}'])
def test_copies_that_cannot_be_read_are_passed_over(root: Path, raw: bytes) -> None:
    film = torrents.single("film.mkv")
    classic(film, root)
    (root / ".RecycleBin/torrents_json/film.mkv.json").write_bytes(raw)
    (root / ".RecycleBin/torrents_export/broken.torrent").write_bytes(raw)
    assert not stock(a_config(root), root.parent / "state").torrents, "nobody knows where it was"
