"""Who is tagged for having no hard link outside, and who is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from qbm.commands.tag_nohardlinks import counts, plan, wants_links
from qbm.model.change import AddTags, RemoveTags
from qbm.model.disk import Doubt, FileLinks, LinkScope
from qbm.model.links import large_files, scope_of
from qbm.model.plan import Plan
from qbm.model.reason import Code
from qbm.model.snapshot import Selection
from qbm.model.torrent import Torrent, TorrentFile
from tests.factories import NOW, a_config, a_snapshot, a_torrent


def file(links: int = 1, in_roots: int = 1, in_category: int = 1, **facts: Any) -> FileLinks:
    """A large file with that many names."""
    return FileLinks(
        path="/here/f",
        size=10,
        links=links,
        in_roots=in_roots,
        in_category=in_category,
        **facts,
    )


def film(*links: FileLinks, **facts: Any) -> Torrent:
    """A torrent of the category films."""
    return a_torrent(**{"category": "films", "links": links, **facts})


def planned(torrent: Torrent, options: Any = None, **settings: Any) -> Plan:
    """The plan for one torrent."""
    config = a_config(
        cat={"films": "/data"}, nohardlinks={"films": options or {}}, settings=settings
    )
    return plan(a_snapshot([torrent]), config, Selection(), NOW)


def verdict(torrent: Torrent, options: Any = None) -> str:
    """What becomes of the tag."""
    found = planned(torrent, options)
    if not found.planned:
        return "left"
    change = found.planned[0].change
    return "tagged" if isinstance(change, AddTags) else "untagged"


@pytest.mark.parametrize(
    ("links", "options", "outcome"),
    [
        ((file(),), {}, "tagged"),
        ((file(2, 1),), {}, "left"),
        ((file(2, 2),), {}, "tagged"),
        ((file(2, 2),), {"ignore_root_dir": False}, "left"),
        ((file(3, 2),), {}, "left"),
        ((file(), file(2, 1)), {}, "left"),
        ((file(1, 0),), {}, "tagged"),
        ((file(2, 2, 2),), {"ignore_root_dir": False, "ignore_category_dir": True}, "tagged"),
        ((file(2, 2, 1),), {"ignore_root_dir": False, "ignore_category_dir": True}, "left"),
        ((file(2, 2, 1),), {"ignore_category_dir": True}, "tagged"),
    ],
)
def test_only_links_outside_the_ignored_scope_count(
    links: tuple[FileLinks, ...], options: Any, outcome: str
) -> None:
    assert verdict(film(*links), options) == outcome


def test_a_link_that_appears_takes_the_tag_off() -> None:
    found = planned(film(file(2, 1), tags=frozenset({"noHL", "x"})))
    [only] = found.planned
    assert isinstance(only.change, RemoveTags)
    assert counts(only.change) == {"untagged_noHL": 1}
    assert "outside" in str(only.reason)


def test_a_tag_that_is_right_stays() -> None:
    assert verdict(film(file(), tags=frozenset({"noHL"}))) == "left"


@pytest.mark.parametrize("tags", [frozenset[str](), frozenset({"noHL"})])
@pytest.mark.parametrize("doubt", Doubt)
def test_one_file_in_doubt_leaves_the_torrent_as_it_is(doubt: Doubt, tags: frozenset[str]) -> None:
    assert verdict(film(file(2, 1), file(doubt=doubt), tags=tags)) == "left"


def test_more_names_seen_than_there_are_is_a_contradiction() -> None:
    assert verdict(film(file(1, 2))) == "left"


def test_nothing_seen_at_all_is_unknown() -> None:
    assert verdict(film()) == "left"
    assert verdict(a_torrent(category="films")) == "left"


def test_excluded_and_incomplete_torrents_are_not_looked_at() -> None:
    config = a_config(
        cat={"films": "/data"},
        nohardlinks={
            "global_options": {"exclude_tags": ["a"]},
            "films": {"exclude_tags": ["b"]},
        },
    )
    torrents = [
        film(hash="1" * 40, tags=frozenset({"a"})),
        film(hash="2" * 40, tags=frozenset({"b"})),
        film(hash="3" * 40, progress=0.5),
        film(hash="4" * 40),
        film(hash="5" * 40, category="Films"),
    ]
    assert wants_links(a_snapshot(torrents), config, Selection()) == ["4" * 40]


def test_a_category_without_torrents_is_said() -> None:
    found = planned(a_torrent())
    assert [each.reason.code for each in found.notices] == [Code.LINKS_CATEGORY_UNUSED]


def test_a_file_is_large_from_a_tenth_of_the_largest_on() -> None:
    files = [TorrentFile("a", 1000), TorrentFile("b", 100), TorrentFile("c", 99)]
    assert [each.name for each in large_files(files)] == ["a", "b"]
    assert large_files([TorrentFile("a", 0)]) == ()


@pytest.mark.parametrize(
    ("links", "scope"),
    [
        ([file()], LinkScope.NONE),
        ([file(2, 2)], LinkScope.TORRENTS_ONLY),
        ([file(2, 1)], LinkScope.OUTSIDE),
        ([file(3, 2)], LinkScope.BOTH),
        ([file(2, 2), file(2, 1)], LinkScope.BOTH),
    ],
)
def test_the_scope_tells_where_the_other_names_are(
    links: list[FileLinks], scope: LinkScope
) -> None:
    assert scope_of(links) is scope
