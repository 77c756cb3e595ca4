"""What a config file may say: one frozen model per section (spec: config.md).

The models take what people write: every scalar may come as text ("true", "10"), one item
may stand for a list, and a key without a value means its default. Text fields take a
scalar as it is written in the file, so a tag ``1080`` or a category ``no`` stays that.

Two things are no business of a model and live in ``loading``: where in the file something
stands, and the rule that ``cat`` or ``tracker`` must have an entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from qbm.config.problem import printable
from qbm.model.command import COMMANDS, CommandName
from qbm.model.names import is_category_name

OTHER = "other"
"""The key under ``tracker`` for torrents that no other key fits; not matched as a word."""


def wrong(reason: str, allowed: str) -> PydanticCustomError:
    """A finding of our own; neither text may repeat the value, which can be a secret."""
    return PydanticCustomError("qbm", "{reason}", {"reason": reason, "allowed": allowed})


def _listed(value: object) -> list[object]:
    """One item without a list is a list of one; items without a value are none."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return [item for item in items if item is not None]


def _split_at_commas(value: object) -> list[object]:
    split: list[object] = []
    for item in _listed(value):
        parts = item.split(",") if isinstance(item, str) else [item]
        split.extend(part for part in parts if not _is_blank(part))
    return split


def _without_repeats(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _without_comma(tag: str) -> str:
    if "," in tag:
        raise wrong("qBittorrent takes a tag with a comma for several tags", "a tag without comma")
    return tag


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _creatable(category: str) -> str:
    if not is_category_name(category):
        raise wrong(
            "qBittorrent cannot have a category of this name",
            "a name without \\, and with / only between two names",
        )
    return category


Name: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
CategoryName: TypeAlias = Annotated[Name, AfterValidator(_creatable)]
Tag: TypeAlias = Annotated[Name, AfterValidator(_without_comma)]
Names: TypeAlias = Annotated[
    tuple[Name, ...], BeforeValidator(_split_at_commas), AfterValidator(_without_repeats)
]
"""A list, or text with commas: a tag with a comma is several, as it is in qBittorrent."""
Paths: TypeAlias = Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=2**31)]


class Section(BaseModel):
    """A mapping with known keys; a key without a value, or with blank text, has its default."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )

    later: ClassVar[frozenset[str]] = frozenset()
    """Keys that people's files have here and that no code reads yet."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of older files, each with today's."""

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_said(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return {} if given is None else given
        known = cls.known_keys()
        said = {
            key: value for key, value in given.items() if key not in known or not _is_blank(value)
        }
        today = {cls.renamed[old]: said.pop(old) for old in cls.renamed if old in said}
        return {key: value for key, value in (today | said).items() if key not in cls.later}

    @classmethod
    def known_keys(cls) -> frozenset[str]:
        """Every key that may stand in this section, as files spell it."""
        today = (field.alias or name for name, field in cls.model_fields.items())
        return frozenset((*today, *cls.later, *cls.renamed))


class Commands(Section):
    """``commands``: what a scheduled or ``--run`` run does, instead of what the flags say."""

    cat_update: bool = False
    tag_update: bool = False
    rem_unregistered: bool = False
    tag_tracker_error: bool = False
    recheck: bool = False
    rem_orphaned: bool = False
    tag_nohardlinks: bool = False
    share_limits: bool = False
    dry_run: bool = False
    skip_cleanup: bool = False
    skip_qb_version_check: bool = False

    @property
    def names(self) -> tuple[CommandName, ...]:
        """The commands that are on, in run order."""
        return tuple(name for name in COMMANDS if getattr(self, name))


def _address(host: str) -> str:
    """``host:port`` or a URL, checked so that a slip is found before anything connects."""
    allowed = "host:port, or a URL such as https://example.org/qbittorrent"
    if re.match(r"https?:(?!//)", host, re.IGNORECASE) and not re.fullmatch(r"https?:\d+", host):
        raise wrong("it is no address: // is missing after its first colon", allowed)
    try:
        url = urlsplit(host if "://" in host else f"http://{host}")
        port = url.port
    except ValueError:
        raise wrong("it is no address", f"{allowed}; a port from 1 to 65535") from None
    if url.scheme not in ("http", "https"):
        raise wrong("it is no web address", allowed)
    if url.username is not None:
        raise wrong("it holds a user name", f"{allowed}; qbt.user and qbt.pass stand beside it")
    if not url.hostname or port == 0 or any(each.isspace() for each in host):
        raise wrong("it is no address", allowed)
    if url.query or url.fragment:
        raise wrong("it goes on after its path", f"{allowed}, without ? and #")
    return host


_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


def _certificate(value: object, info: ValidationInfo) -> bool | Path:
    """True, False, or a file, relative to the config's folder (context: ``folder``)."""
    allowed = "true, false, or the path of a file with CA certificates"
    if isinstance(value, bool):
        return value
    if not isinstance(value, (str, Path)):
        raise wrong("it is neither yes or no nor a path", allowed)
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    path = Path((info.context or {}).get("folder", ""), value)
    if "\0" in str(path) or not path.is_file():
        raise wrong("there is no such file of certificates", allowed)
    return path


class Qbt(Section):
    """``qbt``: the server, and who we are there. ``apikey`` wins over user and password.

    Certificates are not verified unless that is asked for: home servers sign their own.
    """

    host: Annotated[Name, AfterValidator(_address)]
    user: str | None = None
    password: SecretStr | None = Field(default=None, alias="pass")
    apikey: SecretStr | None = None
    verify_certificate: Annotated[bool | Path, BeforeValidator(_certificate)] = False


