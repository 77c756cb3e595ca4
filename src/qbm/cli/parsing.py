"""Read flags and variables by the table, and refuse whatever is not in it.

Not argparse: it takes a run of letters after a known single-dash flag for that flag's value,
so a mistyped ``-dryrun`` would be ``-d ryrun``, and a real run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from qbm.cli.arguments import OPTIONS, Arguments, Option, boolean
from qbm.cli.nearest import did_you_mean
from qbm.errors import UsageError

_BY_SPELLING: Final = {
    spelling: option for option in OPTIONS for spelling in (option.long, option.short) if spelling
}
_BY_VARIABLE: Final = {option.variable: option for option in OPTIONS if option.variable}
_NEWLY_TRUE: Final = frozenset({"1", "yes", "on"})
_MAY_BE_EMPTY: Final = frozenset({"base_url", "divider"})
_DESTRUCTIVE: Final = frozenset({"rem_unregistered", "rem_orphaned", "share_limits"})


class Read(Struct, frozen=True, kw_only=True):
    """The arguments, which of them came by flag and by variable, and what to warn about."""

    arguments: Arguments
    by_flag: frozenset[str]
    by_variable: frozenset[str]
    warnings: tuple[str, ...]

    @property
    def spelled(self) -> dict[str, str]:
        """Each argument that was given, by its name: the flag or the variable that gave it."""
        flags = {option.name: option.long for option in OPTIONS if option.name in self.by_flag}
        variables = {
            option.name: option.variable for option in OPTIONS if option.name in self.by_variable
        }
        return variables | flags


class _Given(Struct, frozen=True):
    """One argument as it was written; ``source`` is the flag or variable that it came by."""

    option: Option
    source: str
    text: str


def read(argv: Sequence[str], environ: Mapping[str, str]) -> Read:
    """The arguments in ``argv`` (without the program's name) and ``environ``; a flag wins.

    A dry run asked for by either stays one. ``--help`` and ``--version`` are answered
    whatever else is wrong.

    Raises:
        UsageError: an unknown flag, a wrong or missing value; its text has every problem.
    """
    problems: list[str] = []
    flags = list(_flags(argv, problems))
    if any(each.option.name in ("help", "version") for each in flags):
        problems.clear()
        flags = [each for each in flags if each.option.name in ("help", "version")]
        environ = {}
    variables = list(_variables(environ, problems))
    from_variables = _values(variables, problems)
    from_flags = _values(flags, problems)
    if problems:
        raise UsageError("\n".join(problems))
    values = from_variables | from_flags
    if _is_dry_anywhere([*variables, *flags]):
        values["dry_run"] = True
    return Read(
        arguments=Arguments(**values),
        by_flag=frozenset(from_flags),
        by_variable=frozenset(from_variables),
        warnings=tuple(_newly_true(variables, flags)),
    )


def _flags(argv: Sequence[str], problems: list[str]) -> Iterator[_Given]:
    """Each flag with its text; unknown ones and stray words go to ``problems``."""
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        spelling, has_value, text = word.partition("=")
        option = _BY_SPELLING.get(spelling)
        if option is None:
            problems.append(_unknown(spelling))
        elif has_value:
            yield _Given(option, spelling, text)
        elif option.is_switch:
            yield _Given(option, spelling, rest.pop(0) if _is_answer(option, rest) else "true")
        elif rest and not _looks_like_a_flag(rest[0]):
            yield _Given(option, spelling, rest.pop(0))
        else:
            problems.append(_without_value(option, spelling, rest))


def _looks_like_a_flag(word: str) -> bool:
    """Any word with a dash: a mistyped ``--dryrun`` must not become the value of ``-d``."""
    return word.startswith("-") and word != "-" and not word[1].isdigit()


def _without_value(option: Option, spelling: str, rest: Sequence[str]) -> str:
    text = f"{spelling} needs a value: {spelling} {option.flag.metavar}"
    if not rest or rest[0].partition("=")[0] in _BY_SPELLING:
        return text
    return f"{text}. (A value that begins with a dash: {spelling}={rest[0]}.)"


def _is_answer(option: Option, rest: Sequence[str]) -> bool:
    """``--web-server False``: the one switch that people also give a separate word."""
    if option.name != "web_server" or not rest:
        return False
    try:
        boolean(rest[0])
    except ValueError:
        return False
    return True


def _unknown(word: str) -> str:
    if not word.startswith("-"):
        return f"{word!r} is no flag; nothing but flags and their values can stand here."
    return f"Unknown flag {word}.{did_you_mean(word, _BY_SPELLING)}"


def _variables(environ: Mapping[str, str], problems: list[str]) -> Iterator[_Given]:
    """Each known variable that has a value; those that are a slip away go to ``problems``.

    Others that begin like ours may be anything, such as a password for ``!ENV``.
    """
    letters = {variable.replace("_", ""): variable for variable in _BY_VARIABLE}
    for name, text in environ.items():
        if not text.strip():
            continue
        if name in _BY_VARIABLE:
            yield _Given(_BY_VARIABLE[name], name, text)
        elif meant := letters.get(name.upper().replace("_", "")):
            problems.append(f"Unknown variable {name}. Did you mean {meant}?")


def _values(given: Sequence[_Given], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for each in given:
        if not each.text.strip() and each.option.name not in _MAY_BE_EMPTY:
            problems.append(f"{each.source} is empty. It needs a value: {each.option.flag.metavar}")
            continue
        try:
            values[each.option.name] = each.option.flag.reads(each.text)
        except ValueError as error:
            problems.append(f"{each.source}: {each.text!r} is wrong. Allowed: {error}.")
    return values


def _is_dry_anywhere(given: Sequence[_Given]) -> bool:
    """A dry run that was asked for once stays one, whatever else is said about it."""
    return any(each.option.name == "dry_run" and boolean(each.text) for each in given)


def _newly_true(variables: Sequence[_Given], flags: Sequence[_Given]) -> Iterator[str]:
    """Destructive commands switched on by a word that older versions took for false."""
    by_flag = {each.option.name for each in flags}
    for each in variables:
        name = each.option.name
        if name in _DESTRUCTIVE - by_flag and each.text.strip().lower() in _NEWLY_TRUE:
            yield (
                f"{each.source}={each.text.strip()} switches {name} on. (qbit_manage 4 took this "
                "word for false; write true or false to say which you mean.)"
            )
