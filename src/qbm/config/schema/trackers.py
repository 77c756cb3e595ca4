"""``tracker`` and ``tracker_messages``: what is known about trackers, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from qbm.config.schema.kinds import CategoryName, Name, Tags, Texts
from qbm.config.schema.section import Section, wrong

OTHER = "other"
"""The key under ``tracker`` for torrents that no other key fits; not matched as a word."""


class TrackerMessages(Section):
    """``tracker_messages``: words and phrases of trackers, besides those that are known."""

    unregistered: Texts = Field(
        default=(), description="More messages that mean: the tracker does not know the torrent."
    )
    maintenance: Texts = Field(
        default=(), description="More messages that mean: not now, or not the torrent's fault."
    )
    outage: Texts = Field(default=(), description="More messages that mean: the tracker is down.")


class TrackerOptions(TrackerMessages):
    """What stands under a key of ``tracker``; text or a list is its tags."""

    short: ClassVar[str] = "tag"

    tag: Tags = Field(
        default=(),
        description="Tags of its torrents. Without tags: the word of the key itself.",
    )
    cat: CategoryName | None = Field(
        default=None, description="Category of its torrents; wins over their save path."
    )
    notifiarr: Name | None = Field(
        default=None, description="What Notifiarr calls this tracker (its indexer)."
    )


class TrackerEntry(BaseModel):
    """A tracker entry as the commands use it: a torrent is its if a URL has one of ``words``.

    ``messages`` are the tracker's own, besides those for all trackers.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    words: tuple[str, ...]
    tags: tuple[str, ...]
    cat: str | None = None
    notifiarr: str | None = None
    messages: TrackerMessages = TrackerMessages.model_construct()


def words_of(key: str) -> tuple[str, ...]:
    """The words that a key of ``tracker`` holds."""
    return tuple(dict.fromkeys(word.strip() for word in key.split("|") if word.strip()))


def with_word(key: str) -> str:
    """The key, if it holds a word."""
    if not words_of(key):
        raise wrong("the key holds no word", "a part of a tracker's URL, or several as a|b")
    return key


def entries(key: str, options: TrackerOptions) -> Iterator[tuple[str, TrackerEntry]]:
    """The entry of a key, or one per word where the words do not share their meaning.

    They do not if each is its own tag, or if one of them is ``other``, which is no tag: as
    ever, an ``other`` that only has a category leaves its torrents to their host's name, and
    ``tag: []`` means none.
    """
    words = words_of(key)
    if options.tag and (OTHER not in words or len(words) == 1):
        name = words[0] if len(words) == 1 else key
        yield name, _entry(words, options.tag, options)
        return
    for word in words:
        is_tagless = word == OTHER or "tag" in options.model_fields_set
        own = () if is_tagless else tuple(filter(None, map(str.strip, word.split(","))))
        yield word, _entry((word,), options.tag or own, options)


def _entry(words: tuple[str, ...], tags: tuple[str, ...], options: TrackerOptions) -> TrackerEntry:
    messages = TrackerMessages.model_construct(
        **{name: getattr(options, name) for name in TrackerMessages.model_fields}
    )
    return TrackerEntry(
        words=words, tags=tags, cat=options.cat, notifiarr=options.notifiarr, messages=messages
    )
