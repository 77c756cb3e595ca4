"""Servers whose configs share a root: together they own the files below it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from qbm.bootstrap.neighbours import neighbourhood
from qbm.config import Config, load
from qbm.config.others import OtherConfigs
from qbm.engine.neighbours import Everyone, everyone
from qbm.engine.owning import StillUnowned, still_unowned
from qbm.engine.request import RunReport
from qbm.engine.run import run
from qbm.engine.tools import Neighbour, Surroundings, Tools, Unheard
from qbm.model.command import CommandName
from qbm.model.reason import Code
from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus
from qbm.simulator import Credentials, SimulatedTorrent, Simulator
from qbm.simulator.faults import Failing
from qbm.simulator.records import SimulatedFile, SimulatedTracker
from tests.disks import bound
from tests.engine import a_request, tools_on
from tests.lab.ports import free_port
from tests.program import write_config

T = TypeVar("T")

_PASSWORD = "hunter22-of-b"
_GONE = SimulatedTracker(
    url="http://tracker.example.org/announce",
    status=TrackerStatus.TRACKER_ERROR,
    msg="Unregistered torrent",
)


def torrent(number: int, *files: str, **facts: Any) -> SimulatedTorrent:
    """A complete torrent with ``files`` of 10 bytes each."""
    return SimulatedTorrent(
        **{
            "name": f"torrent {number}",
            "infohash_v1": f"{number:040x}",
            "save_path": "/data/films",
            "completion_on": 1_750_000_000,
            "files": tuple(SimulatedFile(name=each, size=10) for each in files),
            **facts,
        }
    )


class Street:
    """A folder of configs, in which ``a.yml`` is the one whose run it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configs = folder / "configs"
        self.data = folder / "disk/data"
        self.data.mkdir(parents=True)
        self.hidden: set[str] = set()

    def add(
        self,
        name: str,
        url: str,
        root: str = "/data",
        local: str | Path = "",
        bins: Any = None,
        **qbt: Any,
    ) -> None:
        """Write a config; ``local`` is where this machine has ``root``, by default the data."""
        directory = {"root_dir": root, "remote_dir": str(local or self.data), **(bins or {})}
        sections = {
            "qbt": {"host": url, **qbt},
            "cat": {"films": f"{root}/films"},
            "directory": directory,
        }
        write_config(self.configs, sections, name=name)

    def around(self) -> Surroundings:
        """What a run of ``a.yml`` learns, if nobody answers."""

        async def looking() -> Surroundings:
            async with neighbourhood(self.config, self.others, self.folder / "state") as look:
                return await look()

        return asyncio.run(looking())

    def names(self) -> list[str]:
        """The configs that count as neighbours, whether they are heard or not."""
        return [each.config_file for each in self.around().neighbours]

    @property
    def config(self) -> Config:
        """That of the run."""
        return load(self.configs / "a.yml", {}).required()

    @property
    def others(self) -> OtherConfigs:
        """The configs beside it."""

        def hide(secrets: Iterable[str]) -> None:
            self.hidden |= {*secrets}

        return OtherConfigs(self.configs / "a.yml", {}, hide)

    def with_tools(self, work: Callable[[Tools, Config], Awaitable[T]]) -> T:
        """What ``work`` answers, given what a run of ``a.yml`` has."""

        async def whole() -> T:
            config, state = self.config, self.folder / "state"
            async with (
                neighbourhood(config, self.others, state) as look_around,
                tools_on(config.qbt.host, state, look_around=look_around) as tools,
            ):
                return await work(tools, config)

        return asyncio.run(whole())

    def everyone(self) -> Everyone:
        """All torrents."""

        async def asking(tools: Tools, config: Config) -> Everyone:
            await tools.server.connect()
            return await everyone(await tools.server.snapshot(frozenset()), config, tools)

        return self.with_tools(asking)

    def unowned(self, *paths: Path) -> StillUnowned:
        """Which of ``paths`` nobody owns."""

        async def asking(tools: Tools, config: Config) -> StillUnowned:
            await tools.server.connect()
            return await still_unowned([str(each) for each in paths], config, tools)

        return self.with_tools(asking)

    def remove(self) -> RunReport:
        """A run that removes what its tracker does not know."""
        request = a_request(config_file="a.yml", commands=(CommandName.REM_UNREGISTERED,))
        return self.with_tools(lambda tools, config: run(request, config, tools))


