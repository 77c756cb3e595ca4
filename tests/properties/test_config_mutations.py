"""Whatever becomes of a config file, loading it answers, and leaves everything as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from qbm.config import SAMPLE, Loaded, load
from qbm.model.command import COMMANDS

PASSWORD = "0123456789abcdef0123456789abcdef"
TEXT = SAMPLE.read_text(encoding="utf-8").replace("change-me", PASSWORD)

_PIECES = st.sampled_from(
    [
        *"\t\n\r\0\x85\u2028 *&!{}[]:-?|>'\"%@`#\\~,",
        *(
            ": ",
            "- ",
            "? ",
            "  ",
            "\r\n",
            "<<",
            "<<: *a",
            "*a",
            "&a ",
            "!ENV ",
            "!FILE ",
            "!!null ",
        ),
        *("!!python/object:os.system ", "\n---\n", "\n...\n", "%YAML 1.1\n---\n"),
        *('"\\ud800"', '"\\UFFFFFFFF"', "9" * 5000, "1e999"),
    ]
)
_CUTS = st.tuples(
    st.integers(0, len(TEXT)),  # where
    st.integers(0, 30),  # how many characters go
    _PIECES | st.text(max_size=5),  # what comes instead
)


def _mutated(cuts: list[tuple[int, int, str]]) -> str:
    text = TEXT
    for at, gone, instead in cuts:
        text = text[:at] + instead + text[at + gone :]
    return text


def _loaded(raw: bytes) -> Loaded:
    """What loading gives; the folder must be the same after it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yml"
        path.write_bytes(raw)
        before = path.stat()
        loaded = load(path, {"VALUE": "x"})
        after = path.stat()
        assert list(path.parent.iterdir()) == [path]
        assert path.read_bytes() == raw
        assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
        return loaded


def _places(loaded: Loaded) -> set[tuple[int, int, str]]:
    """Where something is wrong or doubtful; a problem that is but a warning says so besides."""
    found = (*loaded.problems, *loaded.warnings)
    return {(each.line, each.column, each.path) for each in found}


def _check(loaded: Loaded, lines: int) -> None:
    assert (loaded.config is None) == bool(loaded.problems)
    for problem in (*loaded.problems, *loaded.warnings):
        assert problem.reason
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert "\n" not in str(problem)
        str(problem).encode()
    for command in COMMANDS:
        run = loaded.for_commands([command])
        assert (run.config is None) == bool(run.problems)
        assert _places(run) >= _places(loaded)
    if loaded.config is not None:
        assert loaded.config.cat or loaded.config.tracker


@given(st.lists(_CUTS, min_size=1, max_size=4))
def test_a_mutated_config_is_a_config_or_a_list_of_problems_with_lines(
    cuts: list[tuple[int, int, str]],
) -> None:
    text = _mutated(cuts)
    raw = text.encode(errors="surrogatepass")
    _check(_loaded(raw), lines=len(raw.decode(errors="replace").splitlines()) + 1)


@given(st.lists(_CUTS, min_size=1, max_size=3))
def test_no_text_about_a_mutated_config_repeats_the_password(
    cuts: list[tuple[int, int, str]],
) -> None:
    loaded = _loaded(_mutated(cuts).encode(errors="surrogatepass"))
    texts = [repr(loaded), *map(str, loaded.problems), *map(str, loaded.warnings)]
    assert not [text for text in texts if PASSWORD in text]


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(raw: bytes) -> None:
    loaded = _loaded(raw)
    assert loaded.config is None
    assert all(str(problem).isprintable() for problem in loaded.problems)
