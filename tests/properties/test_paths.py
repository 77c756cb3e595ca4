"""What holds for every mapping of paths, whatever the roots and the names."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from qbm.model.paths import PathMap, is_below, key, parts

_names = st.one_of(
    st.sampled_from(
        ["tv", "tv-4k", "t", "v", "a", "TV", "é", "e\u0301", "S01", "caf\udce9", "b\\c"]
    ),
    st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=6).filter(
        lambda name: name not in {".", ".."}
    ),
)
_paths = st.lists(_names, max_size=5).map(lambda names: "/" + "/".join(names))
_untidy = st.lists(st.one_of(_names, st.sampled_from(["", ".", ".."])), min_size=1, max_size=6).map(
    "/".join
)
_maps = st.lists(st.tuples(_paths, _paths), max_size=4).map(lambda roots: PathMap(tuple(roots)))


def _inside(path: str, folder: str) -> bool:
    """The rule once more, as text: a folder is what ends in a slash."""
    one, other = (unicodedata.normalize("NFC", each).rstrip("/") + "/" for each in (path, folder))
    return one.startswith(other)


@given(_maps, _paths)
def test_a_path_is_mapped_if_and_only_if_a_root_is_above_it(paths: PathMap, path: str) -> None:
    is_covered = any(_inside(path, root) for root, _ in paths.roots)
    assert (paths.local(path) is not None) == is_covered


@given(_maps, _paths)
def test_the_local_path_is_the_root_here_and_the_relative_path(paths: PathMap, path: str) -> None:
    index, below, local = paths.root_of(path), paths.relative(path), paths.local(path)
    if index is None or local is None or below is None:
        assert (index, below, local) == (None, None, None)
        return
    assert parts(local) == parts(f"{paths.roots[index][1]}/{below}")
    assert path.rstrip("/").endswith(below)
    depths = [
        len(root.split("/")) for root, _ in paths.roots if root != "/" and _inside(path, root)
    ]
    assert len(paths.roots[index][0].split("/")) >= max(depths, default=0)


@given(_paths, _paths, st.lists(_names, max_size=4))
def test_there_and_back_is_the_same_path(root: str, here: str, names: list[str]) -> None:
    path = "/".join((root.rstrip("/"), *names)) or "/"
    local = PathMap(((root, here),)).local(path)
    assert local is not None
    back = PathMap(((here, root),)).local(local)
    assert back is not None
    assert parts(back) == parts(path)


@given(_maps, _untidy, _untidy)
def test_what_climbs_is_never_mapped(paths: PathMap, one: str, other: str) -> None:
    assert paths.local(f"/{one}/../{other}") is None


@given(_untidy)
def test_a_key_of_a_key_is_itself(path: str) -> None:
    assert key(key(path)) == key(path)
    assert key(unicodedata.normalize("NFD", path)) == key(path)


@given(_paths, _paths)
def test_below_agrees_with_the_map(path: str, folder: str) -> None:
    assert is_below(path, folder) == (PathMap(((folder, "/"),)).root_of(path) is not None)


# Servers on Windows

_on_windows = st.lists(
    st.one_of(
        st.sampled_from(["tv", "tv-4k", "S01", "TV", "é", "e\u0301", "a.b", "x y"]),
        st.text(st.characters(exclude_characters='/\\\0:*?"<>|'), min_size=1, max_size=6).filter(
            lambda name: name not in {".", ".."}
        ),
    ),
    max_size=4,
)
_anchors = st.sampled_from(["D:\\", "E:/", "\\\\nas\\share\\", "\\\\nas2\\share\\"])


@st.composite
def _spellings(draw: st.DrawFn, anchor: str, names: list[str]) -> str:
    """The same place, spelled in any of the ways that Windows takes for it."""
    text = anchor + "\\".join(names)
    if anchor[1] == ":":
        text = draw(st.sampled_from([anchor[0], anchor[0].lower()])) + text[1:]
    head = 2  # what says that it is a path of Windows
    separators = [draw(st.sampled_from("/\\")) if each in "/\\" else each for each in text[head:]]
    return text[:head] + "".join(separators) + draw(st.sampled_from(["", "/", "\\"]))


@given(st.data(), _anchors, _on_windows, _paths, _on_windows)
def test_a_place_on_windows_is_mapped_however_it_is_spelled(
    data: st.DataObject, anchor: str, root: list[str], here: str, names: list[str]
) -> None:
    paths = PathMap(((data.draw(_spellings(anchor, root)), here),))
    path = data.draw(_spellings(anchor, [*root, *names]))
    assert parts(paths.local(path) or "") == parts(f"{here}/{'/'.join(names)}")
    assert paths.relative(path) == "/".join(names)


@given(st.data(), _anchors, _on_windows, _paths, _on_windows)
def test_there_and_back_to_windows_is_the_same_place(
    data: st.DataObject, anchor: str, root: list[str], here: str, names: list[str]
) -> None:
    there = data.draw(_spellings(anchor, root))
    path = data.draw(_spellings(anchor, [*root, *names]))
    local = PathMap(((there, here),)).local(path)
    assert local is not None
    back = PathMap(((here, there),)).local(local)
    assert back is not None
    assert parts(back) == parts(path)


@given(_anchors, _on_windows, _anchors, _on_windows)
def test_nothing_of_another_folder_drive_or_share_is_mapped(
    anchor: str, root: list[str], other: str, names: list[str]
) -> None:
    paths = PathMap(((anchor + "\\".join(root), "/mnt"),))
    path = other + "\\".join(names)
    inner, outer = ([key(each.lower()) for each in names_] for names_ in (names, root))
    is_covered = anchor == other and inner[: len(outer)] == outer
    assert (paths.local(path) is not None) == is_covered


@given(_anchors, _on_windows, _names)
def test_a_path_that_is_not_of_windows_is_never_below_a_drive(
    anchor: str, root: list[str], name: str
) -> None:
    if anchor[1] == ":":
        assert PathMap(((anchor + "\\".join(root), "/mnt"),)).local(f"/{name}") is None