@pytest.fixture
def street(tmp_path: Path) -> Street:
    """An empty one."""
    return Street(tmp_path)


def nobody() -> str:
    """An address at which nobody answers."""
    return f"http://127.0.0.1:{free_port()}"


def simulated(disk: Path) -> Simulator:
    """A server that lets everybody in."""
    return Simulator(credentials=Credentials(required=False), disk=disk)


# Who is a neighbour


def test_a_config_alone_has_none(street: Street) -> None:
    street.add("a.yml", nobody())
    assert street.around() == Surroundings()


def test_an_equal_or_nested_root_makes_a_neighbour(street: Street) -> None:
    (street.data / "tv").mkdir()
    street.add("a.yml", nobody(), local=street.data / "tv")
    street.add("above.yml", nobody(), "/x", street.data)
    street.add("below.yml", nobody(), "/y", street.data / "tv/hd")
    street.add("beside.yml", nobody(), "/z", street.data / "tv-4k")
    street.add("equal.yml", nobody(), "/data", street.data / "tv/")
    assert street.names() == ["above.yml", "below.yml", "equal.yml"]


def test_a_root_behind_a_link_makes_a_neighbour(street: Street, tmp_path: Path) -> None:
    (street.data / "tv").mkdir()
    (tmp_path / "link").symlink_to(street.data / "tv")
    street.add("a.yml", nobody())
    street.add("b.yml", nobody(), "/x", tmp_path / "link")
    assert street.names() == ["b.yml"]


@pytest.mark.parametrize("below", ["", "tv"])
def test_a_root_behind_a_bind_mount_makes_a_neighbour(
    street: Street, tmp_path: Path, below: str
) -> None:
    (street.data / "tv").mkdir()
    with bound(street.data / below, tmp_path / "bound") as folder:
        street.add("a.yml", nobody())
        street.add("b.yml", nobody(), "/x", folder)
        street.add("c.yml", nobody(), "/x", folder / "not there yet")
        assert street.names() == ["b.yml", "c.yml"]


def test_a_config_that_is_wrong_may_be_anybodys(street: Street) -> None:
    street.add("a.yml", nobody())
    (street.configs / "b.yml").write_text("qbt: [")
    (street.configs / "c.yml").write_text("directory: {root_dir: /elsewhere}")
    (street.configs / "qbm_settings.yml").write_text("no: config")
    (street.configs / ".hidden.yml").write_text("no: config")
    found = street.around().neighbours
    assert [type(each) for each in found] == [Unheard, Unheard]
    assert [each.config_file for each in found] == ["b.yml", "c.yml"]
    assert isinstance(found[0], Unheard)
    assert "b.yml:1" in found[0].why


def test_what_is_wrong_for_other_commands_does_not_matter(street: Street) -> None:
    street.add("a.yml", nobody())
    street.add("b.yml", nobody(), "/x", "/somewhere/else")
    with (street.configs / "b.yml").open("a") as config:
        config.write("share_limits: {group: {max_ratio: much}}\n")
    assert street.names() == []


def test_a_config_without_folders_shares_none(street: Street) -> None:
    street.add("a.yml", nobody())
    text = "qbt: {host: localhost}\ncat: {a: /b}\ncommands: {rem_orphaned: true}\n"
    (street.configs / "b.yml").write_text(text)
    assert street.names() == []


def test_one_that_is_down_is_unheard_and_its_secrets_are_known_to_the_log(street: Street) -> None:
    street.add("a.yml", nobody())
    url = nobody()
    street.add("b.yml", url, user="b", **{"pass": _PASSWORD})
    [found] = street.around().neighbours
    assert isinstance(found, Unheard)
    assert url in found.why
    assert _PASSWORD not in found.why
    assert _PASSWORD in street.hidden


