"""The pages say what is so: tables, links, file names, flags and configs hold."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer

from qbm.cli.arguments import OPTIONS
from qbm.cli.terminal import app
from qbm.config import SAMPLE, load
from qbm.store.tables import metadata
from tests.api import serve

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_PAGES = sorted(
    [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *(_ROOT / "docs").rglob("*.md")],
)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SECRET = "hunter2hunter2"


def _name(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix()


each_page = pytest.mark.parametrize("page", _PAGES, ids=_name)


def test_the_tables_of_the_reference_are_up_to_date() -> None:
    check = subprocess.run(
        [sys.executable, _ROOT / "scripts" / "docs-reference", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, check.stdout + check.stderr) == (0, "")


@each_page
def test_links_lead_to_pages_and_headings_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), target
        assert not anchor or anchor in set(_anchors(to)), target


@each_page
def test_pages_that_the_api_serves_lead_to_no_others(page: Path) -> None:
    if page.is_relative_to(_DOCS):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            to = (page.parent / target.partition("#")[0]).resolve()
            assert "://" in target or to.is_relative_to(_DOCS), target


def test_the_index_has_every_page() -> None:
    index = (_DOCS / "README.md").read_text(encoding="utf-8")
    for page in _DOCS.rglob("*.md"):
        name = page.relative_to(_DOCS).as_posix()
        assert f"]({name})" in index or name == "README.md"


def test_every_route_is_in_the_reference(tmp_path: Path) -> None:
    page = (_DOCS / "reference/web-api.md").read_text(encoding="utf-8")
    for path, methods in serve(tmp_path).app.openapi()["paths"].items():
        for method in methods:
            assert f"| `{method.upper()} {path}` |" in page


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """Every path of the Web API; describing them all takes a while."""
    app = serve(tmp_path_factory.mktemp("routes")).app
    return frozenset({*app.openapi()["paths"], "/api/docs-ui", "/api/openapi.json"})


@each_page
def test_routes_that_are_named_are_there(page: Path, routes: frozenset[str]) -> None:
    patterns = [re.sub(r"\{\w+\}", "[^/]+", path) for path in routes]
    text = page.read_text(encoding="utf-8")
    for named in re.findall(r"(?<=[`0-9 ])/api/[\w./{}-]*(?=[`?\s'])", text):
        is_a_beginning = any(path.startswith(named) for path in routes)
        assert is_a_beginning or any(re.fullmatch(each, named) for each in patterns), named


def test_every_table_of_ours_is_in_the_reference() -> None:
    page = (_DOCS / "reference/files.md").read_text(encoding="utf-8")
    assert set(metadata.tables) <= set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def _anchors(page: Path) -> Iterator[str]:
    """The anchors of a page's headings, as code forges make them."""
    for heading in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@each_page
def test_a_page_can_be_read_in_one_go(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 170


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("CONTRIBUTING.md", 6),
        ("docs/explanation/how-a-run-works.md", 6),
        ("docs/explanation/the-queue.md", 6),
        ("docs/how-to/let-qbittorrent-call-it.md", 1),
    ],
)
def test_files_that_are_named_are_there(page: str, least: int) -> None:
    text = (_ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|scripts|requirements|\.ci)/[^\s`]*|[\w/]+\.py)`", text)
    yet_to_be_made = ("tag_nohardlinks", "0004_")
    for each in named:
        places = (_ROOT / each, _ROOT / "src" / "qbm" / each)
        is_example = any(word in each for word in yet_to_be_made)
        assert is_example or any(place.exists() for place in places), each
    assert len(named) >= least


@each_page
def test_words_of_make_are_in_the_makefile(page: Path) -> None:
    words = re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    rules = re.findall(
        r"^([a-z]+):", (_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(words) <= set(rules)


@each_page
def test_commands_and_flags_that_are_shown_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for line in (*_shown_commands(text), *re.findall(r"`((?:qbm|python|qbit)[^`]*)`", text)):
        words = shlex.split(line, comments=True)
        program = next((at for at, word in enumerate(words) if _is_ours(word)), None)
        if program is not None:
            given = [each.partition("=")[0] for each in words[program + 1 :]]
            known = _flags_of(Path(words[program]).name, given)
            unknown = [each for each in given if each.startswith("-") and each not in known]
            assert not unknown, line


def _shown_commands(text: str) -> Iterator[str]:
    """The lines of shell that a page shows, up to what goes on to another program."""
    for language, block in _FENCED.findall(text):
        for line in block.replace("\\\n", "").splitlines():
            if language == "sh" or line.startswith(("$ ", "*/15 ", "ExecStart=")):
                yield re.split(r" [|2]", line.removeprefix("ExecStart="))[0]


def _is_ours(word: str) -> bool:
    return Path(word).name in ("qbm", "qbit_manage.py", "qbit-manage")


def _flags_of(program: str, words: Sequence[str]) -> set[str]:
    """Every flag that the program takes, or the command of ``qbm`` that the words begin with."""
    if program != "qbm":
        return {flag for option in OPTIONS for flag in (option.long, option.short)}
    part = typer.main.get_command(app)
    for word in words:
        part = getattr(part, "commands", {}).get(word, part)
    return {option for each in part.params for option in each.opts} | {"--help"}


@each_page
def test_configs_that_are_shown_can_be_used(page: Path, tmp_path: Path) -> None:
    for number, (language, block) in enumerate(_FENCED.findall(page.read_text(encoding="utf-8"))):
        if language != "yaml":
            continue
        for secret in re.findall(r"!FILE (\S+)", block):
            (tmp_path / secret).parent.mkdir(exist_ok=True)
            (tmp_path / secret).write_text(_SECRET, encoding="utf-8")
        path = tmp_path / f"{number}.yml"
        path.write_text(_whole(block), encoding="utf-8")
        loaded = load(path, dict.fromkeys(re.findall(r"!ENV (\S+)", block), _SECRET))
        assert (loaded.problems, loaded.warnings) == ((), ()), block


def _whole(block: str) -> str:
    """A part of a config with what every config must have."""
    server = "" if "qbt:" in block else "qbt: {host: localhost}\n"
    entries = "" if re.search("^(cat|tracker):", block, re.MULTILINE) else "cat: {films: /films}\n"
    return f"{block}{server}{entries}"


def test_the_sample_config_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    assert load(path, {}).warnings == load(path, {}).problems == ()


def test_every_variable_of_our_own_is_in_the_reference() -> None:
    page = (_ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    used = {
        name
        for path in (_ROOT / "src").rglob("*.py")
        for name in re.findall(r"\"(QBM_[A-Z_]+)\"", path.read_text(encoding="utf-8"))
    }
    assert used
    assert used <= set(re.findall(r"`(QBM_[A-Z_]+)`", page))
