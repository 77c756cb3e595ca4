"""What qBittorrent could never take is refused before anything is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qbm.config import load
from tests.program import write_config

_QBT = {"host": "127.0.0.1:8080"}


def _paths(folder: Path, sections: dict[str, Any]) -> list[str]:
    loaded = load(write_config(folder, sections), {})
    assert all(each.line for each in loaded.problems)
    return [each.path for each in loaded.problems]


@pytest.mark.parametrize("name", ["tv\\hd", "movies/", "/lead", "a//b"])
def test_a_category_that_cannot_be_is_a_problem_wherever_it_is_named(
    tmp_path: Path, name: str
) -> None:
    sections = {
        "qbt": _QBT,
        "cat": {name: "/x"},
        "cat_change": {"old": name},
        "tracker": {"word": {"cat": name}},
    }
    paths = _paths(tmp_path, sections)
    assert len(paths) == 3
    assert [each.partition(".")[0] for each in paths] == ["cat", "cat_change", "tracker"]


def test_a_subcategory_is_a_category(tmp_path: Path) -> None:
    assert _paths(tmp_path, {"qbt": _QBT, "cat": {"tv/hd": "/x"}}) == []


@pytest.mark.parametrize("host", ["http:/127.0.0.1:8080", "https:home.lan"])
def test_an_address_that_lacks_a_slash_is_named(tmp_path: Path, host: str) -> None:
    assert _paths(tmp_path, {"qbt": {"host": host}, "cat": {"a": "/x"}}) == ["qbt.host"]