def test_no_other_config_is_read_before_somebody_asks(street: Street) -> None:
    street.add("a.yml", nobody())
    street.add("b.yml", nobody(), user="b", **{"pass": _PASSWORD})

    async def nothing() -> None:
        async with neighbourhood(street.config, street.others, street.folder):
            pass

    asyncio.run(nothing())
    assert street.hidden == set()


def test_another_config_of_the_same_server_only_adds_its_roots(street: Street) -> None:
    (street.data / "tv").mkdir()
    url = nobody()
    street.add("a.yml", url)
    street.add("b.yml", url.replace("127.0.0.1", "localhost"), "/more", street.data / "tv")
    assert street.around() == Surroundings(roots=(("/more", str(street.data / "tv")),))


def test_another_config_of_the_same_server_that_contradicts_is_unheard(street: Street) -> None:
    (street.data / "tv").mkdir()
    url = nobody()
    street.add("a.yml", url)
    street.add("b.yml", url, "/data", street.data / "tv")
    [found] = street.around().neighbours
    assert isinstance(found, Unheard)
    assert "one of them is wrong" in found.why


# What they own


def test_everyone_has_the_torrents_of_both_and_tells_them_apart(street: Street) -> None:
    one, other = simulated(street.folder / "disk"), simulated(street.folder / "disk")
    one.add([torrent(1, "a.mkv")])
    other.add([torrent(1, "a.mkv", save_path="/b/films"), torrent(2, "b.mkv")])
    with one.run_in_thread() as a, other.run_in_thread() as b:
        street.add("a.yml", a)
        street.add("b.yml", b, "/b", street.data)
        known = street.everyone()
    assert known.unheard == ()
    same, second = f"{1:040x}", f"{2:040x}"
    assert {*known.torrents} == {same, f"{same}@b.yml", f"{second}@b.yml"}
    paths = {each: torrent.save_path or "" for each, torrent in known.torrents.items()}
    local = {str(each): known.paths.local(path) for each, path in paths.items()}
    assert local == {
        same: f"{street.data}/films",
        f"{same}@b.yml": f"{street.data}/films",
        f"{second}@b.yml": None,
    }
    assert known.paths.root_of(paths[known.torrents[next(iter(known.torrents))].hash]) == 0


@pytest.mark.parametrize("trouble", ["none", "loading", "failing"])
def test_a_neighbour_that_cannot_tell_is_unheard(street: Street, trouble: str) -> None:
    one, other = simulated(street.folder / "disk"), simulated(street.folder / "disk")
    one.add([torrent(1, "a.mkv")])
    if trouble == "loading":
        other.add([torrent(2, "b.mkv", state=State.CHECKING_RESUME_DATA)])
    elif trouble == "failing":
        other.faults.add(Failing(500), "torrents/info", times=None)
    with one.run_in_thread() as a, other.run_in_thread() as b:
        street.add("a.yml", a)
        street.add("b.yml", b)
        known = street.everyone()
        [stray] = [street.data / "films/a.mkv"]
        assert street.unowned(stray).unowned == frozenset()
    [(config_file, why)] = known.unheard
    assert config_file == "b.yml"
    assert why
    assert [*known.torrents] == [f"{1:040x}"]


def test_a_neighbours_files_are_owned_wherever_it_keeps_them(street: Street) -> None:
    one, other = simulated(street.folder / "disk"), simulated(street.folder / "disk")
    one.add([torrent(1, "a.mkv")])
    files = {name: street.data / name for name in ("films/b.mkv", "c.mkv", "d.mkv")}
    for each in files.values():
        each.parent.mkdir(exist_ok=True)
        each.write_text("0123456789")
    other.add(
        [
            torrent(2, "b.mkv", save_path="/b/films"),
            # Outside the roots of its config, but named as this machine names it.
            torrent(3, "c.mkv", save_path=str(street.data)),
        ]
    )
    with one.run_in_thread() as a, other.run_in_thread() as b:
        street.add("a.yml", a)
        street.add("b.yml", b, "/b/films", street.data / "films")
        found = street.unowned(*files.values())
    assert found.unowned == {str(files["d.mkv"])}
    assert found.owners == {
        str(files["films/b.mkv"]): ("torrent 2 (b.yml)",),
        str(files["c.mkv"]): ("torrent 3 (b.yml)",),
    }


