"""A request and its answer, without HTTP around them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from msgspec import Struct, field

from qbm.simulator.profiles import ErrorBody, Profile

JSON_TYPE = "application/json"
CUT = -1
"""The status of a request whose connection is cut instead of an answer."""


class Call(Struct, frozen=True, kw_only=True):
    """One request; ``path`` is what follows ``/api/v2/``, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    files: tuple[bytes, ...] = ()
    """What was uploaded with the form, whatever the fields are called."""
    is_form: bool = True
    """Its body is empty or a form; qBittorrent takes nothing else."""

    @property
    def params(self) -> Mapping[str, str]:
        """The query of a GET, the form of a POST: a POST's query is not looked at."""
        return self.form if self.method == "POST" else self.query


class Answer(Struct, frozen=True, kw_only=True):
    """What goes back; ``set_cookie`` is the whole value of that header."""

    status: int = 200
    body: bytes = b""
    content_type: str = ""
    set_cookie: str = ""


class RefusedError(Exception):
    """A call that is answered with an error: ``status``, and the text if it has one."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


def json_answer(value: object) -> Answer:
    """``value`` as JSON."""
    return Answer(body=msgspec.json.encode(value), content_type=JSON_TYPE)


def text_answer(profile: Profile, text: str = "", status: int = 200) -> Answer:
    """Plain text; a 204 has no type."""
    kind = "" if status == HTTPStatus.NO_CONTENT else profile.text_type
    return Answer(status=status, body=text.encode(), content_type=kind)


def error_answer(profile: Profile, status: int, text: str = "") -> Answer:
    """An error as the generation words it; the newest ones give the phrase where it is silent."""
    if not text and profile.error_body is ErrorBody.EMPTY:
        return Answer(status=status)
    return text_answer(profile, text or HTTPStatus(status).phrase, status)
