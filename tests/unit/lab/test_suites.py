"""How the lab gets its servers: the system's apt sources, and one fetch for many processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import suites
from tests.lab.suites import Suite

_PROJECT = Path(__file__).resolve().parents[3]

_THIRD_PARTY = """Types: deb
URIs: https://other.example/node
Suites: nodistro
Components: main
"""


def _mirror(folder: Path, **files: str) -> str:
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        (folder / "sources.list.d" / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return suites.system_mirror(folder).uri


def test_the_mirror_is_that_of_a_deb822_source(tmp_path: Path) -> None:
    text = "# a comment\nTypes: deb deb-src\nURIs: http://mirror.example/debian\n"
    text += "# another\nSuites: bookworm\n  bookworm-updates\nComponents: main\n"
    uri = _mirror(tmp_path, a__sources=_THIRD_PARTY, debian__sources=f"{_THIRD_PARTY}\n{text}")
    assert uri == "http://mirror.example/debian"


def test_the_mirror_is_that_of_a_one_line_source(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "# deb http://old.example/debian trixie main\n"
        "deb https://other.example/apt cloud main\n"
        "deb http://security.example/debian-security trixie-security main\n"
        "deb [arch=amd64 signed-by=/no/such.gpg] http://mirror.example/debian trixie main\n",
        encoding="utf-8",
    )
    assert _mirror(tmp_path) == "http://mirror.example/debian"


def test_a_disabled_source_and_a_source_of_sources_give_no_mirror(tmp_path: Path) -> None:
    disabled = "Enabled: no\nTypes: deb\nURIs: http://a.example\nSuites: trixie\n"
    source = "Types: deb-src\nURIs: http://a.example\nSuites: trixie\n"
    with pytest.raises(suites.FetchError, match="name no Debian archive"):
        _mirror(tmp_path, a__sources=disabled, b__sources=source)


@pytest.mark.parametrize(
    ("package_version", "version"),
    [
        ("4.5.2-3+deb12u1", "4.5.2"),
        ("5.3.0-1~bpo13+1", "5.3.0"),
        ("1:5.1.0-2", "5.1.0"),
        ("5.2.0~rc1-1", "5.2.0"),
    ],
)
def test_a_servers_version_is_the_upstream_part_of_its_packages(
    package_version: str,
    version: str,
) -> None:
    tree = suites.Tree(Path(), Suite.TRIXIE, package_version, "", (), "")
    assert tree.version == version


# --- whole fetches, with programs in place of apt and dpkg -----------------------------------

_APT = """#!/bin/sh
while [ "$1" ]; do
  case "$1" in
    --config-file) work=$(dirname "$2") ;;
    install)
      sleep 0.2
      echo one >> "$ASKED"
      : > "$work/cache/archives/qbittorrent-nox_9.8.7-1.deb" ;;
  esac
  shift
done
"""
_APT_FAILS = "#!/bin/sh\necho 'E: the suite is gone'\nexit 100\n"
_DPKG = """#!/bin/sh
mkdir -p "$3/usr/bin" "$3/lib/any-linux-gnu" "$3/usr/share/doc"
: > "$3/usr/bin/qbittorrent-nox"
: > "$3/lib/any-linux-gnu/ld-linux-any.so.2"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A lab of its own and programs that stand for apt-get and dpkg."""
    try:
        suites.system_mirror()
    except suites.FetchError as missing:
        pytest.skip(f"no fetch without Debian's apt sources: {missing}")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in {"apt-get": _APT, "dpkg": _DPKG}.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    return os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "QBM_LAB": str(tmp_path / "lab"),
        "QBM_REQUIRE_SERVERS": "",
        "ASKED": str(tmp_path / "asked"),
    }


def _fetch(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "scripts/fetch-servers"],
        cwd=_PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_that_fetch_at_once_fetch_once(environment: dict[str, str]) -> None:
    together = [_fetch(environment) for _ in range(3)]
    told = [process.communicate()[0] for process in together]
    assert [process.returncode for process in together] == [0, 0, 0]
    assert all(text.count("qBittorrent 9.8.7") == len(Suite) for text in told)
    assert Path(environment["ASKED"]).read_text(encoding="utf-8").count("one") == len(Suite)
    lab = Path(environment["QBM_LAB"])
    assert not list(lab.glob("fetch-*"))
    assert not list(lab.glob("*/usr/share/doc"))


@pytest.mark.parametrize(("required", "status"), [("", 0), ("0", 0), ("1", 1)])
def test_a_missing_suite_is_said_loudly_and_fails_where_it_is_required(
    environment: dict[str, str],
    tmp_path: Path,
    required: str,
    status: int,
) -> None:
    (tmp_path / "programs/apt-get").write_text(_APT_FAILS, encoding="utf-8")
    process = _fetch(environment | {"QBM_REQUIRE_SERVERS": required})
    told = process.communicate()[0]
    assert process.returncode == status
    assert "*** MISSING: bullseye, bookworm, trixie, trixie-backports" in told
    assert "E: the suite is gone" in told
