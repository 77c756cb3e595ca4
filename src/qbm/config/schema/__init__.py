"""What a config file may say: one frozen model per section (spec: config.md).

The models take what people write: every scalar may come as text ("true", "10"), one item
may stand for a list, and a key without a value means its default. Text fields take a
scalar as it is written in the file, so a tag ``1080`` or a category ``no`` stays that.

Three things are no business of a model: where in the file something stands (``loading``),
what the asked commands need (``needs``), and what is right but probably not meant
(``doubts``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    model_validator,
)

from qbm.config.schema.categories import CatChange, without_circles
from qbm.config.schema.folders import Directory, Orphaned, RecycleBin, Root
from qbm.config.schema.kinds import CategoryName, Name, Paths
from qbm.config.schema.nohardlinks import (
    GLOBAL_OPTIONS,
    NoHardlinks,
    by_category,
    with_global_options,
)
from qbm.config.schema.notifications import (
    Apprise,
    FunctionWebhooks,
    Notifiarr,
    Service,
    Webhooks,
)
from qbm.config.schema.section import Section, all_wrong
from qbm.config.schema.server import Qbt
from qbm.config.schema.settings import Commands, Settings
from qbm.config.schema.share_limits import ShareLimitGroup, numbered, tags_taken
from qbm.config.schema.trackers import (
    OTHER,
    TrackerEntry,
    TrackerMessages,
    TrackerOptions,
    entries,
    with_word,
)

__all__ = [
    "GLOBAL_OPTIONS",
    "OTHER",
    "Apprise",
    "CatChange",
    "Commands",
    "Config",
    "Directory",
    "FunctionWebhooks",
    "NoHardlinks",
    "Notifiarr",
    "Orphaned",
    "Qbt",
    "RecycleBin",
    "Root",
    "Section",
    "Service",
    "Settings",
    "ShareLimitGroup",
    "TrackerEntry",
    "TrackerMessages",
    "TrackerOptions",
    "Webhooks",
]


class Config(Section):
    """One config file: one server, and what to do there."""

    commands: Commands | None = Field(
        default=None,
        description="What a scheduled run, or one with `--run`, does; instead of the flags.",
    )
    qbt: Qbt = Field(description="The qBittorrent server.")
    settings: Settings = Field(
        default=Settings.model_construct(), description="What several commands share."
    )
    directory: Directory = Field(
        default=Directory.model_construct(), description="Where the downloads and the bins are."
    )
    cat: Mapping[CategoryName, Paths] = Field(
        default={},
        description="Category: the save path of its torrents, a pattern, or a list of both; the "
        "file's order counts.",
    )
    cat_change: Annotated[Mapping[Name, CatChange], AfterValidator(without_circles)] = Field(
        default={}, description="Category: the one that its torrents move on to."
    )
    tracker_options: Mapping[Annotated[Name, AfterValidator(with_word)], TrackerOptions] = Field(
        default={},
        alias="tracker",
        repr=False,  # people paste announce URLs, with their passkeys
        description="A part of a tracker's address: tags and category of its torrents.",
    )
    """The section ``tracker`` as written; the commands read ``tracker``."""
    tracker_messages: TrackerMessages = Field(
        default=TrackerMessages.model_construct(), description="What trackers say, and mean."
    )
    nohardlinks: Annotated[
        Mapping[Name, NoHardlinks],
        BeforeValidator(by_category),
        AfterValidator(with_global_options),
    ] = Field(default={}, description="The categories in which hard links are looked for.")
    share_limits: Annotated[Mapping[Name, ShareLimitGroup], AfterValidator(numbered)] = Field(
        default={}, description="Groups of torrents, and how long each is seeded."
    )
    """In ascending priority."""
    recyclebin: RecycleBin = Field(
        default=RecycleBin.model_construct(),
        description="What becomes of the files of removed torrents.",
    )
    orphaned: Orphaned = Field(
        default=Orphaned.model_construct(),
        description="Which files are orphans, and what becomes of them.",
    )
    apprise: Apprise = Field(
        default=Apprise.model_construct(), description="Notifications by Apprise."
    )
    notifiarr: Notifiarr = Field(
        default=Notifiarr.model_construct(), description="Notifications by Notifiarr."
    )
    webhooks: Webhooks = Field(
        default=Webhooks.model_construct(), description="Who is told about what."
    )

    _from_files: frozenset[str] = PrivateAttr(default=frozenset())

    @model_validator(mode="after")
    def _knows_what_came_from_files(self, info: ValidationInfo) -> Self:
        """The context has ``secrets``: what ``!FILE`` brought, wherever it stands now."""
        self._from_files = frozenset((info.context or {}).get("secrets", ()))
        return self

    @model_validator(mode="after")
    def _custom_tags_of_their_own(self) -> Self:
        all_wrong(
            (("share_limits", *at), error)
            for at, error in tags_taken(self.share_limits, self.settings)
        )
        return self

    @cached_property
    def tracker(self) -> Mapping[str, TrackerEntry]:
        """The tracker entries in file order, ``other`` among them.

        A word that stood under an earlier key has its meaning already, so the first stays.
        """
        found: dict[str, TrackerEntry] = {}
        for key, options in self.tracker_options.items():
            for name, entry in entries(key, options):
                found.setdefault(name, entry)
        return found

    @property
    def other(self) -> TrackerEntry | None:
        """The entry of the torrents that no word fits; the very one that ``tracker`` holds."""
        return self.tracker.get(OTHER)

    def secrets(self) -> Iterator[str]:
        """Every secret value: passwords, API keys, addresses of notifications, all of ``!FILE``."""
        yield from _secrets_in(self)
        for text in self._from_files:
            yield from dict.fromkeys((text, text.strip()))
        if self.is_from_file(self.qbt.host):
            # Errors have it as a URL, whose host is in lower case.
            url = urlsplit(self.qbt.host if "://" in self.qbt.host else f"//{self.qbt.host}")
            yield from filter(None, (url.hostname, url.netloc.lower(), url.path.rstrip("/")))

    def is_from_file(self, value: str) -> bool:
        """Whether a value of the config is what ``!FILE`` brought, and so a secret."""
        return any(value == text.strip() for text in self._from_files)


def _secrets_in(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case BaseModel():
            for _, each in value:
                yield from _secrets_in(each)
        case Mapping():
            for each in value.values():
                yield from _secrets_in(each)
        case tuple():
            for each in value:
                yield from _secrets_in(each)
        case _:
            return
