"""What holds for every tree when its empty folders are removed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from qbm.gateways.disk import remove_empty_folders

_paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)
_some = st.frozensets(_paths, max_size=6)


def _all(root: Path) -> dict[str, bool]:
    return {str(each.relative_to(root)): each.is_dir() for each in root.rglob("*")}


@given(folders=_some, files=_some, named=_some, kept=_some)
def test_only_empty_folders_go_and_none_that_is_kept_or_above_one(
    folders: frozenset[str], files: frozenset[str], named: frozenset[str], kept: frozenset[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for each in folders:
            (root / each).mkdir(parents=True, exist_ok=True)
        for each in files:
            (root / each).mkdir(parents=True, exist_ok=True)
            (root / each / "file").touch()
        before = _all(root)
        keep = [name, *(f"{name}/{each}" for each in kept)]
        removed = remove_empty_folders([f"{name}/{each}" for each in named], keep=keep)
        after = _all(root)
        gone = before.keys() - after.keys()
        assert {str(Path(each).relative_to(root)) for each in removed} == gone
        assert len(removed) == len(gone)
        assert all(before[each] for each in gone), "a file went"
        for each in gone:
            assert any(other == each or other.startswith(f"{each}/") for other in named)
            assert not any(other == each or other.startswith(f"{each}/") for other in kept)
        assert remove_empty_folders([f"{name}/{each}" for each in named], keep=keep) == []
