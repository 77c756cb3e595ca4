"""The JSON Schema, the sample and the models say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qbm.config import SAMPLE, Kind, load
from qbm.config.publishing import json_schema
from tests.as_editors_do import complaint
from tests.unit.test_config_cases import CASES, ENVIRON

_BASE = "qbt: {host: localhost}\ncat: {films: /data}\n"


def _sections() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = json_schema()
    yield "", schema
    yield from schema["$defs"].items()


_TAKEN = [case for case in sorted(CASES.glob("*.yml")) if load(case, ENVIRON).config is not None]


@pytest.mark.parametrize("case", _TAKEN, ids=lambda path: path.stem)
def test_an_editor_takes_a_file_that_we_take_without_an_unknown_key(case: Path) -> None:
    loaded = load(case, ENVIRON)
    has_unknown = any(each.kind is Kind.UNKNOWN_KEY for each in loaded.warnings)
    assert bool(complaint(case.read_text(encoding="utf-8"))) == has_unknown


@pytest.mark.parametrize(
    "text",
    [
        "setting: {}\n",
        "settings: {stalled_tags: x}\n",
        "settings: []\n",
        "settings: {max_removal_percent: 101}\n",
        "settings: {cat_update_all: [true]}\n",
        "share_limits: {g: {max_ratios: 1}}\n",
        "share_limits: {g: {priority: 0}}\n",
        "share_limits: [g]\n",
        "nohardlinks: [films: {exclude_tag: x}]\n",
        "nohardlinks: {films: [x]}\n",
        "webhooks: {function: {cross_seed: notifiarr}}\n",
        "webhooks: {error: {a: b}}\n",
        "tracker: {x: {tags: y}}\n",
        "directory: {root_dir: {a: b}}\n",
        "recyclebin: {empty_after_x_days: -1}\n",
        "cat_change: {a: {delay_minutes: 3}}\n",
    ],
)
def test_an_editor_marks_what_is_wrong(text: str) -> None:
    assert complaint(_BASE + text)


@pytest.mark.parametrize(
    "text", ["cat: {a: /b}\n", "qbt: {host: x}\n", "qbt: {host: x}\ncat: {}\n"]
)
def test_an_editor_marks_what_is_missing(text: str) -> None:
    assert complaint(text)


def test_every_key_is_described() -> None:
    for section, schema in _sections():
        for key, value in schema["properties"].items():
            assert value["description"].endswith("."), f"{section}.{key}"


def test_older_keys_are_marked_as_such() -> None:
    older = {
        (section, key)
        for section, schema in _sections()
        for key, value in schema["properties"].items()
        if value.get("deprecated")
    }
    assert ("Settings", "share_limits_suffix_tag") in older
    assert ("ShareLimitGroup", "last_active") in older
    assert {key for section, key in older if section == "Webhooks"} == set(
        json_schema()["$defs"]["FunctionWebhooks"]["properties"]
    )


def test_defaults_are_told_as_a_file_would_have_them() -> None:
    group = json_schema()["$defs"]["ShareLimitGroup"]["properties"]
    defaults = {key: group[key]["default"] for key in group if "default" in group[key]}
    assert (defaults["max_ratio"], defaults["min_seeding_time"], defaults["priority"]) == (
        -1,
        0,
        None,
    )
    assert (defaults["share_limit_action"], defaults["cleanup"]) == ("Default", False)


def test_the_sample_has_every_key_and_an_editor_takes_it() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    named = set(re.findall(r"^ *(?:# *)*(\w+):", text, re.MULTILINE))
    for section, schema in _sections():
        keys = {key for key, value in schema["properties"].items() if not value.get("deprecated")}
        assert keys <= named, section
    assert "global_options" in named
    assert complaint(text) == ""


def test_the_sample_is_right_with_its_comments_taken_away(tmp_path: Path) -> None:
    """What is commented out there is an example, so it must hold as well."""
    text = SAMPLE.read_text(encoding="utf-8")
    path = tmp_path / "config.yml"
    head, nohardlinks, rest = text.partition("nohardlinks:\n")
    path.write_text(head + nohardlinks + _uncommented(rest), encoding="utf-8")
    for name in ("notify_url", "notifiarr_apikey"):
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / name).write_text("json://x.example", encoding="utf-8")
    loaded = load(path, {})
    assert (loaded.problems, loaded.warnings) == ((), ())
    assert list(loaded.required().share_limits) == ["unlinked", "rest"]
    assert list(loaded.required().nohardlinks) == ["films", "series"]


def _uncommented(text: str) -> str:
    """The text with each comment that is YAML, and not prose, as what it is."""
    return re.sub(
        r"^( *)# ((?: *)(?:#.*|(?!true|false)\w+:(?: .*)?))$", r"\1\2", text, flags=re.MULTILINE
    )
