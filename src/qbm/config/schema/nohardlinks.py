"""``nohardlinks``: the categories to look for hard links in."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from qbm.config.schema.kinds import Tags, split_text
from qbm.config.schema.section import Section, wrong

GLOBAL_OPTIONS = "global_options"
"""The key under ``nohardlinks`` that is no category: its options are those of all."""


class NoHardlinks(Section):
    """What stands under a category of ``nohardlinks``, or under ``global_options``."""

    exclude_tags: Tags = Field(
        default=(),
        description="Torrents with one of these tags are not looked at. Those of "
        "`global_options` count for every category.",
    )
    ignore_root_dir: bool = Field(
        default=True,
        description="Hard links inside `root_dir` and the bins do not count. `false`: any second "
        "link counts.",
    )
    ignore_category_dir: bool = Field(
        default=False, description="Hard links inside the category's own folders do not count."
    )


def by_category(given: object) -> object:
    """A list of categories, or text with commas, as a mapping; an item may map to its options."""
    if given is None or isinstance(given, Mapping):
        return given
    entries: dict[object, object] = {}
    for item in split_text(given):
        if isinstance(item, (list, tuple)):
            raise wrong("a list within the list", "names of categories, each with its options")
        new = item if isinstance(item, Mapping) else {item: None}
        if not entries.keys().isdisjoint(new):
            raise wrong("a category stands here twice", "each category once")
        entries |= new
    return entries


def with_global_options(given: Mapping[str, NoHardlinks]) -> Mapping[str, NoHardlinks]:
    """The categories, each with the options that ``global_options`` gives to all."""
    shared = given.get(GLOBAL_OPTIONS, NoHardlinks.model_construct())
    return {
        category: _merged(shared, own)
        for category, own in given.items()
        if category != GLOBAL_OPTIONS
    }


def _merged(shared: NoHardlinks, own: NoHardlinks) -> NoHardlinks:
    """Tags of both; of the other options its own where it has one."""
    options = {name: getattr(own, name) for name in own.model_fields_set}
    tags = tuple(dict.fromkeys((*shared.exclude_tags, *own.exclude_tags)))
    return shared.model_copy(update={**options, "exclude_tags": tags})
