"""Real qBittorrent programs of four Debian suites, each fetched once into the ignored ``.lab/``.

Nothing of the system is touched: apt runs with a private state and downloads only, dpkg
unpacks into a folder of the project. The mirror and the keyring are read from the system's
own apt sources. Standard library only, so that ``scripts/fetch-servers`` runs before any
virtual environment exists.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

LAB = Path(os.environ.get("QBM_LAB") or Path(__file__).resolve().parents[2] / ".lab")

_APT_FOLDER = Path("/etc/apt")
_DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_DEBIAN_NAMES = frozenset({"bullseye", "bookworm", "trixie", "forky", "sid"}) | frozenset(
    {"oldoldstable", "oldstable", "stable", "testing", "unstable"},
)
# What a server never reads; about a tenth of a tree.
_PRUNED = ("doc", "man", "info", "locale", "lintian", "gcc", "gdb", "perl5", "bash-completion")
_APT_SECONDS = 600.0
# A failed fetch is believed this long, so that hundreds of tests do not ask a dead network each.
_FAILURE_SECONDS = 300.0


class Suite(StrEnum):
    """A Debian suite whose qBittorrent the lab runs; oldest first."""

    BULLSEYE = "bullseye"
    BOOKWORM = "bookworm"
    TRIXIE = "trixie"
    BACKPORTS = "trixie-backports"

    @property
    def is_required(self) -> bool:
        """Its absence is a failure where ``QBM_REQUIRE_SERVERS`` is set."""
        return self in {Suite.BOOKWORM, Suite.TRIXIE}

    @property
    def sources(self) -> tuple[str, ...]:
        """The suites apt must know to install from this one."""
        base = self.value.removesuffix("-backports")
        return (base,) if base == self.value else (base, self.value)


class SuiteMissingError(Exception):
    """A suite's server cannot be had on this machine; the text says why."""

    def __init__(self, suite: Suite, reason: str) -> None:
        super().__init__(f"no qBittorrent of {suite}: {reason}")
        self.suite = suite