def test_a_server_on_windows_owns_its_files_in_whatever_case_it_writes_its_root(
    street: Street,
) -> None:
    one, other = (
        simulated(street.folder / "disk"),
        Simulator(credentials=Credentials(required=False)),
    )
    one.add([torrent(1, "a.mkv")])
    other.add([torrent(2, "b.mkv", save_path=r"d:\DOWNLOADS\films")])
    file = street.data / "films/b.mkv"
    file.write_text("0123456789")
    with one.run_in_thread() as a, other.run_in_thread() as b:
        street.add("a.yml", a)
        street.add("b.yml", b, r"D:\Downloads", street.data)
        assert street.unowned(file).unowned == frozenset()


def test_what_another_config_has_put_away_is_its_own(street: Street) -> None:
    one, other = simulated(street.folder / "disk"), simulated(street.folder / "disk")
    one.add([torrent(1, "a.mkv")])
    other.add([torrent(2, "b.mkv")])
    kept = [street.data / each for each in ("tv/.Trash/a.mkv", "lost/a.mkv", ".RecycleBin/a.mkv")]
    for path in kept:
        path.parent.mkdir(parents=True)
        path.write_text("0123456789")
    with one.run_in_thread() as a, other.run_in_thread() as b:
        street.add("a.yml", a)
        bins = {"recycle_bin": f"{street.data}/.Trash", "orphaned_dir": f"{street.data}/lost"}
        street.add("b.yml", b, bins=bins)
        found = street.unowned(*kept)
    assert found.unowned == {str(kept[2])}
    assert found.why_not(str(kept[0])) == "it belongs to a bin of b.yml by now"


# Removals


def test_a_file_that_a_neighbour_seeds_stays_when_its_torrent_is_removed(street: Street) -> None:
    one, other = simulated(street.folder / "disk"), simulated(street.folder / "disk")
    one.add([torrent(1, "pack/a.mkv", "pack/b.mkv", trackers=(_GONE,))])
    other.add([torrent(1, "pack/a.mkv")])
    with one.run_in_thread() as a, other.run_in_thread() as b:
        street.add("a.yml", a)
        street.add("b.yml", b)
        report = street.remove()
    assert one.library.torrents == {}
    assert (street.data / "films/pack/a.mkv").exists()
    assert (street.data / ".RecycleBin/films/pack/b.mkv").exists()
    assert "torrent 1 (b.yml)" in str(report.plan.planned[0].reason)


def test_a_torrent_is_spared_while_a_neighbour_is_down(street: Street) -> None:
    one = simulated(street.folder / "disk")
    one.add([torrent(1, "a.mkv", trackers=(_GONE,))])
    with one.run_in_thread() as a:
        street.add("a.yml", a)
        street.add("b.yml", nobody())
        report = street.remove()
    assert [each.reason.code for each in report.plan.skipped] == [Code.CONTENT_UNHEARD]
    assert "b.yml" in str(report.plan.skipped[0].reason)
    assert len(one.library.torrents) == 1
    assert (street.data / "films/a.mkv").exists()


def test_a_run_that_touches_no_file_asks_no_neighbour(street: Street) -> None:
    one = simulated(street.folder / "disk")
    one.add([torrent(1, "a.mkv")])
    with one.run_in_thread() as a:
        street.add("a.yml", a)
        street.add("b.yml", nobody(), user="b", **{"pass": _PASSWORD})
        street.remove()
    assert street.hidden == set()


def test_a_neighbour_is_a_connected_server_with_its_roots(street: Street) -> None:
    other = simulated(street.folder / "disk")
    other.add([torrent(1, "a.mkv")])
    with other.run_in_thread() as b:
        street.add("a.yml", nobody())
        street.add("b.yml", b, "/b", street.data)
        [found] = street.around().neighbours
    assert isinstance(found, Neighbour)
    assert found.paths.roots == (("/b", str(street.data)),)
    assert found.server.server.version
