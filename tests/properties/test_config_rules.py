"""Rules of the config against a plain reading of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qbm.config import Config

_NAMES = st.sampled_from("abcdefg")
_KEYS = st.lists(st.sampled_from(["a", "b", "ab", "c", "other", "cc"]), min_size=1, max_size=3)
_TRACKERS = st.dictionaries(
    _KEYS.map("|".join), st.none() | st.sampled_from(["x", "y", "x,y"]), max_size=5
)


def _returns(changes: dict[str, str], start: str) -> bool:
    name = start
    for _ in changes:
        name = changes.get(name, "")
        if name == start:
            return True
    return False


@given(st.dictionaries(_NAMES, _NAMES))
def test_a_cat_change_is_refused_if_and_only_if_it_comes_back_to_a_category(
    changes: dict[str, str],
) -> None:
    try:
        Config.model_validate({"qbt": {"host": "x"}, "cat_change": changes})
    except ValidationError as error:
        starts = {each["loc"][1] for each in error.errors()}
        assert all(_returns(changes, str(start)) for start in starts)
        refused = True
    else:
        refused = False
    assert refused == any(_returns(changes, start) for start in changes)


def _plainly(trackers: dict[str, str | None], url: str) -> list[str] | None:
    """The tags by the spec's words: the first key in the URL, a|b is two, tag = the word."""
    for key, tags in trackers.items():
        for word in key.split("|"):
            if word != "other" and word in url:
                return list(dict.fromkeys((tags or word).split(",")))
    return None


def _by_entries(config: Config, url: str) -> list[str] | None:
    for entry in config.tracker.values():
        if entry is not config.other and any(word in url for word in entry.words):
            return list(entry.tags)
    return None


@given(_TRACKERS, st.text("abcd", max_size=4))
def test_the_entries_say_what_the_keys_of_the_file_say(
    trackers: dict[str, str | None], url: str
) -> None:
    config = Config.model_validate({"qbt": {"host": "x"}, "tracker": trackers})
    assert _by_entries(config, url) == _plainly(trackers, url)
    has_other = any("other" in key.split("|") for key in trackers)
    assert (config.other is not None) == has_other
