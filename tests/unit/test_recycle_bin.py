from __future__ import annotations

import json
import os
import stat
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qbm.errors import StoreError, StoreTooNew, StoreUnwritable
from qbm.gateways.disk import Stamp
from qbm.gateways.recycle_bin import (
    Bin,
    FileState,
    Record,
    RecordedFile,
    Records,
    kept_by_server,
    safe_name,
    save_classic,
)
from qbm.model.change import Disposal
from qbm.model.limit import Limit, ShareLimits
from qbm.model.paths import PathMap
from qbm.model.torrent import State
from qbm.model.unknown import UNKNOWN
from tests.factories import NOW, a_config, a_hash, a_torrent, a_tracker

HASH = a_hash("one")
ROOT = PathMap((("/data", "/mnt/data"),))
ROOTS = PathMap((("/data/tv", "/mnt/tv"), ("/more/films", "/mnt/films")))
ALIKE = PathMap((("/a/tv", "/mnt/a"), ("/b/tv", "/mnt/b")))


def a_bin(paths: PathMap = ROOT, *folders: str, is_split: bool = False) -> Bin:
    return Bin(paths, folders or ("/mnt/data/.RecycleBin",), is_split)


def first_target(recycle_bin: Bin, path: str, save_path: str = "/data/films") -> str | None:
    return next(recycle_bin.targets(path, save_path, HASH), None)


def a_record(*files: RecordedFile, key: str = "one", run_id: str = "run-1", **facts: Any) -> Record:
    return Record.of(
        a_torrent(key, **facts),
        files,
        run_id=run_id,
        reason="its tracker does not know it",
        removed_at=NOW,
        disposal=Disposal.RECYCLE,
    )


# Names


