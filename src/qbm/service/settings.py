"""``qbm_settings.yml`` beside the configs: who may call, and the schedule saved through the API.

People have this file from the older tool, so it is read leniently: every key may be missing,
without a value, or written as text. What cannot be understood is an error all the same, for a
guess about who may call could let anybody in.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Struct
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from qbm.config.document import compose
from qbm.config.files import Refused, read_text
from qbm.config.mistakes import BrokenYamlError
from qbm.config.problem import InvalidConfigError, Problem
from qbm.config.texts import told
from qbm.config.values import Source, Value, Values

FILE_NAME: Final = "qbm_settings.yml"
LARGEST: Final = 256 * 1024
"""Bytes; a settings file has some hundreds."""


class Method(StrEnum):
    """How callers prove who they are."""

    NONE = "none"
    BASIC = "basic"
    API_ONLY = "api_only"


def _without_nulls(value: object) -> object:
    """A key without a value means its default."""
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if each is not None}
    return value


def _as_list(value: object) -> object:
    """One item, or several with commas, without a list around them."""
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Authentication(_Section):
    """Who may call; ``allowed_hosts`` are names by which this server may be called."""

    enabled: bool = False
    method: Method = Method.NONE
    bypass_auth_for_local: bool = False
    trusted_proxies: Texts = ()
    username: str = ""
    password_hash: str = ""
    api_key: str = ""
    allowed_hosts: Texts = ()


class SavedSchedule(_Section):
    """A schedule saved through the API; ``value`` is minutes or a cron expression."""

    type: Literal["interval", "cron"] = "interval"
    value: str = ""
    disabled: bool = False
    updated_at: str = ""


class Settings(Struct, frozen=True):
    """The file as a whole; ``schedule`` None if none was ever saved.

    ``warnings`` say what is wrong with the schedule, which must not lock anybody out.
    """

    authentication: Authentication = Authentication()
    schedule: SavedSchedule | None = None
    warnings: tuple[str, ...] = ()


class _Stamp(Struct, frozen=True):
    """By what a file's change shows."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class SettingsFile:
    """The file at ``path``, read again whenever it has changed."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self._environ = environ
        self._stamp: _Stamp | None = None
        self._settings: Settings | None = None

    def read(self) -> Settings:
        """The settings as the file has them now; the defaults if there is none.

        Raises:
            InvalidConfigError: the file cannot be read or understood.
        """
        stamp = _stamp(self.path)
        if self._settings is None or stamp != self._stamp:
            self._settings = None
            settings = _read(self.path, self._environ) if stamp else Settings()
            self._settings, self._stamp = settings, stamp
        return self._settings


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # it is there, or so it seems: reading it tells the reason
        return _Stamp(0, 0, 0, 0)
    return _Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _read(path: Path, environ: Mapping[str, str]) -> Settings:
    text = read_text(path, LARGEST)
    if isinstance(text, Refused):
        raise InvalidConfigError([Problem(str(path), *text.mark, "", text.reason, text.allowed)])
    return settings_in(text, path, environ)


def settings_in(text: str, path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings that ``text`` holds, if it is what the file at ``path`` says.

    Raises:
        InvalidConfigError: it is no YAML, or a value is none that is allowed.
    """
    try:
        tree = compose(text)
    except BrokenYamlError as error:
        problem = Problem(str(path), *error.mark, "", error.reason, error.allowed)
        raise InvalidConfigError([problem]) from error
    values = Values(Source(str(path), path.parent, environ))
    data = values.read(tree)
    if values.problems:
        raise InvalidConfigError(values.problems)
    if not isinstance(data, dict | None):
        reason, allowed = "the file is no mapping", "authentication: and schedule:"
        raise InvalidConfigError([values.problem(tree.mark, (), reason, allowed)])
    authentication = _section(Authentication, data or {}, values)
    try:
        schedule = _section(SavedSchedule, data or {}, values)
    except InvalidConfigError as error:
        return Settings(authentication or Authentication(), None, tuple(map(str, error.problems)))
    return Settings(authentication or Authentication(), schedule)


_NAMES: Final[Mapping[type[BaseModel], str]] = {
    Authentication: "authentication",
    SavedSchedule: "schedule",
}
_S = TypeVar("_S", bound=_Section)


def _section(kind: type[_S], data: Mapping[str, Value], values: Values) -> _S | None:
    """The section of that kind; None if it is not there. Raises InvalidConfigError."""
    name = _NAMES[kind]
    section = data.get(name)
    if section is None:
        return None
    try:
        return kind.model_validate(_without_nulls(section))
    except ValidationError as error:  # its text quotes secrets
        raise InvalidConfigError(
            [
                _problem(each, name, section, values)
                for each in error.errors(include_input=False, include_url=False)
            ]
        ) from None


def _problem(error: ErrorDetails, section: str, value: Value, values: Values) -> Problem:
    at = (section, *error["loc"])
    known = next(at[:end] for end in range(len(at), 0, -1) if at[:end] in values.places)
    reason, allowed = told(error, value)
    return values.problem(
        values.places[known], at, reason, str(error.get("ctx", {}).get("expected", allowed))
    )
