"""Reasons: a code, its fields, and a sentence that people read."""

from __future__ import annotations

import pytest

from qbm.model.reason import Code, because, together


def test_a_reason_is_refused_without_the_fields_of_its_sentence() -> None:
    with pytest.raises(ValueError, match=r"not_complete lacks \['percent'\]"):
        because(Code.NOT_COMPLETE, state="stoppedDL")


def test_a_reason_reads_as_its_sentence_with_its_fields() -> None:
    reason = because(Code.NOT_COMPLETE, state="stoppedDL", percent=3)
    assert str(reason) == "it is not complete yet (stoppedDL, 3 %)"


def test_a_field_with_braces_is_text_like_any_other() -> None:
    assert "{x}" in str(because(Code.CATEGORY_RIGHT, category="{x}"))


def test_several_reasons_read_as_one_each_once() -> None:
    stalled, private = because(Code.TAG_STALLED), because(Code.TAG_PRIVATE)
    assert str(together([stalled, private, stalled])) == "it is stalled; it is private"
    with pytest.raises(ValueError, match="needs a reason"):
        together([])
