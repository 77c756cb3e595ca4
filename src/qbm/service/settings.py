"""``qbm_settings.yml`` beside the configs: who may call, and the schedule saved through the API.

People have this file from the older tool, so it is read leniently: every key may be missing,
without a value, or written as text. What cannot be understood about who may call is an error
all the same, for a guess could let anybody in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from qbm.config.checking.texts import told
from qbm.config.editing import data_of, edited, written_anew
from qbm.config.editing.meaning import Json
from qbm.config.folder.replacing import replace_whole, write_new
from qbm.config.problem import InvalidConfigError, Problem
from qbm.config.reading.document import compose
from qbm.config.reading.files import Refused, read_text
from qbm.config.reading.mistakes import BrokenYamlError
from qbm.config.reading.values import Source, Value, Values
from qbm.config.refusals import NotReadable
from qbm.service.schedule import Kind, Schedule, read_schedule

FILE_NAME: Final = "qbm_settings.yml"
OLDER_NAME: Final = "schedule.yml"
LARGEST: Final = 256 * 1024
"""Bytes; a settings file has some hundreds."""

_OURS_ALONE: Final = 0o600


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
    """A schedule saved through the API; ``value`` is minutes or a cron expression, or ""."""

    type: Kind | None = None
    value: str = ""
    disabled: bool = False
    updated_at: str = ""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.value:
            read_schedule(self.value, self.type)
        return self

    @property
    def in_force(self) -> Schedule | None:
        """The schedule; None if it does not count."""
        return read_schedule(self.value, self.type) if self.value and not self.disabled else None


class Settings(Struct, frozen=True):
    """The file as a whole; ``schedule`` None if none was ever saved.

    ``warnings`` say what is wrong with the schedule, which must not lock anybody out.
    """

    authentication: Authentication = Authentication()
    schedule: SavedSchedule | None = None
    warnings: tuple[str, ...] = ()

    def schedule_in_force(self, usual: str) -> Schedule | None:
        """The saved schedule, else ``usual``, that of the command line; None if that is none."""
        if self.schedule and (saved := self.schedule.in_force):
            return saved
        try:
            return read_schedule(usual)
        except ValueError:  # the command line has said so
            return None


class _Stamp(Struct, frozen=True):
    """By what a file's change shows."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class SettingsFile:
    """The file at ``path``, read again whenever it has changed; one object at a time changes it.

    A ``schedule.yml`` of older versions beside it counts while no schedule is saved here.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self._older = path.with_name(OLDER_NAME)
        self._environ = environ
        self._read: tuple[object, Settings] | None = None
        self._changing = Lock()

    def read(self) -> Settings:
        """The settings as the file has them now; the defaults if there is none.

        Raises:
            InvalidConfigError: the file cannot be read or understood.
        """
        stamps = (_stamp(self.path), _stamp(self._older))
        last = self._read
        if last is not None and last[0] == stamps:
            return last[1]
        settings = self._fresh()
        self._read = (stamps, settings)
        return settings

    def save(self, section: str, changes: Mapping[str, Json]) -> None:
        """Write these keys of a section; all else in the file, comments too, stays as it is.

        Raises:
            NotReadable, NotEditable: the file is no YAML, or none that can be edited.
            NotWritable: the disk refuses; the file is as it was.
        """
        with self._changing:
            if not os.path.lexists(self.path):
                write_new(self.path, written_anew({section: dict(changes)}).encode())
                return
            text = read_text(self.path, LARGEST)
            if isinstance(text, Refused):
                raise NotReadable(f"{self.path}: {text.reason}.")
            new = _edited(text, section, changes)
            if new != text:
                with suppress(PermissionError):  # somebody else owns it; its bytes are what counts
                    self.path.chmod(_OURS_ALONE)
                replace_whole(self.path.resolve(), new.encode(), self.path.stat())

    def _fresh(self) -> Settings:
        text = _text(self.path)
        settings = settings_in(text, self.path, self._environ)
        if settings.schedule or settings.warnings:
            return settings
        try:
            return replace(settings, schedule=_older_schedule(self._older, self._environ))
        except InvalidConfigError as error:
            return replace(settings, warnings=tuple(map(str, error.problems)))


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # it is there, or so it seems: reading it tells the reason
        return _Stamp(0, 0, 0, 0)
    return _Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _text(path: Path) -> str:
    """What the file holds, "" if there is none; raises InvalidConfigError."""
    if not os.path.lexists(path):
        return ""
    text = read_text(path, LARGEST)
    if isinstance(text, Refused):
        raise InvalidConfigError([Problem(str(path), *text.mark, "", text.reason, text.allowed)])
    return text


def _edited(text: str, section: str, changes: Mapping[str, Json]) -> str:
    data = data_of(text)
    old = data.get(section)
    return edited(text, {**data, section: {**(old if isinstance(old, dict) else {}), **changes}})


def settings_in(text: str, path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings that ``text`` holds, if it is what the file at ``path`` says.

    Raises:
        InvalidConfigError: it is no YAML, or who may call cannot be understood.
    """
    values, data = _values(text, path, environ)
    authentication = _section(Authentication, "authentication", data, values)
    try:
        schedule = _section(SavedSchedule, "schedule", data, values)
        warnings: tuple[str, ...] = ()
    except InvalidConfigError as error:
        schedule, warnings = None, tuple(map(str, error.problems))
    return Settings(authentication or Authentication(), schedule, warnings)


def _older_schedule(path: Path, environ: Mapping[str, str]) -> SavedSchedule | None:
    """A schedule of its own file, straight in it or under ``schedule``; raises InvalidConfigError.

    Its value was once called ``schedule`` as well.
    """
    values, data = _values(_text(path), path, environ)
    inner = data.get("schedule")
    if isinstance(inner, dict):
        return _section(SavedSchedule, "schedule", data, values)
    if not data:
        return None
    return _section(SavedSchedule, "", {"": {"value": inner, **data}}, values)


def _values(
    text: str, path: Path, environ: Mapping[str, str]
) -> tuple[Values, Mapping[str, Value]]:
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
    return values, data or {}


_S = TypeVar("_S", bound=_Section)


def _section(kind: type[_S], name: str, data: Mapping[str, Value], values: Values) -> _S | None:
    """The section of that name; None if it is not there. Raises InvalidConfigError."""
    section = data.get(name)
    if section is None:
        return None
    try:
        return kind.model_validate(_without_nulls(section))
    except ValidationError as error:  # its text quotes secrets
        errors = error.errors(include_input=False, include_url=False)
        found = [_problem(each, name, section, values) for each in errors]
        raise InvalidConfigError(found) from None


def _problem(error: ErrorDetails, section: str, value: Value, values: Values) -> Problem:
    at = (section, *error["loc"]) if section else error["loc"]
    known = next(at[:end] for end in range(len(at), -1, -1) if at[:end] in values.places)
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return values.problem(values.places[known], at, str(context["error"]))
    reason, allowed = told(error, value)
    return values.problem(values.places[known], at, reason, str(context.get("expected", allowed)))
