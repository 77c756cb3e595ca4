"""Whole config files of ``tests/cases/config``: what comes of each is in the .json beside it.

``problems`` and ``warnings`` are ``line:column path``; ``config`` is what differs from the
defaults (None if the file is refused).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qbm.config import Config, Problem, TrackerEntry, load

CASES = Path(__file__).parents[1] / "cases" / "config"
ENVIRON = {
    "QBT_SERVER": "qbittorrent:8080",
    "QBT_LOGIN": "admin",
    "QBT_PASS": "hunter2hunter2",
    "FILMS_PATH": "/data/films",
    "SERIES_PATH": "/data/series",
    "TAG_WITH_NUMBER": "1080",
    "EMPTY": "",
}
SECRET = "hunter2hunter2"
"""Every password and key in the cases; a passkey is the hex digits in their order."""
PASSKEY = "0123456789abcdef0123456789abcdef"


def _cases() -> list[Path]:
    return sorted(CASES.glob("*.yml"))


def _places(problems: tuple[Problem, ...]) -> list[str]:
    return [f"{each.line}:{each.column} {each.path}" for each in problems]


def _said(config: Config | None) -> Mapping[str, Any] | None:
    """The config as JSON, without defaults; secrets shown, paths relative to the cases."""
    if config is None:
        return None
    said: dict[str, Any] = json.loads(
        config.model_dump_json(exclude_defaults=True, exclude={"tracker_options"})
    )
    for secret in ("password", "apikey"):
        if value := getattr(config.qbt, secret):
            said["qbt"][secret] = value.get_secret_value()
    if isinstance(path := config.qbt.verify_certificate, Path):
        said["qbt"]["verify_certificate"] = str(path.relative_to(CASES))
    said["tracker"] = {key: _entry(entry) for key, entry in config.tracker.items()}
    return said


def _entry(entry: TrackerEntry) -> list[Any]:
    """Words, tags, category, and what else is not as by default."""
    more = entry.model_dump(mode="json", exclude={"words", "tags", "cat"}, exclude_defaults=True)
    return [list(entry.words), list(entry.tags), entry.cat, *([more] if more else [])]


def test_there_are_cases() -> None:
    assert len(_cases()) > 25
    assert {each.with_suffix(".yml") for each in CASES.glob("*.json")} == set(_cases())


@pytest.mark.parametrize("case", _cases(), ids=lambda path: path.stem)
def test_a_file_gives_what_its_case_says(case: Path) -> None:
    loaded = load(case, ENVIRON)
    found = {
        "problems": _places(loaded.problems),
        "warnings": _places(loaded.warnings),
        "config": _said(loaded.config),
    }
    assert found == json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", _cases(), ids=lambda path: path.stem)
def test_no_secret_is_in_any_text_about_a_file(case: Path) -> None:
    loaded = load(case, ENVIRON)
    texts = [repr(loaded), *map(str, loaded.problems), *map(str, loaded.warnings)]
    assert not [text for text in texts if SECRET in text or PASSKEY in text]
