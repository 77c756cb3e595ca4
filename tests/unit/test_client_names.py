"""The rules themselves are proved on real servers in ``tests/contract/test_client.py``."""

from __future__ import annotations

import pytest

from qbm.model.names import is_category_name, is_tag, tags_in


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("HD", ("HD",)),
        ("a,b", ("a", "b")),
        (" a , b ", ("a", "b")),
        ("x,,y,", ("x", "y")),
        ("a,a, a", ("a",)),
        ("HD,hd", ("HD", "hd")),
        ("inner blank", ("inner blank",)),
        ("\u00a0nbsp\u2028", ("nbsp",)),
        ("\u200bzero width", ("\u200bzero width",)),
        ("", ()),
        (" , ,", ()),
    ],
)
def test_text_is_split_into_tags_as_the_server_does(text: str, tags: tuple[str, ...]) -> None:
    assert tags_in(text) == tags


def test_only_text_that_the_server_leaves_alone_is_a_tag() -> None:
    assert is_tag("~share_limit")
    assert not any(map(is_tag, ["", " ", ",", "a,b", " a", "a\n"]))


@pytest.mark.parametrize("name", ["films", " blanks ", "a/b/c", "new\nline", "..", "all", "שלום"])
def test_a_category_may_be_called_almost_anything(name: str) -> None:
    assert is_category_name(name)


@pytest.mark.parametrize("name", ["", "/", "/a", "a/", "a//b", "a\\b", "\\"])
def test_a_category_may_not_break_the_rules_of_subcategories(name: str) -> None:
    assert not is_category_name(name)
