"""What a scene is made of: plain values, so that the same scene can be played to any tool.

Texts may hold placeholders: ``<config>`` and ``<library>`` (folders), ``<qbittorrent>`` and
``<nobody>`` (``host:port`` of the scene's server, and of a port where nothing listens), and
what an answer has handed out: ``<api key>``, ``<backup>``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. A ``body`` that is text is sent as it is, None is no body, else as JSON."""

    name: str
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Requests that are sent while those before them are not answered yet."""

    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same request so many times; the answers are thrown away."""

    times: int
    ask: Ask


@dataclass(frozen=True, slots=True)
class Write:
    """A file of the config folder, as a user would put it there."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A file or folder of the config folder, with all that is in it."""

    path: str


@dataclass(frozen=True, slots=True)
class Look:
    """What the tool has written: the file's text and mode are recorded, null if there is none."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class AfterFirstRun:
    """Waits until the run that the scheduler starts with has ended."""


Step = Ask | AtOnce | Repeat | Write | Remove | Look | AfterFirstRun


@dataclass(frozen=True, slots=True)
class Scene:
    """One start of the tool, and what happens then, in order."""

    name: str
    files: Mapping[str, str]
    steps: tuple[Step, ...]
    flags: tuple[str, ...] = ()


def get(name: str, path: str, **headers: str) -> Ask:
    """A GET; ``X_API_Key`` stands for the header ``X-API-Key``."""
    return Ask(name, "GET", path, headers=_dashed(headers))


def post(name: str, path: str, body: Any = None, **headers: str) -> Ask:
    """A POST; see ``sent``."""
    return sent(name, "POST", path, body, **headers)


def put(name: str, path: str, body: Any = None, **headers: str) -> Ask:
    """A PUT; see ``sent``."""
    return sent(name, "PUT", path, body, **headers)


def sent(name: str, method: str, path: str, body: Any = None, **headers: str) -> Ask:
    """A request; what is sent as JSON says so."""
    is_json = body is not None and not isinstance(body, str)
    return Ask(name, method, path, body, (JSON if is_json else {}) | _dashed(headers))


def basic(username: str, password: str) -> str:
    """The value of an ``Authorization`` header."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
