"""A config file read whole: its values checked, and every problem with its place.

Nothing here raises for what a file holds, and nothing writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec.structs import replace as changed
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from qbm.config.concerns import CONCERNS, Part, part_of
from qbm.config.document import compose
from qbm.config.files import Refused, read_text
from qbm.config.mistakes import BrokenYamlError
from qbm.config.problem import InvalidConfigError, Problem
from qbm.config.schema import Commands, Config
from qbm.config.texts import section_at, told
from qbm.config.values import Keys, Source, Value, Values
from qbm.model.command import COMMANDS, CommandName

LARGEST = 2**20
"""Bytes of a config file; a large one has 50,000."""

_ABSENT = ("missing", "too_short")
"""Kinds of error that only follow from a value that could not be read."""
_NO_SERVER = (("qbt",), ("qbt", "host"))
_A_SERVER: dict[str, Value] = {"qbt": {"host": "localhost"}}
"""Stands in for the one required key, so that the rest can be looked at without it."""
_KEY = ("[key]",)
"""What pydantic puts at the end of a way when it means the key, not the value."""


@dataclass(frozen=True)
class _Reading:
    """What a file says, with places; kept to judge it again for certain commands."""

    values: Values
    data: dict[str, Value]


@dataclass(frozen=True)
class Loaded:
    """A file's config, or None with the problems why not; warnings stop nothing.

    ``commands`` is the section of that name as far as it could be read, even if the rest is
    wrong: it may decide for which commands the problems matter.
    """

    config: Config | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    commands: Commands | None = None
    _reading: _Reading | None = field(default=None, repr=False, compare=False)

    def for_commands(self, asked: Collection[CommandName]) -> Loaded:
        """The same for a run of ``asked``: what only concerns other commands is a warning.

        Such a part is left out of the config, so that it has its defaults.
        """
        aside = {
            part
            for problem in self.problems
            if (part := part_of(problem.path)) and CONCERNS[part].isdisjoint(asked)
        }
        if not aside or self._reading is None:
            return self
        demoted = (
            _demoted(problem, part)
            for problem in self.problems
            if (part := part_of(problem.path)) is not None and part in aside
        )
        warnings = _in_order((*self.warnings, *demoted))
        return replace(_judged(self._reading, aside), warnings=warnings)

    def required(self) -> Config:
        """The config; raises InvalidConfigError with every problem if there is one."""
        if self.config is None:
            raise InvalidConfigError(self.problems)
        return self.config


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read a config file; ``!ENV`` looks into ``environ``, ``!FILE`` beside the file."""
    text = read_text(path, LARGEST)
    if isinstance(text, Refused):
        return Loaded(None, (Problem(str(path), *text.mark, "", text.reason, text.allowed),))
    return load_text(text, path, environ)


def load_text(text: str, path: Path, environ: Mapping[str, str]) -> Loaded:
    """What ``load`` would answer if the file at ``path`` held ``text``; nothing is written."""
    file = str(path)
    try:
        tree = compose(text)
    except BrokenYamlError as error:
        return Loaded(None, (Problem(file, *error.mark, "", error.reason, error.allowed),))
    values = Values(Source(file, path.parent, environ))
    data = values.read(tree)
    if isinstance(data, dict):
        return _judged(_Reading(values, data), aside=())
    if not values.problems:
        reason = "the file is empty" if data is None else "the file is no mapping"
        allowed = "sections such as qbt: and cat:, with keys below them"
        values.problems.append(values.problem(tree.mark, (), reason, allowed))
    return Loaded(None, tuple(values.problems), tuple(values.warnings))


def _judged(reading: _Reading, aside: Collection[Part]) -> Loaded:
    """What becomes of a reading when the parts ``aside`` are left out."""
    values = reading.values
    config, errors = _checked(_without(reading.data, aside), values.source.folder)
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    wrong = [error for error in errors if error["type"] != "extra_forbidden"]
    structural = [each for each in values.problems if part_of(each.path) not in aside]
    problems = [*structural, *_entries_missing(reading), *_password_missing(reading)]
    absent_for_a_reason = {problem.path for problem in structural}
    for error in wrong:
        problem = _problem(error, reading)
        if error["type"] not in _ABSENT or problem.path not in absent_for_a_reason:
            problems.append(problem)
    warnings = [*values.warnings, *(_problem(error, reading) for error in unknown)]
    return Loaded(
        config=None if problems else config,
        problems=_in_order(problems),
        warnings=_in_order(warnings),
        commands=config.commands if config else None,
        _reading=reading,
    )