@pytest.mark.parametrize("name", ["film.mkv", "Am\u00e9lie", "a\udce9b", "..a", " ", "x" * 255])
def test_a_name_that_can_be_stays(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800", "x" * 256, "é" * 200])
def test_a_name_that_cannot_be_is_changed(name: str) -> None:
    assert safe_name(name) != name


def test_a_shortened_name_keeps_its_extension() -> None:
    assert safe_name("ä" * 200 + ".mkv").endswith(".mkv")


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_every_safe_name_can_be_one_component_of_a_path(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(os.fsencode(safe)) <= 255
    assert safe not in {".", ".."}
    assert not {"/", "\0"} & {*safe}


@settings(max_examples=200)
@given(st.lists(st.text("aé/.\0", min_size=120, max_size=300), unique=True, max_size=5))
def test_distinct_names_stay_distinct(names: list[str]) -> None:
    assert len({safe_name(each) for each in names}) == len(names)


# Places


@pytest.mark.parametrize(
    ("recycle_bin", "path", "save_path", "expected"),
    [
        (a_bin(), "/data/films/a.mkv", "/data/films", "/mnt/data/.RecycleBin/films/a.mkv"),
        (a_bin(), "/data/a.mkv", "/data", "/mnt/data/.RecycleBin/a.mkv"),
        (a_bin(ROOT, "/bin"), "/data/a/b.mkv", "/data/a", "/bin/a/b.mkv"),
        (
            a_bin(is_split=True),
            "/data/films/F/a.mkv",
            "/data/films",
            "/mnt/data/films/.RecycleBin/films/F/a.mkv",
        ),
        (a_bin(is_split=True), "/data/a.mkv", "/data", "/mnt/data/.RecycleBin/a.mkv"),
        (a_bin(is_split=True), "/data/a.mkv", "/far", "/mnt/data/.RecycleBin/a.mkv"),
        (a_bin(ROOTS, "/bin"), "/data/tv/a.mkv", "/data/tv", "/bin/tv/a.mkv"),
        (a_bin(ROOTS, "/bin"), "/more/films/a.mkv", "/more/films", "/bin/films/a.mkv"),
        (a_bin(ALIKE, "/bin"), "/b/tv/a.mkv", "/b/tv", "/bin/b-tv/a.mkv"),
        (a_bin(ROOTS, "/mnt/tv/x", "/mnt/films/x"), "/more/films/a", "/", "/mnt/films/x/a"),
        (a_bin(), "/far/a.mkv", "/data", None),
        (a_bin(), "/data/../etc/passwd", "/data", None),
        (a_bin(), "/data", "/data", None),
    ],
)
def test_a_file_goes_to_its_relative_path_in_the_bin(
    recycle_bin: Bin, path: str, save_path: str, expected: str | None
) -> None:
    assert first_target(recycle_bin, path, save_path) == expected


def test_the_bin_of_a_config_is_in_each_root() -> None:
    config = a_config(directory={"root_dir": ["/data/tv", "/more/films"]}, cat={"a": "/data/tv"})
    assert first_target(Bin.of(config), "/more/films/a") == "/more/films/.RecycleBin/a"


def test_every_place_of_a_file_is_another_one() -> None:
    targets = [*islice(a_bin().targets("/data/films/a.mkv", "/data", HASH), 20)]
    assert len(set(targets)) == 20
    assert targets[1] == f"/mnt/data/.RecycleBin/films/a [{HASH[-8:]}].mkv"


def test_a_path_too_long_for_the_bin_is_cut_to_one_name() -> None:
    path = "/data" + "/" + "/".join(["é" * 120] * 16) + "/film.mkv"
    target = first_target(a_bin(), path)
    assert target is not None
    assert len(os.fsencode(target)) < 400
    assert target.endswith(".mkv")


@pytest.fixture
def here(tmp_path: Path) -> Bin:
    (tmp_path / "bin").mkdir()
    return Bin(PathMap((("/data", str(tmp_path)),)), (str(tmp_path / "bin"),), is_split=False)


def target(recycle_bin: Bin, path: str, *taken: str) -> str:
    found = recycle_bin.target(path, "/data", HASH, taken)
    assert found is not None
    return os.path.relpath(found, recycle_bin.folders[0])


def test_a_file_keeps_apart_from_what_is_in_the_bin(here: Bin) -> None:
    (Path(here.folders[0]) / "a.mkv").write_bytes(b"another one")
    assert target(here, "/data/a.mkv") == f"a [{HASH[-8:]}].mkv"


def test_a_file_keeps_apart_from_a_dangling_link_in_the_bin(here: Bin) -> None:
    (Path(here.folders[0]) / "a.mkv").symlink_to("nowhere")
    assert target(here, "/data/a.mkv") == f"a [{HASH[-8:]}].mkv"


def test_a_file_keeps_apart_from_the_targets_of_others_in_any_case(here: Bin) -> None:
    taken = [f"{here.folders[0]}/A.MKV", f"{here.folders[0]}/a [{HASH[-8:]}].mkv"]
    assert target(here, "/data/a.mkv", *taken) == f"{HASH}/a.mkv"


def test_a_file_goes_elsewhere_where_a_file_has_the_name_of_its_folder(here: Bin) -> None:
    (Path(here.folders[0]) / "Film").write_bytes(b"a file")
    assert target(here, "/data/Film/a.mkv") == f"{HASH}/Film/a.mkv"


# Records

A_FILE = RecordedFile(
    name="Film/caf\udce9.mkv",
    size=10,
    source="/data/Film/caf\udce9.mkv",
    local="/mnt/data/Film/caf\udce9.mkv",
    target="/mnt/data/.RecycleBin/Film/caf\udce9.mkv",
    stamp=Stamp(1, 2, 10, 3),
)


def test_a_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    record = a_record(
        A_FILE,
        tags=frozenset({"b", "a"}),
        category="films",
        infohash_v1="1" * 40,
        state=State.STOPPED_UP,
        up_limit=1024,
        total_size=10,
        share_limits=ShareLimits(
            ratio_limit=1.5,
            seeding_time_limit=timedelta(minutes=5),
            inactive_seeding_time_limit=Limit.GLOBAL,
        ),
    )
    saved = Records(tmp_path).save(record, {f"{HASH}.torrent": b"d1:ai1ee"})
    assert Records(tmp_path).load("run-1", HASH) == saved == replace(record, can_restore=True)
    assert saved.is_stopped
    assert saved.trackers == (a_tracker().url,)
    assert Records(tmp_path).kept(saved) == {f"{HASH}.torrent": b"d1:ai1ee"}


def test_unknown_facts_are_left_out_of_a_record(tmp_path: Path) -> None:
    record = a_record(content_path=UNKNOWN, trackers=UNKNOWN, total_size=UNKNOWN)
    Records(tmp_path).save(record)
    assert Records(tmp_path).load("run-1", HASH) == record
    assert (record.content_path, record.trackers, record.can_restore) == ("", (), False)


def test_a_later_state_of_a_record_keeps_its_torrent(tmp_path: Path) -> None:
    records = Records(tmp_path)
    saved = records.save(a_record(A_FILE), {f"{HASH}.torrent": b"d1:ai1ee"})
    moved = replace(A_FILE, state=FileState.MOVED, at=NOW)
    records.save(replace(saved, files=(moved,)))
    again = records.load("run-1", HASH)
    assert again is not None
    assert (again.files, again.can_restore) == ((moved,), True)


def test_records_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Records(tmp_path / "state").save(a_record(), {f"{HASH}.torrent": b"d"})
    finally:
        os.umask(before)
    everything = [*(tmp_path / "state").rglob("*"), tmp_path / "state"]
    modes = {each: stat.S_IMODE(each.stat().st_mode) for each in everything}
    assert modes == {each: 0o700 if each.is_dir() else 0o600 for each in everything}
    assert len(everything) == 5


def test_a_file_half_written_by_a_killed_program_is_written_over(tmp_path: Path) -> None:
    records = Records(tmp_path)
    folder = records.folder("run-1", HASH)
    folder.mkdir(parents=True)
    (folder / ".manifest.json.new").write_bytes(b'{"version": 1, ' + b" " * 10_000)
    assert records.load("run-1", HASH) is None
    records.save(a_record())
    assert records.load("run-1", HASH) == a_record()
    assert [each.name for each in folder.iterdir()] == ["manifest.json"]


def test_all_records_are_listed_with_those_that_cannot_be_used(tmp_path: Path) -> None:
    records = Records(tmp_path)
    older = replace(a_record(key="older", run_id="run-2"), removed_at=NOW - timedelta(days=1))
    for each in (a_record(), older):
        records.save(each)
    for run_id, text in {"broken": "{", "newer": '{"version": 2}', "empty": "{}"}.items():
        folder = records.folder(run_id, HASH)
        folder.mkdir()
        (folder / "manifest.json").write_text(text)
    records.folder("cut off", HASH).mkdir()
    found, unreadable = records.all()
    assert found == [older, a_record()]
    paths = [
        str(records.folder(each, HASH) / "manifest.json") for each in ("broken", "empty", "newer")
    ]
    assert [each.path for each in unreadable] == paths
    assert all(path in each.reason for path, each in zip(paths, unreadable, strict=True))


def test_without_removals_there_are_no_records(tmp_path: Path) -> None:
    assert Records(tmp_path).all() == ([], [])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"version": 2, "hash": "x"}', StoreTooNew),
        ("not json", StoreError),
        ('["a"]', StoreError),
        ('{"version": 1}', StoreError),
    ],
)
def test_a_record_that_cannot_be_used_is_told_with_its_path(
    tmp_path: Path, text: str, error: type[StoreError]
) -> None:
    folder = Records(tmp_path).folder("run-1", HASH)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(text)
    with pytest.raises(error) as caught:
        Records(tmp_path).load("run-1", HASH)
    assert str(folder / "manifest.json") in str(caught.value)


