"""Paths of the server against paths of this machine."""

from __future__ import annotations

import unicodedata

import pytest

from qbm.model.paths import PathMap, is_below, key, parts

ROOTS = PathMap((("/data", "/mnt/pool"), ("/data/tv", "/mnt/tv"), ("/films/", "/mnt/films/")))
NFC = unicodedata.normalize("NFC", "Café")
NFD = unicodedata.normalize("NFD", "Café")


@pytest.mark.parametrize(
    ("server", "local"),
    [
        ("/data/a.bin", "/mnt/pool/a.bin"),
        ("/data/tv/a.mkv", "/mnt/tv/a.mkv"),
        ("/data/tv", "/mnt/tv"),
        ("/data/tv/", "/mnt/tv"),
        ("/data//tv/./S01//a.mkv", "/mnt/tv/S01/a.mkv"),
        ("/data/tv-4k/a.mkv", "/mnt/pool/tv-4k/a.mkv"),
        ("/films/x/y", "/mnt/films/x/y"),
        ("/films", "/mnt/films/"),
    ],
)
def test_the_deepest_root_that_covers_a_path_by_component_leads_to_it(
    server: str, local: str
) -> None:
    assert ROOTS.local(server) == local


@pytest.mark.parametrize(
    "path",
    [
        "/data2/a",
        "/dat",
        "/",
        "/films4k",
        "data/a",
        "",
        ".",
        "/data/../etc",
        "/data/tv/..",
        "..",
        "D:/data/a",
    ],
)
def test_what_is_outside_all_roots_or_climbs_or_is_relative_has_no_place_here(path: str) -> None:
    assert ROOTS.local(path) is None
    assert ROOTS.root_of(path) is None
    assert ROOTS.relative(path) is None


def test_a_substring_of_a_root_is_not_the_root() -> None:
    assert PathMap((("/data/tv", "/mnt/tv"),)).local("/data/tv-4k/a.mkv") is None


def test_the_root_is_met_in_either_normal_form_and_what_is_below_keeps_its_own() -> None:
    paths = PathMap(((f"/data/{NFC}", "/mnt"),))
    assert paths.local(f"/data/{NFD}/{NFD}.mkv") == f"/mnt/{NFD}.mkv"
    assert paths.relative(f"/data/{NFD}/{NFC}.mkv") == f"{NFC}.mkv"


def test_names_that_are_no_text_go_through_unchanged() -> None:
    assert ROOTS.local("/data/caf\udce9/x") == "/mnt/pool/caf\udce9/x"


def test_relative_of_the_root_itself_is_empty() -> None:
    assert ROOTS.relative("/data/") == ""
    assert ROOTS.relative("/data/tv/S01/a") == "S01/a"
    assert ROOTS.root_of("/data/tv/S01/a") == 1


def test_of_equal_roots_the_first_counts() -> None:
    assert PathMap((("/data", "/one"), ("/data/", "/two"))).local("/data/a") == "/one/a"


def test_a_root_that_is_relative_or_climbs_covers_nothing() -> None:
    paths = PathMap((("data", "/one"), ("/data/../x", "/two")))
    assert paths.local("/data/a") is None
    assert paths.local("/x/a") is None


def test_the_root_of_the_file_system_can_be_a_root() -> None:
    assert PathMap((("/", "/mnt"),)).local("/a/b") == "/mnt/a/b"
    assert PathMap((("/data", "/"),)).local("/data/a") == "/a"


@pytest.mark.parametrize("path", ["D:\\tv\\S01\\a.mkv", "d:/tv/S01/a.mkv", "D:\\tv/S01\\a.mkv"])
def test_paths_of_windows_servers_are_understood(path: str) -> None:
    assert PathMap((("D:\\tv", "/mnt/tv"),)).local(path) == "/mnt/tv/S01/a.mkv"


@pytest.mark.parametrize("path", ["d:/DATA/tv/a.mkv", "D:\\Data\\TV\\a.mkv", "d:\\data/tv\\a.mkv"])
def test_case_does_not_count_on_windows_and_what_is_below_keeps_its_own(path: str) -> None:
    paths = PathMap((("D:\\data\\TV", "/mnt/tv"), ("D:\\data\\tv-4k", "/mnt/4k")))
    assert paths.local(path) == "/mnt/tv/a.mkv"
    assert (
        PathMap((("D:/data/tv/", "/mnt/tv"),)).local(f"{path[:-5]}Sub\\A.mkv")
        == "/mnt/tv/Sub/A.mkv"
    )
    assert paths.local("D:\\data\\TV-4K\\a.mkv") == "/mnt/4k/a.mkv"
    assert paths.local("D:\\data\\tv4k\\a.mkv") is None
    assert paths.local("E:\\data\\tv\\a.mkv") is None
    assert paths.local("/data/TV/a.mkv") is None


@pytest.mark.parametrize("root", ["\\\\nas\\tv", "\\\\NAS\\tv\\", "//nas/tv", "\\\\nas/TV"])
def test_a_share_of_a_windows_server_can_be_a_root(root: str) -> None:
    paths = PathMap(((root, "/mnt/tv"),))
    assert paths.local("\\\\nas\\tv\\S01\\a.mkv") == "/mnt/tv/S01/a.mkv"
    assert paths.local("\\\\nas\\tv") == "/mnt/tv"
    assert paths.relative("\\\\NAS\\TV\\S01") == "S01"
    assert paths.local("\\\\nas\\tv-4k\\a.mkv") is None
    assert paths.local("\\\\nas\\tv\\..\\a.mkv") is None


def test_a_whole_drive_can_be_a_root() -> None:
    for root in ("D:\\", "d:/"):
        assert PathMap(((root, "/mnt"),)).local("D:\\a\\b") == "/mnt/a/b"
        assert PathMap(((root, "/mnt"),)).local("D:\\") == "/mnt"
        assert PathMap(((root, "/mnt"),)).local("E:\\a") is None
        assert PathMap(((root, "/mnt"),)).local("D:a") is None


def test_a_backslash_is_part_of_a_name_elsewhere() -> None:
    assert parts("/data/a\\b") == ("/", "data", "a\\b")
    assert parts("\\\\nas\\tv") == ("/", "nas", "tv")


def test_a_key_is_equal_for_what_is_equal_and_keeps_what_is_not() -> None:
    assert key(f"/data//{NFD}/./x/") == key(f"/data/{NFC}/x")
    assert key("S01//a.mkv") == "S01/a.mkv"
    assert key("a/../b") == "a/../b"
    assert key("/a/../b") == "/a/../b"
    assert key("/") == "/"
    assert key("/data/A") != key("/data/a")


@pytest.mark.parametrize(
    ("path", "folder", "answer"),
    [
        ("/data/tv/a", "/data/tv", True),
        ("/data/tv", "/data/tv/", True),
        ("/data/tv-4k", "/data/tv", False),
        ("/data", "/data/tv", False),
        (f"/{NFC}/a", f"/{NFD}", True),
        ("tv/a", "tv", False),
        ("/data/tv/../x", "/data/tv", False),
    ],
)
def test_below_is_asked_by_component(path: str, folder: str, answer: bool) -> None:
    assert is_below(path, folder) is answer