def _checked(data: dict[str, Value], folder: Path) -> tuple[Config | None, list[ErrorDetails]]:
    """The config without what is wrong, and all that is.

    What is wrong is left out and the rest looked at again, since an entry that is wrong
    keeps the schema from the rules that look at several entries.
    """
    if data.get("qbt") is None:
        data = {**data, "qbt": {}}  # so that what is missing is its host
    found: list[ErrorDetails] = []
    left_out: set[Keys] = set()
    while True:
        try:
            return Config.model_validate(data, context={"folder": folder}), found
        except ValidationError as error:
            new = [
                each
                for each in error.errors(include_input=False, include_url=False)
                if not any(each["loc"][:end] in left_out for end in range(len(each["loc"]) + 1))
            ]
        if not new:
            return None, found
        found += new
        left_out |= {_entry(each) for each in new}
        data = _without(data, left_out)
        if not left_out.isdisjoint(_NO_SERVER):
            data |= _A_SERVER


def _entry(error: ErrorDetails) -> Keys:
    """What to leave out: an unknown key alone, else the section's key or entry around it."""
    at = error["loc"]
    return at if error["type"] == "extra_forbidden" else at[:2]


def _without(data: dict[str, Value], out: Collection[Keys]) -> dict[str, Value]:
    """The data without what stands at ``out``."""
    gone = {at[0] for at in out if len(at) == 1}
    below: dict[str | int, set[Keys]] = {}
    for at in out:
        if len(at) > 1:
            below.setdefault(at[0], set()).add(at[1:])
    return {
        key: _without(value, below.get(key, ())) if isinstance(value, dict) else value
        for key, value in data.items()
        if key not in gone
    }


def _entries_missing(reading: _Reading) -> list[Problem]:
    if reading.data.get("cat") or reading.data.get("tracker"):
        return []
    reason = "neither cat nor tracker has an entry"
    return [reading.values.problem(reading.values.places[()], (), reason, "at least one of them")]


def _password_missing(reading: _Reading) -> list[Problem]:
    """A user alone would be refused in every run, until qBittorrent bans this address."""
    said = reading.data.get("qbt")
    if not isinstance(said, dict) or not _is_text(said.get("user")):
        return []
    unreadable = {problem.path for problem in reading.values.problems}
    if any(_is_text(said.get(key)) or f"qbt.{key}" in unreadable for key in ("pass", "apikey")):
        return []
    at = ("qbt", "pass") if "pass" in said else ("qbt", "user")
    reason = "a user without a password cannot log in"
    allowed = (
        "a password that is not empty; or no user, if the server lets this machine in as it is"
    )
    return [reading.values.problem(reading.values.places[at], ("qbt", "pass"), reason, allowed)]


def _is_text(value: Value) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _demoted(problem: Problem, part: Part) -> Problem:
    """The problem as a warning, which says why it is no more than that."""
    needed = [name for name in COMMANDS if name in CONCERNS[part]]
    why = (
        f"only {needed[0]} needs this, and it was not asked for"
        if len(needed) == 1
        else f"only {', '.join(needed)} need this, and none of them was asked for"
    )
    return changed(problem, reason=f"{problem.reason}; {why}")


def _problem(error: ErrorDetails, reading: _Reading) -> Problem:
    """The error with the place that it is about, or the nearest above that is in the file."""
    values = reading.values
    at = _as_written(error["loc"], values)
    known = next(at[:end] for end in range(len(at), -1, -1) if at[:end] in values.places)
    reason, allowed = told(error, _value_at(reading.data, known))
    missing = tuple(key for key in at[len(known) :] if isinstance(key, str))
    is_about_key = missing or error["type"] == "extra_forbidden" or error["loc"][-1:] == _KEY
    mark = (values.keys if is_about_key else values.places).get(known, values.places[known])
    return values.problem(mark, (*known, *missing), reason, allowed)


def _as_written(at: Keys, values: Values) -> Keys:
    """The way in the file: keys of older files have another name there than in the schema."""
    if at[-1:] == _KEY:
        return at[:-1]
    for old, new in section_at(at[:-1]).renamed.items():
        if at[-1:] == (new,) and at not in values.places:
            return (*at[:-1], old)
    return at


def _value_at(data: Value, at: Keys) -> Value:
    for key in at:
        if isinstance(data, dict):
            data = data.get(str(key))
        elif isinstance(data, list) and isinstance(key, int):
            data = data[key]
    return data


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda each: (each.line, each.column)))