@dataclass(frozen=True, slots=True)
class Tree:
    """An unpacked qBittorrent with all its libraries."""

    root: Path
    suite: Suite
    package_version: str
    loader: str
    library_folders: tuple[str, ...]
    plugin_folder: str

    @property
    def version(self) -> str:
        """qBittorrent's own version, such as ``4.5.2``."""
        return re.sub(r"^\d+:|[-~+].*$", "", self.package_version)

    @property
    def command(self) -> list[str]:
        """Starts the server with the tree's own loader and libraries, whatever the system's."""
        return [
            str(self.root / self.loader),
            "--library-path",
            ":".join(str(self.root / folder) for folder in self.library_folders),
            str(self.root / "usr/bin/qbittorrent-nox"),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """What the tree's Qt and OpenSSL need to find, or must not find."""
        return {
            "QT_PLUGIN_PATH": str(self.root / self.plugin_folder),
            "OPENSSL_CONF": "/dev/null",
            "LC_ALL": "C.UTF-8",
        }


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where the system gets its Debian packages from, and who signs them."""

    uri: str
    keyring: Path


def tree_of(suite: Suite) -> Tree:
    """The suite's tree, fetched now if it is not there yet.

    Safe in any number of processes at once: one fetches, the others wait for it.

    Raises:
        SuiteMissingError: it cannot be had here; believed for five minutes.
    """
    if found := _read_tree(suite):
        return found
    with _locked(suite):
        if found := _read_tree(suite):
            return found
        _raise_if_just_failed(suite)
        return _fetch(suite)


def refresh(suite: Suite) -> Tree:
    """Fetches the suite's tree anew; the one before stays if that fails.

    Raises:
        SuiteMissingError: it cannot be had here.
    """
    with _locked(suite):
        return _fetch(suite)


def trees_of(
    suites: Iterable[Suite],
    get: Callable[[Suite], Tree] = tree_of,
) -> dict[Suite, Tree | SuiteMissingError]:
    """All of them, got side by side; what is missing stands as its error."""

    def attempt(suite: Suite) -> Tree | SuiteMissingError:
        try:
            return get(suite)
        except SuiteMissingError as missing:
            return missing

    wanted = list(suites)
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(wanted, pool.map(attempt, wanted), strict=True))


def forget_failures() -> None:
    """The next fetch asks the mirror again, whatever it said a minute ago."""
    for note in LAB.glob("*.missing"):
        note.unlink(missing_ok=True)


# --- one fetch ---------------------------------------------------------------------------


def _fetch(suite: Suite) -> Tree:
    try:
        mirror = system_mirror()
        with tempfile.TemporaryDirectory(prefix=f"fetch-{suite}-", dir=LAB) as work:
            return _publish(_unpack(suite, _download(suite, mirror, Path(work)), Path(work)))
    except FetchError as failed:
        _failure_note(suite).write_text(str(failed), encoding="utf-8")
        raise SuiteMissingError(suite, str(failed)) from failed


class FetchError(Exception):
    """One step of a fetch did not work."""


def _download(suite: Suite, mirror: Mirror, work: Path) -> list[Path]:
    config = _write_apt_state(suite, mirror, work)
    _apt(config, "update", "-o", "APT::Update::Error-Mode=any")
    package = "qbittorrent-nox" + (f"/{suite}" if suite is Suite.BACKPORTS else "")
    _apt(config, "install", "--yes", "--download-only", package)
    return sorted((work / "cache/archives").glob("*.deb"))


def _write_apt_state(suite: Suite, mirror: Mirror, work: Path) -> Path:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    (work / "state/status").touch()
    (work / "sources.list").write_text(
        "".join(
            f"deb [signed-by={mirror.keyring}] {mirror.uri} {name} main\n" for name in suite.sources
        ),
        encoding="utf-8",
    )
    config = work / "apt.conf"
    config.write_text(
        # The system's hooks after an update speak of the system's lists, not of ours.
        "#clear APT::Update::Post-Invoke;\n"
        "#clear APT::Update::Post-Invoke-Success;\n"
        f'Dir::State "{work}/state";\n'
        f'Dir::State::status "{work}/state/status";\n'
        f'Dir::Cache "{work}/cache";\n'
        f'Dir::Log "{work}";\n'
        f'Dir::Etc::sourcelist "{work}/sources.list";\n'
        'Dir::Etc::sourceparts "-";\n'
        'Dir::Etc::preferences "-";\n'
        'Dir::Etc::preferencesparts "-";\n'
        'APT::Install-Recommends "false";\n'
        # Only this private state takes a suite whose Release file has expired.
        'Acquire::Check-Valid-Until "false";\n'
        'Acquire::Languages "none";\n'
        'Acquire::Retries "2";\n'
        'APT::Sandbox::User "";\n',
        encoding="utf-8",
    )
    return config


def _apt(config: Path, *arguments: str) -> None:
    _run("apt-get", "--config-file", str(config), "--quiet", *arguments)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_APT_SECONDS,
            env=os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except FileNotFoundError as missing:
        raise FetchError(f"this system has no {command[0]}") from missing
    except subprocess.TimeoutExpired as slow:
        raise FetchError(f"{command[0]} took over {_APT_SECONDS:.0f} s") from slow
    if done.returncode:
        told = [line for line in done.stdout.splitlines() if line.startswith(("E:", "Err:", "W:"))]
        last = " / ".join(told[-3:] or done.stdout.splitlines()[-3:])
        raise FetchError(f"{command[0]} ended with {done.returncode}: {last}")


def _unpack(suite: Suite, packages: list[Path], work: Path) -> Tree:
    root = work / "tree"
    root.mkdir()
    for package in packages:
        _run("dpkg", "-x", str(package), str(root))
    for name in _PRUNED:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    tree = _describe(suite, root, packages)
    manifest = {name: value for name, value in asdict(tree).items() if name != "root"}
    (root / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return tree


def _describe(suite: Suite, root: Path, packages: list[Path]) -> Tree:
    # The architecture shows in the loader's folder: lib/x86_64-linux-gnu, usr/lib/aarch64-….
    loaders = [
        path
        for pattern in ("lib/*-linux-gnu*/ld-linux*.so.*", "usr/lib/*-linux-gnu*/ld-linux*.so.*")
        for path in sorted(root.glob(pattern))
        if path.is_file()
    ]
    ours = [package for package in packages if package.name.startswith("qbittorrent-nox_")]
    if not loaders or not ours:
        raise FetchError(f"the {len(packages)} packages hold no loader or no qbittorrent-nox")
    triplet = loaders[0].parent.name
    folders = [f"usr/lib/{triplet}", f"lib/{triplet}", f"usr/lib/{triplet}/libproxy"]
    plugins = next(root.glob(f"usr/lib/{triplet}/qt*/plugins"), root / "usr/lib" / triplet)
    return Tree(
        root=root,
        suite=suite,
        package_version=ours[0].name.split("_")[1].replace("%3a", ":"),
        loader=str(loaders[0].relative_to(root)),
        library_folders=tuple(folder for folder in folders if (root / folder).is_dir()),
        plugin_folder=str(plugins.relative_to(root)),
    )


def _publish(tree: Tree) -> Tree:
    """Moves the finished tree to its place in one step; a half of one is never seen there."""
    place = _tree_folder(tree.suite)
    if place.exists():
        old = tree.root.with_name("old")
        place.rename(old)
    tree.root.rename(place)
    _failure_note(tree.suite).unlink(missing_ok=True)
    published = _read_tree(tree.suite)
    if published is None:
        raise FetchError(f"the manifest in {place} cannot be read back")
    return published


# --- what is there -------------------------------------------------------------------------


def _tree_folder(suite: Suite) -> Path:
    return LAB / suite.value


def _failure_note(suite: Suite) -> Path:
    return LAB / f"{suite}.missing"


def _read_tree(suite: Suite) -> Tree | None:
    root = _tree_folder(suite)
    try:
        manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Tree(
        root=root,
        suite=suite,
        package_version=manifest["package_version"],
        loader=manifest["loader"],
        library_folders=tuple(manifest["library_folders"]),
        plugin_folder=manifest["plugin_folder"],
    )


def _raise_if_just_failed(suite: Suite) -> None:
    note = _failure_note(suite)
    if note.exists() and time.time() - note.stat().st_mtime < _FAILURE_SECONDS:
        raise SuiteMissingError(suite, note.read_text(encoding="utf-8"))


@contextmanager
def _locked(suite: Suite) -> Iterator[None]:
    LAB.mkdir(parents=True, exist_ok=True)
    with (LAB / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- the system's own sources ---------------------------------------------------------------


def system_mirror(folder: Path = _APT_FOLDER) -> Mirror:
    """The Debian mirror that apt's sources under ``folder`` name first.

    Raises:
        FetchError: none of them is a Debian archive, or nobody's keyring is there.
    """
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    for file in files:
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8")
        entries = _deb822(text) if file.suffix == ".sources" else _one_line(text)
        for uri, suites, keyring in entries:
            if suites & _DEBIAN_NAMES:
                return Mirror(uri, _keyring(keyring))
    raise FetchError(f"the apt sources in {folder} name no Debian archive")


def _keyring(named: str) -> Path:
    # The full keyring first: a source may name the key of its own suite only.
    for candidate in (_DEBIAN_KEYRING, Path(named)):
        if candidate.is_file():
            return candidate
    raise FetchError("the package debian-archive-keyring is not installed")


def _deb822(text: str) -> Iterator[tuple[str, set[str], str]]:
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        joined = re.sub(r"\n[ \t]+", " ", "\n".join(lines))
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in joined.splitlines())
        }
        is_binary = "deb" in fields.get("types", "").split()
        if is_binary and fields.get("enabled", "yes").lower() not in {"no", "false"}:
            uris = fields.get("uris", "").split()
            if uris:
                suites = set(fields.get("suites", "").split())
                yield uris[0], suites, fields.get("signed-by", "")


def _one_line(text: str) -> Iterator[tuple[str, set[str], str]]:
    pattern = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)")
    for line in text.splitlines():
        if found := pattern.match(line.strip()):
            keyring = re.search(r"signed-by=(\S+)", found["options"] or "")
            yield found["uri"], {found["suite"]}, keyring[1] if keyring else ""
