"""A config file read whole: its values checked, and every problem with its place.

Nothing here raises for what a file holds, and nothing writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec.structs import replace as changed
from pydantic_core import ErrorDetails

from qbm.config.checking.doubts import Doubt, doubts
from qbm.config.checking.needs import Need, musts, needs
from qbm.config.checking.older import as_written, older_keys
from qbm.config.checking.texts import section_at, told
from qbm.config.checking.validation import checked, without
from qbm.config.concerns import CONCERNS, Part, part_of
from qbm.config.problem import InvalidConfigError, Kind, Mark, Problem
from qbm.config.reading.document import compose
from qbm.config.reading.files import Refused, read_text
from qbm.config.reading.mistakes import BrokenYamlError
from qbm.config.reading.values import Keys, Source, Value, Values
from qbm.config.schema import Commands, Config
from qbm.config.schema.secrets import may_be_secret
from qbm.config.schema.section import is_blank
from qbm.model.command import COMMANDS, CommandName

LARGEST = 2**20
"""Bytes of a config file; a large one has 50,000."""

_ABSENT = ("missing", "too_short")
"""Kinds of error that only follow from a value that could not be read."""
_KEY = ("[key]",)
"""What pydantic puts at the end of a way when it means the key, not the value."""
_FOLDERS = ("directory",)
_TAKES_A_FILE = "a value under qbt, an API key, or an address under apprise or webhooks"
"""Where ``may_be_secret``, for the user."""
_KINDS = {"extra_forbidden": Kind.UNKNOWN_KEY, "missing": Kind.MISSING}


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
        if self._reading is None or (self.config and not any(needs(self.config, asked))):
            return self
        aside = {
            part
            for problem in self.problems
            if (part := part_of(problem.path)) and CONCERNS[part].isdisjoint(asked)
        }
        run = _judged(self._reading, aside, asked)
        demoted = (_demoted(each, aside) for each in self.problems if each not in run.problems)
        return replace(run, warnings=_in_order((*self.warnings, *demoted)))

    def strict(self) -> Loaded:
        """The same with every unknown key as a problem."""
        unknown = [each for each in self.warnings if each.kind is Kind.UNKNOWN_KEY]
        if not unknown:
            return self
        return replace(
            self,
            config=None,
            problems=_in_order((*self.problems, *unknown)),
            warnings=tuple(each for each in self.warnings if each not in unknown),
        )

    def origin(self, at: Keys) -> str:
        """Where a value of the config comes from: a line, a variable, a file; "" if by default.

        ``at`` is the way to it in the schema, as files spell its keys.
        """
        if self._reading is None:
            return ""
        values = self._reading.values
        written = as_written(at, values)
        if written not in values.places and at[-1] == section_at(at[:-1]).short:
            written = written[:-1]  # the value stands alone, instead of the section
        if written not in values.places or is_blank(_value_at(self._reading.data, written)):
            return ""
        line = f"line {values.places[written].line}"
        source = values.origins.get(written)
        return f"{line}, {source}" if source else line

    def required(self) -> Config:
        """The config; raises InvalidConfigError with every problem if there is one."""
        if self.config is None:
            raise InvalidConfigError(self.problems)
        return self.config


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read a config file; ``!ENV`` looks into ``environ``, ``!FILE`` beside the file."""
    text = read_text(path, LARGEST)
    if isinstance(text, Refused):
        return _unreadable(path, text.mark, text.reason, text.allowed)
    return load_text(text, path, environ)


def load_text(text: str, path: Path, environ: Mapping[str, str]) -> Loaded:
    """What ``load`` would answer if the file at ``path`` held ``text``; nothing is written."""
    try:
        tree = compose(text)
    except BrokenYamlError as error:
        return _unreadable(path, error.mark, error.reason, error.allowed)
    values = Values(Source(str(path), path.parent, environ, may_be_secret, _TAKES_A_FILE))
    data = values.read(tree)
    if isinstance(data, dict):
        return _judged(_Reading(values, data))
    if not values.problems:
        reason = "the file is empty" if data is None else "the file is no mapping"
        allowed = "sections such as qbt: and cat:, with keys below them"
        values.problems.append(values.problem(tree.mark, (), reason, allowed))
    return Loaded(None, tuple(values.problems), tuple(values.warnings))


