"""``apprise``, ``notifiarr`` and ``webhooks``: who is told what (spec: notifications.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from qbm.config.schema.kinds import Name, listed, without_repeats
from qbm.config.schema.section import Section, is_blank, wrong

_WEB_ADDRESS = re.compile(r"https?://[^/\s?#]\S*", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S.*", re.IGNORECASE)
_WEB_URL = "a URL with http:// or https://"


class Service(StrEnum):
    """Receivers that have a section of their own."""

    APPRISE = "apprise"
    NOTIFIARR = "notifiarr"


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _web_address(value: object) -> SecretStr:
    text = _text(value)
    if not _WEB_ADDRESS.fullmatch(text):
        raise wrong("it is no web address", _WEB_URL)
    return SecretStr(text)


def _address(value: object) -> SecretStr:
    text = _text(value)
    if not _ADDRESS.fullmatch(text):
        raise wrong("it is no address of Apprise", "a URL such as tgram://… or mailto://…")
    return SecretStr(text)


def _receiver(value: object) -> Service | SecretStr:
    text = _text(value)
    if text.lower() in tuple(Service):
        return Service(text.lower())
    if not _WEB_ADDRESS.fullmatch(text):
        raise wrong("it is no receiver", f"notifiarr, apprise, {_WEB_URL}, or a list of these")
    return SecretStr(text)


def _masked(value: Service | SecretStr) -> str:
    return value.value if isinstance(value, Service) else str(value)


_AS_TEXT = PlainSerializer(_masked, when_used="json")
_URI = WithJsonSchema({"type": "string", "format": "password"})
WebAddress: TypeAlias = Annotated[SecretStr, PlainValidator(_web_address), _AS_TEXT, _URI]
Address: TypeAlias = Annotated[SecretStr, PlainValidator(_address), _AS_TEXT, _URI]
Receiver: TypeAlias = Annotated[Service | SecretStr, PlainValidator(_receiver), _AS_TEXT, _URI]
Receivers: TypeAlias = Annotated[
    tuple[Receiver, ...], BeforeValidator(listed), AfterValidator(without_repeats)
]


class Apprise(Section):
    """``apprise``: services that Apprise knows. URLs are secrets: they hold tokens."""

    api_url: WebAddress | None = Field(
        default=None,
        description="Address of an Apprise API server. Without one the services are called "
        "directly.",
    )
    notify_url: Annotated[tuple[Address, ...], BeforeValidator(listed)] = Field(
        default=(), description="Apprise's URL of a service, or a list of them."
    )


class Notifiarr(Section):
    """``notifiarr``: the service of that name."""

    apikey: SecretStr | None = Field(default=None, description="API key of Notifiarr.")
    instance: Name | None = Field(
        default=None, description="What this machine is called at Notifiarr."
    )


class FunctionWebhooks(Section):
    """``webhooks.function``: who is told what a command did."""

    cat_update: Receivers = Field(default=(), description="Categories were set.")
    tag_update: Receivers = Field(default=(), description="Tags were added.")
    rem_unregistered: Receivers = Field(default=(), description="Torrents were removed.")
    tag_tracker_error: Receivers = Field(
        default=(), description="Tags for tracker errors were added or taken away."
    )
    recheck: Receivers = Field(default=(), description="Torrents were rechecked or started.")
    rem_orphaned: Receivers = Field(default=(), description="Orphaned files were put away.")
    tag_nohardlinks: Receivers = Field(
        default=(), description="Tags for missing hard links were added or taken away."
    )
    share_limits: Receivers = Field(default=(), description="Share limits were changed.")
    cleanup_dirs: Receivers = Field(default=(), description="Files in a bin were deleted.")


class Webhooks(Section):
    """``webhooks``: who is told about runs. A receiver's URL is a secret."""

    moved: ClassVar[frozenset[str]] = frozenset(FunctionWebhooks.model_fields)
    """Keys that older files have right here, and that stand under ``function`` today."""

    error: Receivers = Field(default=(), description="Something went wrong.")
    run_start: Receivers = Field(default=(), description="A run begins.")
    run_end: Receivers = Field(default=(), description="A run has ended, with its counts.")
    function: FunctionWebhooks = Field(
        default=FunctionWebhooks.model_construct(),
        description="What single commands did.",
    )

    @model_validator(mode="before")
    @classmethod
    def _under_function(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        function = given.get("function")
        older = {key: given[key] for key in given if key in cls.moved}
        if not older or not (
            function is None or isinstance(function, Mapping) or is_blank(function)
        ):
            return given
        today = {key: value for key, value in given.items() if key not in cls.moved}
        own = function if isinstance(function, Mapping) else {}
        return {**today, "function": {**older, **own}}

    @classmethod
    @cache
    def known_keys(cls) -> frozenset[str]:
        """Every key that may stand here, those of older files among them."""
        return super().known_keys() | cls.moved
