"""The calls that the pages show answer as written: curl's, and those of the Python examples."""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbm.model.torrent import State
from qbm.simulator import SimulatedTorrent, SimulatedTracker, Simulator
from tests.program import ROOT, Served, environment

_PAGES = (
    "README.md",
    "docs/how-to/use-the-web-api.md",
    "docs/how-to/who-may-call.md",
    "docs/how-to/edit-configs.md",
)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHOWN_AT = "localhost:8081"
_CURL = 'curl() { command curl --silent --noproxy "*" "$@"; }'
_RANDOM = re.compile(r'("(?:id|run_id|api_key)":")[^"]+"')
_LIBRARY = (
    ("Big Buck Bunny (2008) 2160p", "films", "films.example.org", ""),
    ("Sintel (2010) 1080p.mkv", "films", "films.example.org", ""),
    ("Pioneer One S01", "series", "shows.example.net", ""),
    ("debian-13.2.0-amd64-netinst.iso", "iso", "bttracker.example.com", ""),
    ("holiday-pictures.zip", "films", "shows.example.net", "by-hand"),
)


def _torrent(name: str, folder: str, tracker: str, category: str) -> SimulatedTorrent:
    return SimulatedTorrent(
        name=name,
        infohash_v1=hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
        category=category,
        state=State.UPLOADING,
        save_path=f"/data/torrents/{folder}",
        completion_on=1_750_000_000,
        trackers=(SimulatedTracker(url=f"https://{tracker}/announce"),),
    )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server with the config that the README has, and with a library that fits."""
    simulator = Simulator()
    simulator.add([_torrent(*each) for each in _LIBRARY])
    blocks = _FENCED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    shown = next(block for language, block in blocks if language == "yaml")
    with simulator.run_in_thread() as url:
        text = shown.replace("localhost:8080", url).replace("your-password", "adminadmin")
        (tmp_path / "config.yml").write_text(text, encoding="utf-8")
        with Served(tmp_path) as served:
            yield served


@pytest.mark.parametrize("page", _PAGES)
def test_calls_that_a_page_shows_answer_as_written(page: str, served: Served) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    count = 0
    for language, block in _FENCED.findall(text):
        if language == "console":
            for command, answer in _calls(block):
                count += 1
                assert re.fullmatch(_pattern(answer), _bare(_answered(command, served))), command
        elif language == "python":
            count += 1
            assert "success" in _printed(block, served)
    assert count


def _calls(block: str) -> Iterator[tuple[str, str]]:
    """Each call of curl in a block, with the answer below it."""
    for part in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.MULTILINE):
        command, _, answer = part.partition("\n")
        if command.startswith("curl "):
            assert shlex.split(command)
            yield command, answer


def _answered(command: str, served: Served) -> str:
    script = f"{_CURL}\n{command.replace(_SHOWN_AT, f'127.0.0.1:{served.port}')}"
    done = subprocess.run(
        ["sh", "-c", script], env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


def _printed(program: str, served: Served) -> str:
    program = program.replace(_SHOWN_AT, f"127.0.0.1:{served.port}")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(NO_PROXY="*"),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _pattern(answer: str) -> str:
    """What fits an answer as the page has it, where … is left out."""
    return ".*".join(map(re.escape, _bare(answer).split("…")))


def _bare(answer: str) -> str:
    """The answer without spaces and line breaks, and without what is another one each time."""
    return _RANDOM.sub(r'\1_"', "".join(answer.split()))
