"""``qbm bin list`` and ``qbm orphans list`` as people use them; no server is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.change import Disposal
from qbm.store import MovedOrphan, Store
from tests.factories import a_torrent
from tests.program import qbm, write_config

_REMOVED_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class Place:
    """A config folder with its state, and a folder of downloads with its bins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "config"
        self.data = folder / "data"
        self.bin = self.data / ".RecycleBin"
        self.orphans = self.data / "orphaned_data"
        self.words = ("--config-dir", str(self.folder))
        for each in (self.bin, self.orphans):
            each.mkdir(parents=True)
        self.configure()

    def configure(self, **sections: Any) -> None:
        usual: dict[str, Any] = {
            "qbt": {"host": "127.0.0.1:1"},
            "cat": {"films": str(self.data / "films")},
            "directory": {"root_dir": str(self.data)},
        }
        write_config(self.folder, {**usual, **sections})

    def file(self, path: Path, content: bytes = b"abc") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def removed(
        self, key: str, paths: Sequence[Path], kept: bytes = b"torrent", **facts: Any
    ) -> Record:
        """Have a torrent removed, its files now at ``paths``."""
        files = [
            RecordedFile(
                name=path.name,
                size=len(path.read_bytes()),
                source=f"/data/{path.name}",
                local=str(self.data / path.name),
                target=str(path),
                stamp=disk.stamp(str(path)),
                state=FileState.MOVED,
                at=_REMOVED_AT,
            )
            for path in paths
        ]
        record = Record.of(
            a_torrent(key, **facts),
            files,
            run_id="run-1",
            reason="its tracker does not know it",
            removed_at=_REMOVED_AT,
            disposal=Disposal.RECYCLE,
        )
        return Records(self.folder).save(record, {f"{record.hash}.torrent": kept} if kept else {})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_removed_torrent_is_listed_with_its_files_in_the_bin(place: Place) -> None:
    paths = [place.file(place.bin / "films" / name, b"x" * 1024) for name in ("a", "b")]
    record = place.removed("Some Film", paths, category="films")
    place.removed("Lost", [], kept=b"")
    ended = qbm("bin", "list", *place.words)
    assert (ended.status, ended.errors) == (0, "")
    title, head, *rows = ended.output.splitlines()
    assert title == "2 torrents removed"
    assert head.split() == [
        *("Since", "(UTC)", "Torrent", "Category", "Files", "Size", "Can", "be", "restored")
    ]
    [film] = [each for each in rows if "Some Film" in each]
    assert film.startswith(f"2026-03-01 12:30  Some Film [{record.hash[:8]}]")
    assert film.split()[-5:] == ["films", "2", "2", "KiB", "yes"]
    assert "no (no .torrent kept)" in next(each for each in rows if "Lost" in each)
    assert rows[-1] == "2 files in the recycle bin (2 KiB)."


def test_a_file_that_is_gone_from_the_bin_does_not_count(place: Place) -> None:
    path = place.file(place.bin / "a")
    place.removed("Some Film", [path])
    path.unlink()
    assert qbm("bin", "list", *place.words).output.endswith(
        "0 files in the recycle bin (0 bytes).\n"
    )


def test_files_of_which_nothing_is_written_down_are_listed_by_themselves(place: Place) -> None:
    path = place.file(place.bin / "tv" / "loose.mkv")
    ended = qbm("bin", "list", *place.words)
    first, _, row, *_ = ended.output.splitlines()
    assert first == "Other files in the bin: 1 file (nothing is written down of them)"
    assert row.endswith(f"3 bytes  {path}")


def test_a_long_list_of_loose_files_is_cut_and_json_has_them_all(place: Place) -> None:
    for number in range(60):
        place.file(place.bin / f"{number}")
    assert "… and 10 more (--json lists all)" in qbm("bin", "list", *place.words).output
    assert len(qbm("bin", "list", "--json", *place.words).json["loose"]) == 60