def test_a_record_that_cannot_be_written_says_so_before_anything_is_removed(
    tmp_path: Path,
) -> None:
    (tmp_path / "removed").write_text("a file where the folder should be")
    with pytest.raises(StoreUnwritable, match="left alone"):
        Records(tmp_path).save(a_record())


def test_a_removal_that_did_not_come_about_leaves_no_record(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.save(a_record(), {f"{HASH}.torrent": b"d"})
    records.discard("run-1", HASH)
    records.discard("run-1", HASH)
    assert (records.load("run-1", HASH), records.all()) == (None, ([], []))


# What the server keeps itself


def test_the_servers_own_files_are_found_by_any_hash(tmp_path: Path) -> None:
    (tmp_path / "v1.torrent").write_bytes(b"torrent")
    (tmp_path / "v1.fastresume").write_bytes(b"resume")
    expected = {"v1.torrent": b"torrent", "v1.fastresume": b"resume"}
    assert kept_by_server(str(tmp_path), ["own", "", "v1"]) == expected


def test_a_resume_file_without_its_torrent_is_no_use(tmp_path: Path) -> None:
    (tmp_path / "own.fastresume").write_bytes(b"resume")
    assert kept_by_server(str(tmp_path), ["own"]) == {}


# The copies in the bin


def classic(folder: Path, record: Record, exported: bytes | None = b"d") -> None:
    kept = {f"{record.hash}.torrent": b"t", f"{record.hash}.fastresume": b"f"}
    save_classic(str(folder), record, ROOT, exported=exported, kept=kept, deletes_content=True)


def test_the_copies_lie_where_people_know_them(tmp_path: Path) -> None:
    record = a_record(replace(A_FILE, source="/data/Film/a.mkv"), name="Film", category="films")
    classic(tmp_path, record)
    export = f"Film [{HASH[-8:]}].torrent"
    found = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    assert found == {
        f"torrents_export/{export}",
        f"torrents/{HASH}.torrent",
        f"torrents/{HASH}.fastresume",
        "torrents_json/Film.json",
    }
    assert (tmp_path / "torrents_json" / "Film.json").read_text() == json.dumps(
        {
            "torrent_name": "Film",
            "category": "films",
            "tracker_torrent_files": {
                "https://tracker.example.org:443": [
                    export,
                    f"{HASH}.fastresume",
                    f"{HASH}.torrent",
                ]
            },
            "files": ["Film/a.mkv"],
            "deleted_contents": True,
        },
        indent=4,
    )


def test_two_torrents_of_one_name_have_a_copy_each(tmp_path: Path) -> None:
    first, second = (a_record(key=key, name="Film") for key in ("first", "second"))
    for record in (first, second, first, second):
        classic(tmp_path, record)
    names = sorted(each.name for each in (tmp_path / "torrents_json").iterdir())
    assert names == [f"Film [{second.hash[-8:]}].json", "Film.json"]


def test_a_name_that_is_a_path_stays_in_its_folder(tmp_path: Path) -> None:
    classic(tmp_path / "bin", a_record(name="../../Film"))
    assert [each.name for each in tmp_path.iterdir()] == ["bin"]
    assert len([*(tmp_path / "bin" / "torrents_json").iterdir()]) == 1


def test_no_copy_says_a_passkey(tmp_path: Path) -> None:
    tracker = a_tracker("https://me:secret@tracker.example.org/announce/PASSKEY?x=PASSKEY")
    classic(tmp_path, a_record(name="Film", trackers=(tracker,)))
    text = (tmp_path / "torrents_json" / "Film.json").read_text()
    assert "tracker.example.org" in text
    assert "PASSKEY" not in text
    assert "secret" not in text
