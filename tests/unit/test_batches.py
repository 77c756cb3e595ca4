"""Merging equal changes into requests, without changing what they lead to."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from qbm.engine.batches import Numbered, batches
from qbm.gateways.qbittorrent import MOST_HASHES
from qbm.model.change import AddTags, Change, CreateCategory, SetAutoManagement, SetCategory
from qbm.model.command import CommandName
from qbm.model.plan import Planned
from qbm.model.projection import project
from qbm.model.reason import Code, because
from tests.factories import a_hash, a_snapshot, a_torrent


def _numbered(changes: Sequence[Change]) -> list[Numbered]:
    reason = because(Code.TAG_STALLED)
    return [
        Numbered(number, Planned(change, CommandName.CAT_UPDATE, reason))
        for number, change in enumerate(changes)
    ]


def _numbers(changes: Sequence[Change]) -> list[list[int]]:
    return [[each.id for each in batch] for batch in batches(_numbered(changes))]


def test_equal_changes_of_many_torrents_are_one_request() -> None:
    a, b, c = map(a_hash, "abc")
    changes = [AddTags(a, ("x",)), AddTags(b, ("y",)), AddTags(c, ("x",))]
    assert _numbers(changes) == [[0, 2], [1]]


def test_a_category_is_created_before_it_is_used() -> None:
    changes: list[Change] = [CreateCategory("x", "/x"), SetCategory(a_hash("a"), "", "x")]
    assert _numbers(changes) == [[0], [1]]


def test_no_request_carries_more_hashes_than_a_server_bears() -> None:
    changes = [AddTags(a_hash(str(number)), ("x",)) for number in range(2 * MOST_HASHES + 1)]
    assert [len(each) for each in _numbers(changes)] == [MOST_HASHES, MOST_HASHES, 1]


_HASHES = st.sampled_from([a_hash(letter) for letter in "abcdef"])
_KINDS: tuple[st.SearchStrategy[list[Change]], ...] = (
    st.dictionaries(_HASHES, st.sampled_from("xyz")).map(
        lambda chosen: [SetCategory(each, "", name) for each, name in chosen.items()]
    ),
    st.dictionaries(_HASHES, st.booleans()).map(
        lambda chosen: [SetAutoManagement(each, not on, on) for each, on in chosen.items()]
    ),
    st.dictionaries(_HASHES, st.sampled_from([("x",), ("x", "y"), ("z",)])).map(
        lambda chosen: [AddTags(each, tags) for each, tags in chosen.items()]
    ),
)
_STRETCHES = st.permutations(_KINDS).flatmap(lambda kinds: st.tuples(*kinds))


@given(_STRETCHES, st.integers(1, 4))
def test_batches_lead_to_what_the_changes_lead_to(
    stretches: tuple[list[Change], ...], most: int
) -> None:
    changes = [change for stretch in stretches for change in stretch]
    before = a_snapshot([a_torrent(letter) for letter in "abcdef"])
    in_batches = [
        each.planned.change for batch in batches(_numbered(changes), most) for each in batch
    ]
    assert sorted(map(repr, in_batches)) == sorted(map(repr, changes))
    assert project(before, in_batches) == project(before, changes)
