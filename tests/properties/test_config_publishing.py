"""Editors take whatever we take: the JSON Schema against the loader, on drawn configs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from qbm.config import Kind, load
from qbm.config.publishing import json_schema
from tests.as_editors_do import complaint

_SCALARS = st.sampled_from(
    [
        *("true", "no", "'on'", '"1"', "0", "1", "-1", "-2", "2.5", "'10'", "~", "", "''"),
        *(
            "text",
            "a, b",
            "1080",
            "1e3",
            "30d",
            "1h30",
            "200MB",
            "Stop",
            "~share_limit",
            "2024-01-01",
        ),
        *(
            "apprise",
            "http://x.example/y",
            "json://x",
            "/data/x",
            "/data/*",
            "!ENV VALUE",
            "!ENV NONE",
        ),
    ]
)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3).map(lambda items: f"[{', '.join(items)}]")
_SCHEMA = json_schema()


def _section(name: str) -> st.SearchStrategy[str]:
    """Some keys of a section with values of any kind, in the flow style of YAML."""
    keys = [
        key for key, value in _SCHEMA["$defs"][name]["properties"].items() if "$ref" not in value
    ]
    pairs = st.dictionaries(st.sampled_from(keys), _VALUES, min_size=1, max_size=2)
    return pairs.map(_flow)


def _flow(pairs: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"


def _entries(name: str) -> st.SearchStrategy[str]:
    return st.dictionaries(
        st.sampled_from(["a", "b", "global_options"]), _section(name) | _VALUES, max_size=2
    ).map(_flow)


_CONFIGS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {"qbt": st.just("{host: localhost}"), "cat": st.just("{films: /data}")},
    optional={
        "settings": _section("Settings"),
        "commands": _section("Commands"),
        "directory": _section("Directory"),
        "cat_change": _entries("CatChange"),
        "tracker": _entries("TrackerOptions"),
        "tracker_messages": _section("TrackerMessages"),
        "nohardlinks": _entries("NoHardlinks") | _VALUES,
        "share_limits": _entries("ShareLimitGroup"),
        "recyclebin": _section("RecycleBin"),
        "orphaned": _section("Orphaned"),
        "apprise": _section("Apprise"),
        "notifiarr": _section("Notifiarr"),
        "webhooks": _section("Webhooks"),
    },
)


def _some(sections: dict[str, str], kept: list[str]) -> dict[str, Any]:
    return {key: value for key, value in sections.items() if key in ("qbt", "cat", *kept)}


@given(_CONFIGS, st.lists(st.sampled_from([*_SCHEMA["properties"]]), min_size=1, max_size=2))
def test_an_editor_takes_whatever_we_take(sections: dict[str, str], kept: list[str]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in _some(sections, kept).items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yml"
        path.write_text(text, encoding="utf-8")
        loaded = load(path, {"VALUE": "x"})
    is_taken = loaded.config is not None
    has_unknown = any(each.kind is Kind.UNKNOWN_KEY for each in loaded.warnings)
    event(f"taken: {is_taken and not has_unknown}")
    if is_taken and not has_unknown:
        assert complaint(text) == "", text
