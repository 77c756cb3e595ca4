"""What a run has removed comes back as it was: real servers, real files, the real command line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qbm.gateways import disk
from qbm.gateways.recycle_bin import Records
from qbm.store import MovedOrphan, Store
from tests.disks import other_device
from tests.house import STOPPED, House, files_of, shape
from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.servers import Server, StartServers, differences
from tests.lab.suites import Suite
from tests.lab.torrents import Kind, Torrent
from tests.program import Served, qbm


@pytest.fixture
def house(server: Server, tmp_path: Path) -> House:
    """One on each generation in turn."""
    made = House(server, tmp_path / "config")
    made.configure()
    return made


@pytest.fixture
def newer(trixie_server: Server, tmp_path: Path) -> House:
    """One on a newer server alone."""
    made = House(trixie_server, tmp_path / "config")
    made.configure()
    return made


def _stocked(house: House) -> list[str]:
    """Torrents of every kind, with all that a user can give them."""
    server, api = house.server, house.server.api
    films = server.save_path / "films"
    api.post("torrents/createCategory", category="films", savePath=str(films))
    single = torrents.single("línea · 日本.mkv", is_private=True)
    nested = torrents.folder("A series", paths=("one.mkv", "sub/deeper/two.mkv", "info.nfo"))
    renamed = torrents.folder("Scene.Name", paths=("a.mkv", "b.mkv"))
    hybrid = torrents.folder("Hybrid", kind=Kind.HYBRID)
    found = [
        *library.add(server, single, category="films", save_path=films, tags=["a", "b c"]),
        *library.add(server, nested, is_stopped=False, tags=["ünï"]),
        *library.add(server, renamed, is_stopped=True),
        *library.add(server, hybrid, is_stopped=False),
    ]
    api.post("torrents/setUploadLimit", hashes=found[0], limit=10240)
    api.post(
        "torrents/setShareLimits",
        hashes=found[1],
        ratioLimit=2.5,
        seedingTimeLimit=600,
        inactiveSeedingTimeLimit=-1,
        shareLimitAction="Stop",
        shareLimitsMode="Default",
    )
    api.post("torrents/rename", hash=found[2], name="Another name")
    api.post(
        "torrents/renameFile",
        hash=found[2],
        id=0,
        name="Ä.mkv",
        oldPath="Scene.Name/a.mkv",
        newPath="Scene.Name/Ä.mkv",
    )
    library.wait_for(
        lambda: [each["name"] for each in api.files(found[2])],
        lambda told: "Scene.Name/Ä.mkv" in told,
    )
    library.wait_for(lambda: api.by_hash()[found[2]]["name"], "Another name".__eq__)
    library.wait_for(lambda: api.by_hash()[found[1]]["ratio_limit"], (2.5).__eq__)
    library.saved(server, found)
    return found


def _assert_same(before: list[Any], shown: Callable[[], list[Any]]) -> None:
    """Within some seconds: a start shows late."""
    with contextlib.suppress(library.UnsettledError):
        library.wait_for(shown, before.__eq__)
    for one, other in zip(before, shown(), strict=True):
        assert one == other


def test_removed_torrents_come_back_as_they_were(house: House) -> None:
    hashes = _stocked(house)
    home = house.server.save_path
    linked = home.parent / "library.mkv"
    os.link(home / "A series/one.mkv", linked)
    before = [shape(house.server, each) for each in hashes]
    files = files_of(home)
    house.remove(*hashes)
    assert not files_of(home)
    house.restore(*hashes)
    house.settled(*hashes)
    _assert_same(before, lambda: [shape(house.server, each) for each in hashes])
    assert files_of(home) == files, "the very same files, with their hard links"
    assert (home / "A series/one.mkv").samefile(linked)
    assert not [*house.bin.rglob("*.mkv")]
    house.server.api.post("torrents/recheck", hashes="|".join(hashes))
    house.settled(*hashes)


def test_a_restored_torrent_is_as_it_was_after_a_restart_of_its_server(newer: House) -> None:
    hashes = _stocked(newer)
    before = [shape(newer.server, each) for each in hashes]
    newer.remove(*hashes)
    newer.restore(*hashes)
    newer.settled(*hashes)
    library.saved(newer.server, hashes)
    newer.server.stop()
    newer.server.start()
    newer.settled(*hashes)
    _assert_same(before, lambda: [shape(newer.server, each) for each in hashes])


def test_a_restored_torrent_can_be_removed_and_restored_again(newer: House) -> None:
    [known] = library.add(newer.server, torrents.folder("A film"))
    before = shape(newer.server, known), files_of(newer.server.save_path)
    for _ in range(2):
        newer.remove(known)
        newer.restore(known[:10])
        newer.settled(known)
    assert (shape(newer.server, known), files_of(newer.server.save_path)) == before
    assert all(each.restored_at for each in Records(newer.folder).all()[0])
    ended = qbm(*newer.words("bin", "restore", known))
    assert ended.status == 2
    assert "nothing that was removed" in ended.errors


def test_names_name_torrents_and_ambiguous_ones_are_told(newer: House) -> None:
    server = newer.server
    one = library.add(server, torrents.single("A film.mkv"), rename="Twice")
    other = library.add(server, torrents.single("B film.mkv"), rename="Twice")
    third = library.add(server, torrents.single("C film.mkv"))
    newer.remove(*one, *other, *third)
    ended = qbm(*newer.words("bin", "restore", "Twice"))
    assert ended.status == 2
    assert one[0][:8] in ended.errors
    assert other[0][:8] in ended.errors
    unknown = qbm(*newer.words("bin", "restore", "C flim.mkv"))
    assert unknown.status == 2
    assert "C film.mkv" in unknown.errors
    newer.restore("c FILM.mkv", other[0][:12])
    newer.settled(*other, *third)
    assert one[0] not in server.api.by_hash()


def test_a_dry_restore_changes_nothing_and_says_what_it_would_do(newer: House) -> None:
    [known] = library.add(newer.server, torrents.folder("A film"))
    newer.remove(known)
    before = sorted(newer.server.save_path.rglob("*"))
    ended = qbm(*newer.words("bin", "restore", "A film", "--dry-run"))
    assert ended.status == 0, ended.errors
    assert "restore, 3 files" in ended.output
    listed = qbm(*newer.words("bin", "restore", "A film", "--dry-run", "--json")).json
    [change] = listed["runs"][0]["changes"]
    assert change["change"]["hash"] == known
    assert sorted(newer.server.save_path.rglob("*")) == before
    assert not newer.server.api.torrents()


def test_a_file_in_the_way_is_never_overwritten(newer: House) -> None:
    home = newer.server.save_path
    [known] = library.add(newer.server, torrents.folder("A film"))
    newer.remove(known)
    before = sorted(newer.bin.rglob("*"))
    (home / "A film").mkdir()
    (home / "A film/one.mkv").write_bytes(b"mine")
    ended = qbm(*newer.words("bin", "restore", known))
    assert ended.status == 1
    assert "something else is at" in ended.errors
    assert "A film/one.mkv" in ended.errors
    assert (home / "A film/one.mkv").read_bytes() == b"mine"
    assert sorted(newer.bin.rglob("*")) == before
    assert not newer.server.api.torrents()


def test_a_torrent_that_is_there_is_not_restored(newer: House) -> None:
    film = torrents.folder("A film")
    [known] = library.add(newer.server, film)
    newer.remove(known)
    library.add(newer.server, film, content=Content.MISSING)
    ended = qbm(*newer.words("bin", "restore", known))
    assert ended.status == 1
    assert "qBittorrent has that torrent" in ended.errors
    assert [*newer.bin.rglob("*.mkv")]


def test_what_is_not_whole_is_restored_only_when_that_is_asked_for(newer: House) -> None:
    film = torrents.folder("A film", size=torrents.PIECE)
    [known] = library.add(newer.server, film, is_stopped=False)
    newer.remove(known)
    (newer.bin / "A film/one.mkv").unlink()
    (newer.bin / "A film/info.nfo").write_bytes(b"changed")
    ended = qbm(*newer.words("bin", "restore", known))
    assert ended.status == 1
    for told in ("one.mkv is not in the bin", "info.nfo was changed", "--partly"):
        assert told in ended.errors
    assert not newer.server.api.torrents()
    newer.restore(known, "--partly")
    [row] = library.settle(newer.server, [known], lambda row: row["progress"] > 0)
    assert row["progress"] < 1
    assert row["state"] in STOPPED, "nobody wants it to download unasked"
    assert (newer.server.save_path / "A film/sub/two.mkv").is_file()
    assert (newer.bin / "A film/info.nfo").read_bytes() == b"changed"


def test_a_file_that_another_torrent_owned_has_stayed_and_serves_again(newer: House) -> None:
    film = torrents.folder("A film", paths=("one.mkv", "both.nfo"))
    twin = Torrent(
        "A film", {"both.nfo": film.files["both.nfo"], "other.mkv": b"o" * 900}, source="twin"
    )
    [known, stays] = library.add(newer.server, film, twin)
    before = files_of(newer.server.save_path)
    newer.remove(known)
    assert (newer.server.save_path / "A film/both.nfo").is_file()
    newer.restore(known)
    newer.settled(known, stays)
    assert files_of(newer.server.save_path) == before


def test_a_category_that_is_gone_is_made_again(house: House) -> None:
    server = house.server
    films = server.save_path / "films"
    server.api.post("torrents/createCategory", category="films", savePath=str(films))
    [known] = library.add(server, torrents.single("film.mkv"), category="films", save_path=films)
    library.saved(server, [known])
    before = shape(server, known)
    house.remove(known)
    server.api.post("torrents/removeCategories", categories="films")
    house.restore(known)
    house.settled(known)
    _assert_same([before], lambda: [shape(server, known)])
    assert server.api.categories()["films"]["savePath"].rstrip("/") == str(films)


def test_files_that_were_not_wanted_stay_so(house: House) -> None:
    server = house.server
    # 4.2.5 deletes what is not wanted when the torrent goes, also if it is to leave the files.
    [known] = library.add(server, torrents.folder("A film", size=torrents.PIECE))
    server.api.post("torrents/filePrio", hash=known, id="2", priority=0)
    library.wait_for(lambda: server.api.files(known)[2]["priority"], (0).__eq__)
    library.saved(server, [known])
    before = shape(server, known)
    house.remove(known)
    house.restore(known)
    house.settled(known)
    _assert_same([before], lambda: [shape(server, known)])


def test_a_bin_on_another_device_gives_all_back(newer: House, tmp_path: Path) -> None:
    with other_device(newer.server.save_path) as far:
        newer.configure({"recycle_bin": str(far / "bin")})
        [known] = library.add(newer.server, torrents.folder("A film"))
        before = {name: each[1:] for name, each in files_of(newer.server.save_path).items()}
        newer.remove(known)
        (newer.server.save_path / "something else.txt").write_bytes(b"x")
        newer.restore(known)
        newer.settled(known)
        (newer.server.save_path / "something else.txt").unlink()
        after = {name: each[1:] for name, each in files_of(newer.server.save_path).items()}
        assert after == before
        assert not [*(far / "bin").rglob("*.mkv")]


def test_a_bin_per_save_path_gives_all_back(newer: House) -> None:
    newer.configure(recyclebin={"split_by_category": True, "save_torrents": True})
    hashes = _stocked(newer)
    before = files_of(newer.server.save_path)
    newer.remove(*hashes)
    assert [*(newer.server.save_path / "films/.RecycleBin").rglob("*.mkv")]
    newer.restore(*hashes)
    newer.settled(*hashes)
    assert files_of(newer.server.save_path) == before


def test_an_unmounted_disk_is_not_written_to(newer: House) -> None:
    home = newer.server.save_path
    newer.configure({"recycle_bin": str(home.parent / "bin")})
    [known] = library.add(newer.server, torrents.single("film.mkv"))
    newer.remove(known)
    assert not [*home.iterdir()]
    ended = qbm(*newer.words("bin", "restore", known))
    assert ended.status == 1
    assert "is empty or not there" in ended.errors
    assert [*(home.parent / "bin").rglob("film.mkv")]


def test_a_server_at_work_on_the_folder_restores_for_the_command_line(newer: House) -> None:
    [known] = library.add(newer.server, torrents.folder("A film"))
    before = files_of(newer.server.save_path)
    newer.remove(known)
    with Served(newer.folder):
        ended = newer.restore("A film")
    assert "carries this out" in ended.errors
    newer.settled(known)
    assert files_of(newer.server.save_path) == before


def test_a_bin_of_the_older_tool_is_restored_from(house: House) -> None:
    hashes = _stocked(house)
    house.configure(recyclebin={"save_torrents": True})
    before, files = [shape(house.server, each) for each in hashes], files_of(house.server.save_path)
    house.remove(*hashes)
    for record in Records(house.folder).all()[0]:
        Records(house.folder).discard(
            record.run_id, record.hash
        )  # which the older tool never wrote
    listed = qbm(*house.words("bin", "list", "--json")).json["torrents"]
    assert {each["hash"] for each in listed} >= {*hashes[:2]}
    chosen = hashes[:2]  # of the others nobody has written down the names by users
    ended = house.restore(*chosen)
    house.settled(*chosen)
    told = ("category", "save_path", "files", "progress")
    for was, each in zip(before, chosen, strict=False):
        now = shape(house.server, each)
        found = {name: now[name] for name in told}
        assert not differences({name: was[name] for name in told}, found), ended.errors
        assert now["is stopped"]
    there = files_of(house.server.save_path)
    assert all(files[name] == each for name, each in there.items())


# Orphans


def test_an_orphan_goes_back_to_where_it_was(newer: House) -> None:
    home = newer.server.save_path
    library.add(newer.server, torrents.single("film.mkv"))
    away = home / "orphaned_data"
    (away / "deep/er").mkdir(parents=True)
    (away / "deep/er/stray.mkv").write_bytes(b"stray")
    (away / "top.mkv").write_bytes(b"top")
    (home / "top.mkv").write_bytes(b"in the way")
    dry = qbm(*newer.words("orphans", "restore", str(away / "deep"), "--dry-run"))
    assert dry.status == 0, dry.errors
    assert not (home / "deep").exists()
    ended = qbm(*newer.words("orphans", "restore", str(away / "deep")))
    assert ended.status == 0, ended.errors
    assert (home / "deep/er/stray.mkv").read_bytes() == b"stray"
    assert not (away / "deep").exists()
    refused = qbm(*newer.words("orphans", "restore", str(away / "top.mkv")))
    assert refused.status == 1
    assert "something else is at" in refused.errors
    assert (home / "top.mkv").read_bytes() == b"in the way"
    unknown = qbm(*newer.words("orphans", "restore", str(home / "film.mkv")))
    assert unknown.status == 2
    assert "no orphan" in unknown.errors


def test_an_orphan_goes_back_by_its_old_name_too_and_is_forgotten(newer: House) -> None:
    home = newer.server.save_path
    library.add(newer.server, torrents.single("film.mkv"))
    stray, away = home / "stray · é.mkv", home / "orphaned_data/renamed (2).mkv"
    away.parent.mkdir()
    away.write_bytes(b"stray")
    before = away.stat().st_ino, away.stat().st_mtime_ns
    stamp = disk.stamp(str(away))
    assert stamp
    with Store.open(newer.folder) as store:
        store.keep_orphans(
            [
                MovedOrphan(
                    server="any",
                    run_id="1",
                    source=str(stray),
                    target=str(away),
                    stamp=stamp,
                    moved_at=datetime.now(UTC),
                )
            ]
        )
    with Served(newer.folder):
        ended = qbm(*newer.words("orphans", "restore", str(stray)))
    assert ended.status == 0, ended.errors
    assert (stray.stat().st_ino, stray.stat().st_mtime_ns) == before
    assert not qbm(*newer.words("orphans", "list", "--json")).json["orphans"]


def test_a_torrent_of_another_server_is_restored_there(
    start_servers: StartServers, tmp_path: Path
) -> None:
    one, other = start_servers([Suite.TRIXIE, Suite.BOOKWORM])
    folder = tmp_path / "config"
    first, second = House(one, folder), House(other, folder)
    first.configure(name="one.yml")
    second.configure(name="other.yml")
    [known] = library.add(other, torrents.folder("A film"))
    ended = qbm(*second.words("run", "share_limits"))
    assert ended.status == 0, ended.errors
    assert not other.api.torrents()
    ended = qbm(*first.words("bin", "restore", "A film"))
    assert ended.status == 0, ended.errors
    second.settled(known)
    assert not one.api.torrents()


def test_what_was_removed_by_another_name_of_the_server_is_its_own(newer: House) -> None:
    [known] = library.add(newer.server, torrents.folder("A film"))
    newer.remove(known)
    newer.configure(qbt={"host": newer.server.url, "name": "renamed"})
    newer.restore(known)
    newer.settled(known)
