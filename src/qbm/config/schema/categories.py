"""``cat_change``: from one category to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from qbm.config.problem import printable
from qbm.config.schema.kinds import CategoryName, Count
from qbm.config.schema.section import Section, all_wrong, wrong


class CatChange(Section):
    """An entry of ``cat_change``: where a category's torrents go.

    They wait until ``delay_minutes`` whole minutes have passed since completion.
    """

    short: ClassVar[str] = "new_cat"

    new_cat: CategoryName = Field(description="The category to move on to.")
    delay_minutes: Count = Field(
        default=0, description="Whole minutes to wait after the torrent was completed."
    )


def without_circles(changes: Mapping[str, CatChange]) -> Mapping[str, CatChange]:
    """The changes; a circle would move its torrents in every run, for ever."""
    all_wrong(
        (
            (circle[0],),
            wrong(
                f"it goes in a circle: {printable(' → '.join(circle))}",
                "a category that does not lead back here",
            ),
        )
        for circle in _circles(changes)
    )
    return changes


def _circles(changes: Mapping[str, CatChange]) -> Iterator[tuple[str, ...]]:
    """Each circle once, as the names from its first entry in the file back to that entry."""
    done: set[str] = set()
    for start in changes:
        way: list[str] = []
        name = start
        while name in changes and name not in done:
            done.add(name)
            way.append(name)
            name = changes[name].new_cat
        if name in way:
            yield (*way[way.index(name) :], name)
