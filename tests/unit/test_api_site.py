"""What the API works with: its prefix."""

from __future__ import annotations

import pytest

from qbm.api.site import base_url_of
from qbm.errors import UsageError


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("", ""),
        ("/", ""),
        ("qbm", "/qbm"),
        (" /a//b-1/ ", "/a/b-1"),
        ("/.well-known", "/.well-known"),
    ],
)
def test_a_prefix_has_a_slash_before_and_none_after(text: str, prefix: str) -> None:
    assert base_url_of(text) == prefix


@pytest.mark.parametrize(
    "text", ["a b/../x", "..", "/a/./b", "a b", "http://x", "a?b", "a%2fb", "ä"]
)
def test_what_no_path_begins_with_is_refused_by_its_flag(text: str) -> None:
    with pytest.raises(UsageError, match="--base-url"):
        base_url_of(text)
