"""What ``qbm config`` answers. It reads files, and touches nothing else."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from qbm.cli.doors import clone_of, configs_of, is_in_container
from qbm.cli.parsing import read
from qbm.cli.preview import Page
from qbm.cli.terminal import Given
from qbm.cli.terminal_config import Files
from qbm.config import SAMPLE, Loaded, find, load
from qbm.config.publishing import json_schema
from qbm.config.showing import Shown, effective
from qbm.errors import QbmError
from qbm.log.logger import is_terminal
from qbm.log.records import each_text
from qbm.log.redaction import Redactor
from qbm.log.screen import wrapped

_WRONG: Final = 2
_PIPED_SIZE: Final = (100, 24)
_PLAIN: Final = re.compile(r"[A-Za-z_/][\w./-]*(?: [\w./|-]+)*", re.ASCII)
_WORDS_OF_YAML: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def validate(asked: Files, given: Given, *, is_strict: bool, as_json: bool) -> int:
    """Tell every problem of the files; answers the exit code."""
    try:
        files = [(path, load(path, given.environ)) for path in _paths(asked, given)]
    except QbmError as error:
        return _refused(error, as_json=as_json)
    if is_strict:
        files = [(path, loaded.strict()) for path, loaded in files]
    code = _exit_code(files)
    if as_json:
        _print_json(code, [_found(path, loaded) for path, loaded in files])
    else:
        _print(_told(files, _page(given)))
    return code


def show(asked: Files, given: Given, *, as_json: bool) -> int:
    """Show what the files mean, or why they mean nothing; answers the exit code."""
    try:
        files = [(path, load(path, given.environ)) for path in _paths(asked, given)]
    except QbmError as error:
        return _refused(error, as_json=as_json)
    code = _exit_code(files)
    page = _page(given)
    if as_json:
        _print_json(code, [_meant(path, loaded) for path, loaded in files])
        return code
    for path, loaded in files:
        if loaded.config is None:
            _print(_told([(path, loaded)], page), sys.stderr)
        else:
            _print(_each(loaded, page), sys.stderr)
            _print(_shown(path, loaded, page))
    return code


def schema() -> int:
    """Print the JSON Schema of a config."""
    _print([json.dumps(json_schema(), indent=1, ensure_ascii=False)])
    return 0


def sample() -> int:
    """Print the config to start from."""
    _print(SAMPLE.read_text(encoding="utf-8").splitlines())
    return 0


def _paths(asked: Files, given: Given) -> Sequence[Path]:
    """The files that were named, or those that a run would take.

    Raises:
        UsageError: a flag or a variable is wrong.
        ConfigError: there is no such file.
    """
    if asked.named:
        return [Path(name) for name in asked.named]
    flags = [
        *([f"--config-file={asked.config_file}"] if asked.config_file else []),
        *([f"--config-dir={asked.config_dir}"] if asked.config_dir else []),
    ]
    config_file, config_dir = configs_of(read(flags, given.environ))
    return find(
        config_file,
        config_dir,
        in_container=is_in_container(given.environ),
        program_dir=clone_of(given.program_dir),
        file_flag="--config",
    ).paths


def _exit_code(files: Iterable[tuple[Path, Loaded]]) -> int:
    return _WRONG if any(loaded.problems for _, loaded in files) else 0


def _refused(error: QbmError, *, as_json: bool) -> int:
    for line in str(error).splitlines():
        sys.stderr.write(f"error: {line}\n")
    if as_json:
        _print_json(error.exit_code, [], str(error))
    return error.exit_code


def _page(given: Given) -> Page:
    return Page(
        width=shutil.get_terminal_size(_PIPED_SIZE).columns if sys.stdout.isatty() else 0,
        is_terminal=is_terminal(sys.stdout, given.environ),
        clean=Redactor().clean,
    )


def _print(lines: Iterable[str], stream: Any = None) -> None:  # noqa: ANN401 - a text stream
    (stream or sys.stdout).writelines(f"{line}\n" for line in lines)


def _print_json(code: int, configs: Sequence[dict[str, Any]], error: str = "") -> None:
    document = {"exit_code": code, "error": error or None, "configs": list(configs)}
    _print([json.dumps(document)])


# What is wrong


def _told(files: Sequence[tuple[Path, Loaded]], page: Page) -> Iterator[str]:
    """Every problem in a line of its own, then a line for each file."""
    for _, loaded in files:
        yield from _each(loaded, page)
    for path, loaded in files:
        yield from map(page.bold, _broken(page.shown(_summary(path, loaded)), page))


def _each(loaded: Loaded, page: Page) -> Iterator[str]:
    lines = [(each, "error") for each in loaded.problems]
    lines += [(each, "warning") for each in loaded.warnings]
    for problem, word in sorted(lines, key=lambda each: (each[0].line, each[0].column)):
        yield from _broken(page.shown(f"{word}: {problem}"), page)


def _broken(line: str, page: Page) -> list[str]:
    return wrapped(line, page.width, indent=4) if page.width else [line]


def _summary(path: Path, loaded: Loaded) -> str:
    if not loaded.problems and not loaded.warnings:
        return f"{path}: nothing is wrong with it."
    found = " and ".join(
        f"{len(some)} {word}{'s' if some[1:] else ''}"
        for some, word in ((loaded.problems, "error"), (loaded.warnings, "warning"))
        if some
    )
    verdict = "it cannot be used" if loaded.problems else "it can be used"
    return f"{path}: {found}; {verdict}."


def _found(path: Path, loaded: Loaded) -> dict[str, Any]:
    return {
        "path": str(path),
        "valid": not loaded.problems,
        "problems": [msgspec.to_builtins(each) for each in loaded.problems],
        "warnings": [msgspec.to_builtins(each) for each in loaded.warnings],
    }


# What it means


def _meant(path: Path, loaded: Loaded) -> dict[str, Any]:
    if loaded.config is None:
        return _found(path, loaded) | {"config": None}
    config = each_text(effective(loaded.config), _redactor(loaded).clean)
    return _found(path, loaded) | {"config": config}


def _shown(path: Path, loaded: Loaded, page: Page) -> Iterator[str]:
    """The config as YAML; beside each value that is in the file, where it stands there."""
    if loaded.config is None:
        return
    clean = _redactor(loaded).clean
    yield page.dim(f"# {page.shown(str(path))}: what it says, and the defaults of all else.")
    for line, origin in _yaml(effective(loaded.config), loaded, ()):
        comment = f"  {page.dim(f'# {page.shown(origin)}')}" if origin else ""
        yield f"{clean(line)}{comment}"


def _redactor(loaded: Loaded) -> Redactor:
    redactor = Redactor()
    if loaded.config is not None:
        redactor.learn(loaded.config.secrets())
    return redactor


def _yaml(
    section: dict[str, Shown], loaded: Loaded, at: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """The lines of a mapping, each with the origin of its value."""
    margin = "  " * len(at)
    for key, value in section.items():
        here = (*at, key)
        head = f"{margin}{_scalar(key)}:"
        if isinstance(value, dict) and value:
            yield head, ""
            yield from _yaml(value, loaded, here)
        elif isinstance(value, list) and value:
            yield head, loaded.origin(here)
            for item in value:
                yield f"{margin}  - {_scalar(item)}", ""
        else:
            yield f"{head} {_scalar(value)}".rstrip(), loaded.origin(here)


def _scalar(value: Shown) -> str:
    """A value as YAML reads it; text in quotes wherever it could be taken for something else."""
    if value is None:
        return ""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return f'"{value}"' if value.lower() in _WORDS_OF_YAML else value
    return json.dumps(value)
