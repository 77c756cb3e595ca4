"""Files as the disk spells them, which entry they are, and whether they are whole."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from qbm.errors import DiskError
from qbm.gateways.disk import (
    can_move,
    entry,
    find,
    free_space,
    has_entries,
    is_across,
    same_entry,
    stamp,
    stands_for,
    whole_content,
)
from qbm.model.unknown import UNKNOWN
from tests.disks import as_nobody, bound, nobodys_folder, other_device, read_only, small_disk

NFC = unicodedata.normalize("NFC", "Café")
NFD = unicodedata.normalize("NFD", "Café")
TIME_NS = 1_600_000_000_123_456_789


def a_file(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# find, stamp


@pytest.mark.parametrize(("asked", "real"), [(NFC, NFD), (NFD, NFC), (NFC, NFC)])
def test_a_file_is_found_in_either_normal_form_and_answered_as_it_is(
    tmp_path: Path, asked: str, real: str
) -> None:
    a_file(tmp_path / real / "S01" / real)
    found = find(f"{tmp_path}/{asked}/S01/{asked}")
    assert found == f"{tmp_path}/{real}/S01/{real}"
    assert stamp(found) is not None


def test_the_exact_spelling_wins_where_both_are_there(tmp_path: Path) -> None:
    for name in (NFC, NFD):
        a_file(tmp_path / name)
        assert find(f"{tmp_path}/{name}") == f"{tmp_path}/{name}"


def test_of_two_that_fit_none_is_guessed(tmp_path: Path) -> None:
    other = "\u1ec7"  # ệ: three spellings
    a_file(tmp_path / unicodedata.normalize("NFD", other))
    a_file(tmp_path / "\u1eb9\u0302")
    assert find(f"{tmp_path}/{other}") is None


@pytest.mark.parametrize(
    "name", ["missing", "film/below", "x" * 256, "nul\0", "\ud800", "CAFÉ", "a/../b"]
)
def test_what_is_not_there_is_not_found(tmp_path: Path, name: str) -> None:
    a_file(tmp_path / "film")
    a_file(tmp_path / NFC)
    assert find(f"{tmp_path}/{name}") is None
    assert stamp(f"{tmp_path}/{name}") is None


def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    a_file(tmp_path / "caf\udce9")
    assert find(f"{tmp_path}/caf\udce9") == f"{tmp_path}/caf\udce9"


def test_a_dangling_link_is_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert find(f"{tmp_path}/link") == f"{tmp_path}/link"


def test_a_folder_that_may_not_be_searched_is_an_error_and_not_an_absence() -> None:
    with nobodys_folder() as folder:
        film = a_file(folder / "closed" / "film")
        (folder / "closed").chmod(0o700)
        with as_nobody():
            for ask in (find, stamp, entry, stands_for):
                with pytest.raises(DiskError, match="permission"):
                    ask(str(film))
            assert whole_content([(str(film), 7)]) is UNKNOWN
            with pytest.raises(DiskError, match="permission"):
                has_entries(str(folder / "closed"))


# entries


def test_one_entry_by_several_ways_is_one(tmp_path: Path) -> None:
    film = a_file(tmp_path / "real" / "film")
    (tmp_path / "alias").symlink_to("real")
    with bound(tmp_path / "real", tmp_path / "bound"):
        for way in ("alias/film", "bound/film", "real/../real/film", "real//film"):
            assert same_entry(str(film), f"{tmp_path}/{way}"), way
        assert not same_entry(str(film), f"{tmp_path}/bound/other")


def test_two_spellings_are_one_entry_only_if_the_disk_has_one(tmp_path: Path) -> None:
    a_file(tmp_path / "one" / NFD)
    assert same_entry(f"{tmp_path}/one/{NFC}", f"{tmp_path}/one/{NFD}")
    for name in (NFC, NFD, "film", "FILM"):
        a_file(tmp_path / "two" / name)
    assert not same_entry(f"{tmp_path}/two/{NFC}", f"{tmp_path}/two/{NFD}")
    assert not same_entry(f"{tmp_path}/two/film", f"{tmp_path}/two/FILM")


def test_hard_links_and_a_link_are_entries_of_their_own(tmp_path: Path) -> None:
    film = a_file(tmp_path / "film")
    (tmp_path / "FILM").hardlink_to(film)
    (tmp_path / "link").symlink_to(film)
    assert not same_entry(str(film), f"{tmp_path}/FILM")
    assert not same_entry(str(film), f"{tmp_path}/link")
    assert same_entry(f"{tmp_path}/link", f"{tmp_path}/link")


def test_what_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    assert same_entry(f"{tmp_path}/none/{NFC}", f"{tmp_path}/none//{NFD}")
    assert not same_entry(f"{tmp_path}/none/a", f"{tmp_path}/none/b")


def test_a_path_stands_for_its_entry_and_for_where_it_leads(tmp_path: Path) -> None:
    film = a_file(tmp_path / "film")
    (tmp_path / "link").symlink_to(film)
    (tmp_path / "folder").mkdir()
    assert stands_for(str(film)) == (entry(str(film)),)
    assert stands_for(f"{tmp_path}/link") == (entry(f"{tmp_path}/link"), entry(str(film)))
    assert stands_for(f"{tmp_path}/missing") == ()
    with bound(tmp_path / "folder", tmp_path / "bound"):
        one, other = stands_for(f"{tmp_path}/folder"), stands_for(f"{tmp_path}/bound")
        assert set(one) & set(other)


# whole content


def test_content_is_whole_if_every_file_has_its_full_size(tmp_path: Path) -> None:
    one, other = a_file(tmp_path / "one", b"12345"), a_file(tmp_path / "empty", b"")
    (tmp_path / "link").symlink_to(one)
    files = [(str(one), 5), (str(other), 0), (f"{tmp_path}/link", 5)]
    assert whole_content(files) is True
    assert whole_content([*files, (f"{tmp_path}/missing", 5)]) is False
    assert whole_content([(str(one), 6)]) is False
    assert whole_content([(str(one), 4)]) is False
    assert whole_content([(str(tmp_path), tmp_path.stat().st_size)]) is False


def test_a_link_that_leads_nowhere_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert whole_content([(f"{tmp_path}/link", 7)]) is False


def test_of_no_files_nothing_is_known() -> None:
    assert whole_content([]) is UNKNOWN


@pytest.mark.parametrize(("written", "answer"), [(0, False), (1, False), (9, True), (10, True)])
def test_a_file_that_is_mostly_holes_is_not_whole(
    tmp_path: Path, written: int, answer: bool
) -> None:
    film = tmp_path / "film"
    with film.open("wb") as opened:
        opened.seek((10 - written) << 20)
        opened.write(bytes([1]) * (written << 20))
        opened.truncate(10 << 20)
    assert whole_content([(str(film), 10 << 20)]) is answer


# room


def test_free_space_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as small:
        assert free_space(f"{small}/bin/tv") == 1 << 20
        a_file(small / "film", bytes(512 << 10))
        assert free_space(str(small)) == 512 << 10


def test_nothing_is_in_the_way_of_a_move_into_a_free_folder(tmp_path: Path) -> None:
    film = a_file(tmp_path / "film")
    assert can_move(str(film), f"{tmp_path}/bin/tv") is None
    assert can_move(f"{tmp_path}/missing", f"{tmp_path}/bin") is None
    assert not is_across(str(film), f"{tmp_path}/bin")
    with other_device(tmp_path) as elsewhere:
        assert can_move(str(film), f"{elsewhere}/bin/tv") is None
        assert is_across(str(film), f"{elsewhere}/bin/tv")


def test_room_is_asked_for_across_devices_only_and_for_all_that_comes(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as small:
        film = a_file(tmp_path / "film")
        assert can_move(str(film), str(small), 1 << 20) is None
        why = can_move(str(film), f"{small}/bin", (1 << 20) + 1)
        assert why == f"{small} has 1,048,576 bytes free, and 1,048,577 are needed there"
        inside = a_file(small / "film", bytes(900 << 10))
        assert can_move(str(inside), f"{small}/bin") is None


def test_a_file_in_the_way_and_a_read_only_disk_are_told(tmp_path: Path) -> None:
    film = a_file(tmp_path / "film")
    a_file(tmp_path / "bin")
    assert can_move(str(film), f"{tmp_path}/bin/tv") == (
        f"{tmp_path}/bin is a file, where a folder is needed"
    )
    with small_disk(tmp_path / "small") as small:
        read_only(small)
        why = can_move(str(film), f"{small}/bin")
        assert why == f"the file system of {small} is read-only"


def test_what_a_user_may_not_change_is_told() -> None:
    with nobodys_folder() as folder:
        for name in ("open", "closed"):
            a_file(folder / name / "film")
        (folder / "open").chmod(0o777)
        with as_nobody():
            _check_permissions(folder)


def _check_permissions(folder: Path) -> None:
    assert can_move(f"{folder}/closed/film", f"{folder}/open") == (
        f"no permission to change the folder {folder}/closed"
    )
    assert can_move(f"{folder}/open/film", f"{folder}/closed/bin") == (
        f"no permission to change the folder {folder}/closed"
    )
    assert can_move(f"{folder}/open/film", f"{folder}/open/bin") is None


def test_a_folder_has_entries_or_not(tmp_path: Path) -> None:
    assert has_entries(str(tmp_path)) is False
    film = a_file(tmp_path / "film")
    assert has_entries(str(tmp_path)) is True
    assert has_entries(f"{tmp_path}/missing") is False
    assert has_entries(str(film)) is False