def test_the_json_names_every_file_and_no_tracker(place: Place) -> None:
    path = place.file(place.bin / "a\udce9b")
    record = place.removed("Some Film", [path], tags=frozenset({"x"}))
    answer = qbm("bin", "list", "--json", *place.words)
    assert "tracker.example.org" not in answer.output
    [torrent] = answer.json["torrents"]
    assert torrent == {
        "hash": record.hash,
        "name": "Some Film",
        "category": "",
        "tags": ["x"],
        "removed_at": "2026-03-01T12:30:00+00:00",
        "removed_by": "run-1",
        "reason": "its tracker does not know it",
        "save_path": "/data",
        "can_restore": True,
        "size": 3,
        "files": [
            {"path": str(path), "source": str(place.data / "a\udce9b"), "size": 3},
        ],
    }
    assert (answer.json["exit_code"], answer.json["error"], answer.json["loose"]) == (0, None, [])


def test_an_empty_bin_says_so_and_nothing_is_made(place: Place) -> None:
    before = {*place.folder.rglob("*"), *place.data.rglob("*")}
    for words in (("bin", "list"), ("orphans", "list")):
        assert qbm(*words, *place.words).status == 0
    assert {*place.folder.rglob("*"), *place.data.rglob("*")} == before


def test_orphans_are_listed_with_where_they_were(place: Place) -> None:
    path, loose = place.file(place.orphans / "tv/o.mkv"), place.file(place.orphans / "loose")
    stamp = disk.stamp(str(path))
    assert stamp
    orphan = MovedOrphan(
        server="s",
        run_id="run-1",
        source=str(place.data / "tv/o.mkv"),
        target=str(path),
        stamp=stamp,
        moved_at=_REMOVED_AT,
    )
    gone = MovedOrphan(
        server="s",
        run_id="run-1",
        source="/x",
        target=str(place.orphans / "gone"),
        stamp=stamp,
        moved_at=_REMOVED_AT,
    )
    with Store.open(place.folder) as store:
        store.keep_orphans([orphan, gone])
    lines = qbm("orphans", "list", *place.words).output.splitlines()
    assert lines[0] == "1 file put away"
    assert lines[2] == f"2026-03-01 12:30  3 bytes  {orphan.source}  {path}"
    assert str(loose) in lines[6]
    assert lines[-1] == "2 orphaned files put away (6 bytes)."
    answer = qbm("orphans", "list", "--json", *place.words).json
    assert [each["source"] for each in answer["orphans"]] == [orphan.source]
    assert [each["path"] for each in answer["loose"]] == [str(loose)]


def test_a_record_that_cannot_be_read_is_told_and_the_others_are_listed(place: Place) -> None:
    place.removed("Fine", [])
    broken = Records(place.folder).folder("run-1", place.removed("Broken", []).hash)
    (broken / "manifest.json").write_text("{")
    ended = qbm("bin", "list", *place.words)
    assert ended.status == 0
    assert f"warning: {broken / 'manifest.json'}: " in ended.errors
    assert "Fine" in ended.output


def test_a_wrong_config_is_told_with_its_place_and_ends_with_2(place: Place) -> None:
    place.configure(recyclebin={"empty_after_x_days": "soon"})
    ended = qbm("bin", "list", *place.words)
    assert ended.status == 2
    assert "recyclebin.empty_after_x_days" in ended.errors
    assert qbm("bin", "list", "--json", *place.words).json["exit_code"] == 2


@pytest.mark.parametrize("words", [("bin",), ("orphans",)])
def test_without_a_command_the_help_names_them(words: tuple[str, ...]) -> None:
    ended = qbm(*words)
    assert "list" in ended.output + ended.errors


def test_where_nobody_can_be_asked_the_bin_is_not_emptied(place: Place) -> None:
    path = place.file(place.bin / "a")
    ended = qbm("bin", "empty", *place.words)
    assert (ended.status, ended.output) == (2, "")
    assert "--yes" in ended.errors
    assert path.exists()


def test_less_than_no_days_are_refused(place: Place) -> None:
    assert qbm("bin", "empty", "--older-than=-1", "--yes", *place.words).status == 2