def _unreadable(path: Path, mark: Mark, reason: str, allowed: str) -> Loaded:
    return Loaded(None, (Problem(str(path), *mark, "", reason, allowed, Kind.UNREADABLE),))


def _judged(
    reading: _Reading,
    aside: Collection[Part] = (),
    asked: Collection[CommandName] | None = None,
) -> Loaded:
    """What becomes of a reading when the parts ``aside`` are left out.

    ``asked`` None means the commands that the config itself names.
    """
    values, data = reading.values, reading.data
    config, errors = checked(without(data, aside), values)
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    wrong = [error for error in errors if error["type"] != "extra_forbidden"]
    structural = [each for each in values.problems if part_of(each.path) not in aside]
    problems = [*structural, *(_absent(each, values, Kind.MISSING) for each in musts(data, values))]
    absent_for_a_reason = {problem.path for problem in structural}
    for error in wrong:
        problem = _problem(error, reading)
        if error["type"] not in _ABSENT or problem.path not in absent_for_a_reason:
            problems.append(problem)
    warnings = [*values.warnings, *(_problem(error, reading) for error in unknown)]
    if config is not None:
        commands = config.commands.names if config.commands and asked is None else asked or ()
        if not any(part_of(each.path) == _FOLDERS for each in problems):
            problems += (_absent(each, values, Kind.NEEDED) for each in needs(config, commands))
        warnings += older_keys(values)
        warnings += (_doubtful(each, values) for each in doubts(config, data, values))
    return Loaded(
        config=None if problems else config,
        problems=_in_order(problems),
        warnings=_in_order(warnings),
        commands=config.commands if config else None,
        _reading=reading,
    )


def _absent(need: Need, values: Values, kind: Kind) -> Problem:
    known = _nearest(need.at, values)
    if known == need.at or need.near:
        mark = values.places[known if known == need.at else need.near]
    else:
        mark = values.keys.get(known, values.places[known])
    return values.problem(mark, need.at, need.reason, need.allowed, kind)


def _doubtful(doubt: Doubt, values: Values) -> Problem:
    at = as_written(doubt.at, values)
    known = _nearest(at, values)
    return values.problem(values.places[known], at, doubt.reason, doubt.allowed, Kind.DOUBTFUL)


def _nearest(at: Keys, values: Values) -> Keys:
    """The way itself, or that to the nearest thing around it which is in the file."""
    return next(at[:end] for end in range(len(at), -1, -1) if at[:end] in values.places)


def _demoted(problem: Problem, aside: Collection[Part]) -> Problem:
    """The problem as a warning, which says why it is no more than that."""
    part = part_of(problem.path)
    if part is None or part not in aside or problem.kind is Kind.NEEDED:
        return changed(problem, reason=f"{problem.reason}; that was not asked for")
    needed = [name for name in COMMANDS if name in CONCERNS[part]]
    if not needed:
        return changed(problem, reason=f"{problem.reason}; no command needs this")
    why = (
        f"only {needed[0]} needs this, and it was not asked for"
        if len(needed) == 1
        else f"only {', '.join(needed)} need this, and none of them was asked for"
    )
    return changed(problem, reason=f"{problem.reason}; {why}")


def _problem(error: ErrorDetails, reading: _Reading) -> Problem:
    """The error with the place that it is about, or the nearest above that is in the file."""
    values = reading.values
    is_of_key = error["loc"][-1:] == _KEY
    at = as_written(error["loc"][:-1] if is_of_key else error["loc"], values)
    known = _nearest(at, values)
    reason, allowed = told(error, _value_at(reading.data, known))
    missing = tuple(key for key in at[len(known) :] if isinstance(key, str))
    is_about_key = missing or error["type"] == "extra_forbidden" or is_of_key
    mark = (values.keys if is_about_key else values.places).get(known, values.places[known])
    kind = _KINDS.get(error["type"], Kind.VALUE)
    return values.problem(mark, (*known, *missing), reason, allowed, kind)


def _value_at(data: Value, at: Keys) -> Value:
    for key in at:
        if isinstance(data, dict):
            data = data.get(str(key))
        elif isinstance(data, list) and isinstance(key, int):
            data = data[key]
    return data


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda each: (each.line, each.column)))
