"""A restore step by step on the simulator: what goes wrong in between loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.engine.request import RunReport
from qbm.errors import ServerUnreachable
from qbm.gateways.recycle_bin import FileState, Record, Records
from qbm.model.change import RestoreTorrent
from qbm.model.command import CommandName
from qbm.model.limit import ShareLimits
from qbm.model.plan import Applied, Failed
from qbm.model.torrent import TorrentFile
from qbm.simulator import Credentials, SimulatedTorrent, Simulator
from qbm.simulator.faults import CutAfter, Failing, Late, Restart
from qbm.simulator.profiles import PROFILES, Profile
from tests.engine import a_request, carry_out, dry
from tests.lab import torrents
from tests.lab.torrents import Torrent
from tests.unit.test_restoring import removed


@dataclass
class Scene:
    """A simulated server, a film in the bin of its downloads, and its record."""

    simulator: Simulator
    url: str
    folder: Path
    film: Torrent
    record: Record

    @property
    def root(self) -> Path:
        return self.folder / "disk/downloads"

    def keep(self, **facts: Any) -> None:
        """Have the record say something else."""
        self.record = replace(self.record, **facts)
        kept = {f"{self.record.hash}.torrent": self.film.metainfo}
        Records(self.folder / "state").save(self.record, kept)

    def run(self, *, is_dry: bool = False, **facts: Any) -> RunReport:
        asked = {"commands": (CommandName.RESTORE,), "hashes": (self.record.hash,), **facts}
        request = dry(**asked) if is_dry else a_request(**asked)
        directory = {"root_dir": "/downloads", "remote_dir": str(self.root)}
        sections = {"directory": directory, "cat": {"films": "/downloads/films"}}
        return carry_out(self.url, self.folder / "state", sections, request)

    @property
    def shown(self) -> SimulatedTorrent:
        [torrent] = self.simulator.library.torrents.values()
        return torrent

    @property
    def recorded(self) -> Record:
        found = Records(self.folder / "state").load(self.record.run_id, self.record.hash)
        assert found
        return found

    def assert_home(self) -> None:
        for path, content in self.film.files.items():
            assert (self.root / self.film.name / path).read_bytes() == content
        assert not (self.root / ".RecycleBin" / self.film.name).exists()

    def assert_binned(self) -> None:
        for path, content in self.film.files.items():
            assert (self.root / ".RecycleBin" / self.film.name / path).read_bytes() == content
        assert not (self.root / self.film.name).exists()


@pytest.fixture(params=[*PROFILES], ids=str)
def profile(request: pytest.FixtureRequest) -> Profile:
    """Every generation in turn."""
    return PROFILES[request.param]


@pytest.fixture
def scene(profile: Profile, tmp_path: Path) -> Iterator[Scene]:
    """One on each generation."""
    simulator = Simulator(profile, Credentials(required=False), disk=tmp_path / "disk")
    film = torrents.folder("A film")
    root = tmp_path / "disk/downloads"
    (root / ".RecycleBin").mkdir(parents=True)
    record = removed(film, root, save_path="/downloads", tags=("a",), is_stopped=True)
    files = tuple(replace(each, source=f"/downloads/{each.name}") for each in record.files)
    with simulator.run_in_thread() as url:
        made = Scene(simulator, url, tmp_path, film, record)
        made.keep(files=files)
        yield made


def test_it_is_back_with_all_that_it_had(scene: Scene) -> None:
    [first, *others] = scene.record.listing
    scene.keep(
        name="Another name",
        category="films",
        up_limit=2048,
        share_limits=ShareLimits(ratio_limit=1.5),
        listing=(TorrentFile(first.name, first.size, priority=0), *others),
    )
    report = scene.run()
    assert [each.outcome for each in report.concluded] == [Applied()]
    assert (report.stats["added"], report.exit_code) == (1, 0)
    scene.assert_home()
    shown = scene.shown
    assert (shown.name, shown.category, shown.tags) == ("Another name", "films", frozenset("a"))
    assert (shown.up_limit, shown.ratio_limit) == (2048, 1.5)
    assert [each.is_wanted for each in shown.files] == [False, True, True]
    assert scene.simulator.library.categories["films"].save_path == "/downloads/films"
    assert scene.recorded.restored_at
    assert {each.state for each in scene.recorded.files} == {FileState.RESTORED}
    asked = [each.path for each in scene.simulator.writes]
    assert asked[-1] == "torrents/recheck", "nobody has it start"


def test_what_was_running_is_stopped_and_started_within_its_check(scene: Scene) -> None:
    scene.keep(is_stopped=False)
    scene.run()
    paths = [each.path for each in scene.simulator.writes][-3:]
    words = {each.removeprefix("torrents/") for each in paths[1:]}
    assert paths[0] == "torrents/recheck"
    assert words in ({"stop", "start"}, {"pause", "resume"})


def test_a_dry_restore_only_says_so(scene: Scene) -> None:
    report = scene.run(is_dry=True)
    [planned] = report.plan.planned
    assert isinstance(planned.change, RestoreTorrent)
    assert not scene.simulator.writes
    scene.assert_binned()
    assert scene.recorded.restored_at is None


def test_a_server_that_refuses_the_torrent_leaves_the_files_in_the_bin(scene: Scene) -> None:
    scene.simulator.faults.add(Failing(415, "Error: not a valid torrent file."), "torrents/add")
    report = scene.run()
    [concluded] = report.concluded
    assert isinstance(concluded.outcome, Failed)
    assert "not a valid torrent file" in concluded.outcome.detail
    assert report.exit_code == 1
    scene.assert_binned()
    assert scene.recorded.restored_at is None
    assert scene.run().exit_code == 0, "the next attempt finds all as it was"
    scene.assert_home()


def test_an_addition_whose_answer_is_lost_or_late_counts(scene: Scene) -> None:
    scene.simulator.faults.add(CutAfter(), "torrents/add", times=1)
    scene.simulator.faults.add(Late(seconds=0.5), "torrents/add", times=None)
    assert scene.run().exit_code == 0
    scene.assert_home()
    assert scene.shown.tags == {"a"}


def test_a_server_that_goes_away_in_between_is_asked_by_the_next_run(scene: Scene) -> None:
    scene.simulator.faults.add(Restart(30), "torrents/addTags")
    with pytest.raises(ServerUnreachable):
        scene.run()
    scene.assert_home()
    assert scene.recorded.restored_at is None
    scene.simulator.away_until = 0
    report = scene.run(commands=(CommandName.CAT_UPDATE,), hashes=())
    assert report.exit_code == 0
    assert scene.shown.tags == {"a"}
    assert scene.recorded.restored_at


def test_what_cannot_be_set_is_told_and_the_rest_is_done(scene: Scene) -> None:
    scene.keep(up_limit=2048)
    scene.simulator.faults.add(Failing(409, "no"), "torrents/setUploadLimit")
    report = scene.run()
    [concluded] = report.concluded
    assert isinstance(concluded.outcome, Failed)
    assert "is back, but not all is as it was" in concluded.outcome.detail
    scene.assert_home()
    assert scene.shown.tags == {"a"}
    assert scene.recorded.restored_at, "it is there: a second restore would only be in the way"


def test_what_was_put_back_and_given_back_again_is_put_back_once_more(scene: Scene) -> None:
    scene.simulator.faults.add(Restart(30), "torrents/add")
    with pytest.raises(ServerUnreachable):
        scene.run()
    scene.assert_home()
    home, away = (folder / "A film/one.mkv" for folder in (scene.root, scene.root / ".RecycleBin"))
    away.parent.mkdir()
    home.rename(away)  # as a run does that is killed after the server has refused the torrent
    scene.simulator.away_until = 0
    assert scene.run(commands=(CommandName.CAT_UPDATE,), hashes=()).exit_code == 0
    scene.assert_home()
    assert scene.recorded.restored_at


def test_a_second_restore_finds_nothing_to_do(scene: Scene) -> None:
    scene.run()
    writes = len(scene.simulator.writes)
    report = scene.run()
    assert (report.plan.planned, report.exit_code) == ((), 0)
    assert len(scene.simulator.writes) == writes


def test_an_unknown_hash_does_nothing(scene: Scene) -> None:
    report = scene.run(hashes=("f" * 40,))
    assert not report.plan.planned
    scene.assert_binned()