def _spelled_out(tag: str) -> str:
    """``share_limit`` of older files meant today's ``~share_limit``."""
    return "~share_limit" if tag == "share_limit" else tag


class Settings(Section):
    """``settings``: what several commands share."""

    renamed: ClassVar[Mapping[str, str]] = {"share_limits_suffix_tag": "share_limits_tag"}

    force_auto_tmm: bool = False
    force_auto_tmm_ignore_tags: Names = ()
    tracker_error_tag: Tag = "issue"
    nohardlinks_tag: Tag = "noHL"
    stalled_tag: Tag = "stalledDL"
    tag_stalled_torrents: bool = True
    private_tag: Tag | None = None
    share_limits_tag: Annotated[Tag, AfterValidator(_spelled_out)] = "~share_limit"
    share_limits_min_seeding_time_tag: Tag = "MinSeedTimeNotReached"
    share_limits_min_num_seeds_tag: Tag = "MinSeedsNotMet"
    share_limits_last_active_tag: Tag = "LastActiveLimitNotReached"
    cat_filter_completed: bool = True
    share_limits_filter_completed: bool = True
    tag_nohardlinks_filter_completed: bool = True
    rem_unregistered_filter_completed: bool = False
    cat_update_all: bool = True
    cat_update_use_folder_name: bool = False
    disable_qbt_default_share_limits: bool = True
    rem_unregistered_ignore_list: Names = ()
    rem_unregistered_grace_minutes: Count = 10
    rem_unregistered_max_torrents: Count = 10
    rem_unregistered_min_sightings: Count = 1
    rem_unregistered_min_age_minutes: Count = 0
    rem_unregistered_veto_hours: Count = 48
    max_removal_percent: Annotated[int, Field(ge=0, le=100)] = 20
    protect_tag: Tag | None = None


class CatChange(Section):
    """An entry of ``cat_change``: where a category's torrents go.

    They wait until ``delay_minutes`` whole minutes have passed since completion.
    """

    new_cat: CategoryName
    delay_minutes: Count = 0

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: object) -> object:
        return given if given is None or isinstance(given, Mapping) else {"new_cat": given}


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


def _without_circles(changes: Mapping[str, CatChange]) -> Mapping[str, CatChange]:
    """A circle would move its torrents in every run, for ever."""
    circles = [
        InitErrorDetails(
            type=wrong(
                f"it goes in a circle: {printable(' → '.join(circle))}",
                "a category that does not lead back here",
            ),
            loc=(circle[0],),
            input=None,
        )
        for circle in _circles(changes)
    ]
    if circles:
        raise ValidationError.from_exception_data("cat_change", circles)
    return changes


class TrackerOptions(Section):
    """What stands under a key of ``tracker``; text or a list is its tags."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"notifiarr", "unregistered", "maintenance", "outage"}
    )

    tag: Names = ()
    cat: CategoryName | None = None

    @model_validator(mode="before")
    @classmethod
    def _tags_alone(cls, given: object) -> object:
        return given if given is None or isinstance(given, Mapping) else {"tag": given}


class TrackerEntry(BaseModel):
    """A tracker entry as the commands use it: a torrent is its if a URL has one of ``words``."""

    model_config = ConfigDict(frozen=True)

    words: tuple[str, ...]
    tags: tuple[str, ...]
    cat: str | None = None


def _words(key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in key.split("|") if word.strip()))


def _with_word(key: str) -> str:
    if not _words(key):
        raise wrong("the key holds no word", "a part of a tracker's URL, or several as a|b")
    return key


def _entries(key: str, options: TrackerOptions) -> Iterator[tuple[str, TrackerEntry]]:
    """The entry of a key, or one per word where the words do not share their meaning.

    They do not if each is its own tag, or if one of them is ``other``, which is no tag: as
    ever, an ``other`` that only has a category leaves its torrents to their host's name, and
    ``tag: []`` means none.
    """
    words = _words(key)
    if options.tag and (OTHER not in words or len(words) == 1):
        name = words[0] if len(words) == 1 else key
        yield name, TrackerEntry(words=words, tags=options.tag, cat=options.cat)
        return
    for word in words:
        is_tagless = word == OTHER or "tag" in options.model_fields_set
        own = () if is_tagless else tuple(filter(None, map(str.strip, word.split(","))))
        yield word, TrackerEntry(words=(word,), tags=options.tag or own, cat=options.cat)


class Config(Section):
    """One config file: one server, and what to do there."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "directory",
            "tracker_messages",
            "nohardlinks",
            "share_limits",
            "recyclebin",
            "orphaned",
            "apprise",
            "notifiarr",
            "webhooks",
        }
    )

    commands: Commands | None = None
    qbt: Qbt
    settings: Settings = Settings()
    cat: Mapping[CategoryName, Paths] = {}
    """Category to save paths and patterns; the file's order counts."""
    cat_change: Annotated[Mapping[Name, CatChange], AfterValidator(_without_circles)] = {}
    tracker_options: Mapping[Annotated[Name, AfterValidator(_with_word)], TrackerOptions] = Field(
        default={}, alias="tracker"
    )
    """The section ``tracker`` as written; the commands read ``tracker``."""

    @cached_property
    def tracker(self) -> Mapping[str, TrackerEntry]:
        """The tracker entries in file order, ``other`` among them.

        A word that stood under an earlier key has its meaning already, so the first stays.
        """
        entries: dict[str, TrackerEntry] = {}
        for key, options in self.tracker_options.items():
            for name, entry in _entries(key, options):
                entries.setdefault(name, entry)
        return entries

    @property
    def other(self) -> TrackerEntry | None:
        """The entry of the torrents that no word fits; the very one that ``tracker`` holds."""
        return self.tracker.get(OTHER)
