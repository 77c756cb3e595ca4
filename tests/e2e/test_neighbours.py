"""Two real servers whose configs share a folder: what either owns is no orphan of the other."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.proxy import Moment, Pause, ProxyOf, path_is
from tests.lab.servers import Server, StartServers
from tests.lab.suites import Suite
from tests.lab.tracker import UNREGISTERED, Tracker
from tests.program import Ended, Served, qbm, write_config

_ASKING = path_is("torrents/info")


class Pair:
    """Two servers; the root of the second is a folder of the first one's root.

    ``shared`` is that folder; the second one's config names it by another path, a link.
    """

    def __init__(self, servers: list[Server], tracker: Tracker, folder: Path) -> None:
        self.first, self.second = servers
        self.tracker = tracker
        self.folder = folder / "config"
        self.root = folder / "data"
        self.shared = self.root / "shared"
        self.shared.mkdir(parents=True)
        self.link = folder / "link"
        self.link.symlink_to(self.shared)
        self.configure()
        films = [torrents.single(f"film {n}.mkv", tracker.url("fine")) for n in range(3)]
        library.add(self.first, *films, save_path=self.root / "films")
        library.add(self.second, torrents.single("other.mkv"), save_path=self.link)

    def configure(self, first_url: str = "") -> None:
        """Write both configs."""
        orphaned = {"min_file_age_minutes": 0}
        for name, url, root in (
            ("a.yml", first_url or self.first.url, self.root),
            ("b.yml", self.second.url, self.link),
        ):
            sections = {
                "qbt": {"host": url},
                "directory": {"root_dir": str(root)},
                "orphaned": orphaned,
                "settings": {"rem_unregistered_grace_minutes": 0, "max_removal_percent": 0},
                "cat": {"films": str(self.root / "films")},
                "tracker": {"other": {"tag": "seen"}},
            }
            write_config(self.folder, sections, name=name)

    def run(self, command: str = "rem_orphaned") -> Ended:
        """A run on the first server."""
        return qbm("run", command, "-c", str(self.folder / "a.yml"))

    def has_planned(self) -> bool:
        """A run has written down what it wants to do."""
        with closing(sqlite3.connect(self.folder / "qbm.db")) as raw:
            return bool(raw.execute("SELECT 1 FROM journal").fetchone())

    def orphan(self, name: str = "shared/orphan.mkv") -> Path:
        """A file that nobody owns."""
        path = self.root / name
        path.write_bytes(b"nobody's")
        return path


@pytest.fixture
def pair(start_servers: StartServers, tracker: Tracker, tmp_path: Path) -> Pair:
    """An older and a newer server."""
    return Pair(start_servers([Suite.BOOKWORM, Suite.TRIXIE]), tracker, tmp_path)


def test_what_the_other_server_owns_is_no_orphan(pair: Pair) -> None:
    theirs = torrents.folder("theirs", pair.tracker.url("fine"), paths=("a.mkv", "b/c.nfo"))
    library.add(pair.second, theirs, save_path=pair.link)
    orphan = pair.orphan()
    ended = pair.run()
    assert ended.status == 0, (ended.output, ended.errors)
    assert not orphan.exists()
    assert (pair.root / "orphaned_data/shared/orphan.mkv").read_bytes() == b"nobody's"
    for path, content in theirs.files.items():
        assert (pair.shared / theirs.name / path).read_bytes() == content


def test_while_the_other_server_is_down_nothing_is_an_orphan(pair: Pair) -> None:
    orphan = pair.orphan()
    pair.second.stop()
    ended = pair.run()
    assert ended.status != 0
    assert "b.yml" in ended.output + ended.errors
    assert orphan.exists()


def test_a_config_beside_it_that_is_wrong_refuses_as_well(pair: Pair) -> None:
    orphan = pair.orphan()
    (pair.folder / "c.yml").write_text("directory: {root_dir: ")
    ended = pair.run()
    assert ended.status != 0
    assert "c.yml" in ended.output + ended.errors
    assert orphan.exists()


def test_what_the_other_server_is_given_right_before_the_move_stays(
    pair: Pair, proxy_of: ProxyOf
) -> None:
    late = torrents.single("late.mkv", pair.tracker.url("fine"))
    [content] = late.files.values()
    file = pair.shared / "late.mkv"
    file.write_bytes(content)
    proxy = proxy_of(pair.first)
    pair.configure(proxy.url)
    pause = Pause(Moment.BEFORE)
    proxy.inject(pause, lambda request: _ASKING(request) and pair.has_planned())
    ends: list[Ended] = []
    running = threading.Thread(target=lambda: ends.append(pair.run()))
    running.start()
    pause.wait()
    library.add(pair.second, late, save_path=pair.link, content=Content.ON_DISK)
    pause.go_on()
    running.join()
    [ended] = ends
    assert file.read_bytes() == content, (ended.output, ended.errors)
    assert "late.mkv (b.yml)" in ended.output + ended.errors


def test_a_removed_torrent_leaves_what_the_other_server_seeds(pair: Pair) -> None:
    gone = pair.tracker.url("gone")
    pair.tracker.answer("gone", UNREGISTERED)
    both = torrents.folder("both", gone, paths=("a.mkv", "b.mkv"))
    theirs = torrents.folder("both", pair.tracker.url("fine"), paths=("a.mkv",))
    library.add(pair.second, theirs, save_path=pair.link)
    [doomed] = library.add(pair.first, both, save_path=pair.shared, is_stopped=False)
    library.announced(pair.first, doomed)
    ended = pair.run("rem_unregistered")
    assert ended.status == 0, (ended.output, ended.errors)
    assert doomed not in pair.first.api.by_hash()
    assert (pair.shared / "both/a.mkv").is_file()
    assert not (pair.shared / "both/b.mkv").exists()


def test_a_torrent_stays_while_the_other_server_is_down(pair: Pair) -> None:
    pair.tracker.answer("gone", UNREGISTERED)
    film = torrents.single("gone.mkv", pair.tracker.url("gone"))
    [doomed] = library.add(pair.first, film, save_path=pair.shared, is_stopped=False)
    library.announced(pair.first, doomed)
    pair.second.stop()
    ended = pair.run("rem_unregistered")
    assert "b.yml" in ended.output + ended.errors
    assert doomed in pair.first.api.by_hash()
    assert (pair.shared / "gone.mkv").is_file()


def test_a_server_knows_the_other_configs_as_well(pair: Pair) -> None:
    pair.tracker.answer("gone", UNREGISTERED)
    film = torrents.single("gone.mkv", pair.tracker.url("gone"))
    [doomed] = library.add(pair.first, film, save_path=pair.shared, is_stopped=False)
    library.announced(pair.first, doomed)
    pair.second.stop()
    with Served(pair.folder) as served:
        body = {"commands": ["rem_unregistered"], "config_file": "a.yml"}
        answer = requests.post(f"{served.url}/api/run-command", json=body, timeout=60)
    assert "b.yml" in answer.text
    assert doomed in pair.first.api.by_hash()
    assert (pair.shared / "gone.mkv").is_file()
