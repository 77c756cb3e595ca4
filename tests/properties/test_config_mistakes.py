"""Configs as people have them, with the slips that people make: a few hundred files.

Each is loaded to a config or to problems with lines, and stays as it was on the disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qbm.config import SAMPLE, Kind, Loaded, load
from qbm.model.command import COMMANDS

_CASES = Path(__file__).parents[1] / "cases" / "config"
_FILES = sorted([SAMPLE, _CASES / "older_tool_full.yml", *_CASES.glob("real_*.yml")])
_SECRETS = ("hunter2hunter2", "0123456789abcdef0123456789abcdef", "change-me")
_EVERY = 29
"""Each slip is made in every such line; no section is of that length, so all kinds are met."""

_KEY = re.compile(r"^( *(?:- )?)([A-Za-z_]\w*)(:(?: .*)?)$")
"""A line with a plain key."""

_SLIPS: dict[str, Callable[[str], str]] = {
    "a tab": lambda line: f"\t{line}",
    "too far right": lambda line: f" {line}",
    "too far left": lambda line: line[1:],
    "no colon": lambda line: line.replace(":", "", 1),
    "no space": lambda line: line.replace(": ", ":", 1),
    "twice": lambda line: f"{line}\n{line}",
    "gone": lambda _: "",
    "a stray quote": lambda line: f"{line}'",
    "a stray bracket": lambda line: f"{line} [",
    "a stray brace": lambda line: re.sub(r"$|:.*", ": {", line, count=1),
    "a list": lambda line: re.sub(r":.*", ": [[a], {b: c}, ~]", line, count=1),
    "a mapping": lambda line: re.sub(r":.*", ": {a: {b: c}}", line, count=1),
    "nonsense": lambda line: re.sub(r":.*", ": ½ nonsense %", line, count=1),
    "a huge number": lambda line: re.sub(r":.*", f": {'9' * 400}", line, count=1),
    "less than nothing": lambda line: re.sub(r":.*", ": -3", line, count=1),
    "no value": lambda line: re.sub(r":.*", ":", line, count=1),
    "an unset variable": lambda line: re.sub(r":.*", ": !ENV NOT_SET", line, count=1),
    "an absent file": lambda line: re.sub(r":.*", ": !FILE not/there", line, count=1),
    "an alias of nothing": lambda line: re.sub(r":.*", ": *nothing", line, count=1),
    "another document": lambda line: f"---\n{line}",
    "a word in the way": lambda line: f"{line}\nword",
    "Windows and old Mac": lambda line: f"{line}\r\r\n",
    "marks from a chat": lambda line: line.replace('"', "”").replace("'", "‘"),
    "no end": lambda line: f'{line}\nlast: "never closed',
}


def _lines(text: str) -> Iterator[int]:
    """The lines that say something, one in ``_EVERY``."""
    said = [number for number, line in enumerate(text.split("\n")) if line.split("#")[0].strip()]
    return iter(said[::_EVERY])


def _checked(path: Path, text: str) -> Loaded:
    """What the text is loaded to, as the file at ``path``, which must stay as it is."""
    raw = text.encode()
    path.write_bytes(raw)
    before = path.stat()
    loaded = load(path, {})
    after = path.stat()
    assert path.read_bytes() == raw
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert list(path.parent.iterdir()) == [path]
    found = (*loaded.problems, *loaded.warnings)
    assert (loaded.config is None) == bool(loaded.problems)
    assert all(1 <= each.line <= text.count("\n") + 2 and each.reason for each in found)
    told = [repr(loaded), *map(str, found)]
    assert not [each for each in told if "\n" in each or any(word in each for word in _SECRETS)]
    for command in COMMANDS:
        run = loaded.for_commands([command])
        assert (run.config is None) == bool(run.problems)
    return loaded


@pytest.mark.parametrize("slip", _SLIPS)
@pytest.mark.parametrize("file", _FILES, ids=lambda path: path.stem)
def test_a_slip_ends_in_a_config_or_in_problems_with_lines(
    file: Path, slip: str, tmp_path: Path
) -> None:
    text = file.read_text(encoding="utf-8")
    for number in _lines(text):
        lines = text.split("\n")
        lines[number] = _SLIPS[slip](lines[number])
        _checked(tmp_path / "config.yml", "\n".join(lines))


def test_there_are_some_hundreds() -> None:
    assert len(_FILES) == 7
    each = sum(len(list(_lines(file.read_text(encoding="utf-8")))) for file in _FILES)
    assert each * len(_SLIPS) > 500


@pytest.mark.parametrize("file", _FILES, ids=lambda path: path.stem)
def test_a_misspelt_key_is_found_in_its_line(file: Path, tmp_path: Path) -> None:
    """Every key of the schema that is in a file, not only some."""
    text = file.read_text(encoding="utf-8")
    keys = {"cat_update", "root_dir", "max_ratio", "priority", "enabled", "error", "host", "pass"}
    number_of_keys = 0
    for number, line in enumerate(text.split("\n")):
        if (key := _KEY.match(line)) and key[2] in keys:
            lines = text.split("\n")
            lines[number] = f"{key[1]}{key[2]}x{key[3]}"
            loaded = _checked(tmp_path / "config.yml", "\n".join(lines))
            unknown = [each.line for each in loaded.warnings if each.kind is Kind.UNKNOWN_KEY]
            assert number + 1 in unknown, line
            number_of_keys += 1
    assert number_of_keys > 3
