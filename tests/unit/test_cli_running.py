"""From configs to runs, and to an exit code."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import FilteringBoundLogger

from qbm.cli.running import Ended, Job, Order, Performed, Place, perform, run_each
from qbm.config import Commands, State
from qbm.engine.request import Concluded, Mode, RunReport
from qbm.errors import Interrupted, LeaseLost, QbmError, ServerUnreachable, StoreUnwritable
from qbm.log.logger import FileSettings, Log
from qbm.log.records import Level, as_plain_text, as_stamped_text
from qbm.log.sinks import Screen
from qbm.model.change import AddTags
from qbm.model.command import CommandName
from qbm.model.plan import Failed, Plan, Planned
from qbm.model.reason import Code, because
from qbm.model.torrent import TorrentHash

_BOTH = (CommandName.CAT_UPDATE, CommandName.TAG_UPDATE)
_CONFIG = "qbt: {host: 'localhost:8080'}\ncat: {a: /data/a}\n"


def _report(config_file: str = "config.yml", *, is_whole: bool = True) -> RunReport:
    planned = Planned(AddTags(TorrentHash("a" * 40), ("b",)), _BOTH[1], because(Code.TAG_PRIVATE))
    return RunReport(
        run_id="1",
        config_file=config_file,
        mode=Mode.REAL,
        executed=_BOTH,
        plan=Plan(),
        concluded=() if is_whole else (Concluded(planned, Failed("no")),),
        refused=(),
        warnings=(),
        stats={},
        names={},
        torrents=0,
        seconds=0.0,
    )


class _Desk:
    """Takes an order for the configs in a folder, and notes what is to be run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.screen = io.StringIO()
        self.log = Log(
            Level.INFO,
            Screen(self.screen, Level.INFO, as_plain_text(0), is_terminal=False),
        )
        self.jobs: Sequence[Job] = ()
        self.carry_out: Callable[[Job], Awaitable[RunReport]] = _all_well

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def place(self, *, config_file: str = "*.yml", **order: Any) -> Performed:
        return self.order(config_file=str(self.folder / config_file), **order)

    def order(self, **order: Any) -> Performed:
        try:
            return perform(self._order(order), self.log, self._run_all)
        finally:
            self.log.close()

    def _order(self, order: dict[str, Any]) -> Order:
        return Order(
            **{
                "place": Place(
                    environ={}, program_dir=None, file_flag="--config", in_container=False
                ),
                "config_dir": None,
                "choose": lambda _: _BOTH,
                "log_file": lambda folder: FileSettings(
                    path=folder / "logs/a.log", layout=as_stamped_text(0)
                ),
                **order,
            }
        )

    def _run_all(
        self, jobs: Sequence[Job], state: State, log: FilteringBoundLogger
    ) -> Sequence[Ended]:
        assert state.folder == self.folder
        self.jobs = jobs
        steps = run_each(jobs, self.carry_out, log)
        try:
            steps.send(None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        raise AssertionError("nothing here waits")


async def _all_well(job: Job) -> RunReport:
    return _report(job.request.config_file)


def _failing(**errors: Exception) -> Callable[[Job], Awaitable[RunReport]]:
    async def carry_out(job: Job) -> RunReport:
        name = Path(job.request.config_file).stem
        if name in errors:
            raise errors[name]
        return _report(job.request.config_file)

    return carry_out


@pytest.fixture
def desk(tmp_path: Path) -> _Desk:
    return _Desk(tmp_path)


def test_each_config_is_run_in_turn_by_name(desk: _Desk) -> None:
    for name in ("b.yml", "a.yml", "c.yaml", "secrets.yml"):
        desk.write(name, _CONFIG)
    performed = desk.place(config_file="*")
    assert performed.exit_code == 0
    assert [each.config_file for each in performed.ended] == ["a.yml", "b.yml", "c.yaml"]


def test_the_worst_exit_code_stands_and_all_others_were_run(desk: _Desk) -> None:
    for name in ("a.yml", "b.yml", "c.yml"):
        desk.write(name, _CONFIG)
    desk.carry_out = _failing(a=ServerUnreachable("gone"), b=LeaseLost("taken"))
    performed = desk.place()
    assert performed.exit_code == 3
    assert [each.exit_code for each in performed.ended] == [3, 1, 0]
    assert "error: gone\n" in desk.screen.getvalue()
    assert "error: taken\n" in desk.screen.getvalue()


def test_trouble_with_the_state_folder_keeps_the_configs_after_it_from_being_run(
    desk: _Desk,
) -> None:
    for name in ("a.yml", "b.yml", "c.yml"):
        desk.write(name, _CONFIG)
    desk.carry_out = _failing(b=StoreUnwritable("full"), c=AssertionError("it was run"))
    performed = desk.place()
    assert performed.exit_code == 1
    assert [each.exit_code for each in performed.ended] == [0, 1, 1]
    assert "c.yml was not run" in performed.ended[2].error
    assert "error: c.yml was not run: it shares the state folder." in desk.screen.getvalue()


def test_a_stop_keeps_the_configs_after_it_from_being_run(desk: _Desk) -> None:
    for name in ("a.yml", "b.yml", "c.yml"):
        desk.write(name, _CONFIG)
    desk.carry_out = _failing(b=Interrupted("stopped"))
    performed = desk.place()
    assert performed.exit_code == 130
    assert [each.exit_code for each in performed.ended] == [0, 130]


def test_a_run_that_did_not_do_all_it_planned_is_1(desk: _Desk) -> None:
    desk.write("a.yml", _CONFIG)

    async def in_part(_: Job) -> RunReport:
        return _report(is_whole=False)

    desk.carry_out = in_part
    assert desk.place().exit_code == 1


def test_the_problems_of_all_configs_are_told_and_none_is_run(desk: _Desk) -> None:
    desk.write("a.yml", _CONFIG)
    desk.write("b.yml", "qbt: {host: 'x y'}\n")
    desk.write("c.yml", "no mapping")
    performed = desk.place()
    assert (performed.exit_code, performed.ended, desk.jobs) == (2, (), ())
    told = desk.screen.getvalue()
    for part in ("b.yml:1:", "qbt.host", "neither cat nor tracker", "c.yml:1:", "Nothing was done"):
        assert part in told
    assert "qbt.host" in performed.error


@pytest.mark.parametrize(
    ("section", "asked", "mode"),
    [
        ("", Mode.REAL, Mode.REAL),
        ("", Mode.DRY, Mode.DRY),
        ("commands: {dry_run: true}\n", Mode.REAL, Mode.DRY),
        ("commands: {dry_run: false}\n", Mode.DRY, Mode.DRY),
    ],
)
def test_a_dry_run_asked_for_anywhere_is_one(
    desk: _Desk, section: str, asked: Mode, mode: Mode
) -> None:
    desk.write("a.yml", _CONFIG + section)
    desk.place(mode=asked)
    assert [job.request.mode for job in desk.jobs] == [mode]


@pytest.mark.parametrize(
    ("section", "asked", "warns"),
    [
        ("", True, True),
        ("", False, False),
        ("commands: {skip_qb_version_check: true}\n", True, False),
        ("commands: {skip_qb_version_check: false}\n", False, False),
    ],
)
def test_the_version_warning_is_silenced_by_flag_or_section(
    desk: _Desk, section: str, asked: bool, warns: bool
) -> None:
    desk.write("a.yml", _CONFIG + section)
    desk.place(warns_of_version=asked)
    assert [job.request.warns_of_version for job in desk.jobs] == [warns]


def test_the_section_of_each_config_can_decide_its_commands(desk: _Desk) -> None:
    desk.write("a.yml", f"{_CONFIG}commands: {{tag_update: true}}\n")
    desk.write("b.yml", f"{_CONFIG}commands: {{tag_update: false}}\n")
    desk.write("c.yml", _CONFIG)

    def choose(section: Commands | None) -> tuple[CommandName, ...]:
        return section.names if section else _BOTH

    performed = desk.place(choose=choose)
    assert [each.exit_code for each in performed.ended] == [0, 0, 0]
    assert [each.report is not None for each in performed.ended] == [True, False, True]
    assert "b.yml: no command is on, so nothing is done there." in desk.screen.getvalue()


def test_no_command_for_any_config_is_an_error_that_says_what_to_give(desk: _Desk) -> None:
    desk.write("a.yml", _CONFIG)
    performed = desk.place(choose=lambda _: ())
    assert performed.exit_code == 2
    assert "no command was asked for, and none is on under commands: in a.yml" in performed.error


def test_a_named_file_beside_a_named_folder_is_told_if_others_are_meant_too(desk: _Desk) -> None:
    desk.write("a.yml", _CONFIG)
    desk.place(config_dir=desk.folder, passed_over="a.yml")
    assert "--config-dir means all" not in desk.screen.getvalue()
    desk.write("b.yml", _CONFIG)
    desk.place(config_dir=desk.folder, passed_over="a.yml")
    assert "--config-dir means all configs in" in desk.screen.getvalue()


def test_a_config_of_the_current_folder_that_is_not_meant_is_told(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, here = desk.folder / "qbit-manage", desk.folder / "here"
    for folder in (usual, here):
        folder.mkdir()
        (folder / "elsewhere.yml").write_text(_CONFIG, encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.folder))
    monkeypatch.chdir(here)
    desk.folder = usual
    desk.order(config_file="elsewhere.yml")
    told = desk.screen.getvalue()
    assert f"warning: {usual}/elsewhere.yml is used, not {here}/elsewhere.yml of" in told
    assert "-c ./elsewhere.yml means the one here" in told
    assert f"({usual}/elsewhere.yml)" in told


def test_a_fault_of_ours_is_1_and_its_details_are_in_the_log_file(desk: _Desk) -> None:
    desk.write("a.yml", _CONFIG)
    desk.carry_out = _failing(a=KeyError("oops"))
    performed = desk.place()
    assert performed.exit_code == 1
    assert "A fault in qbm" in performed.error
    assert str(desk.folder / "logs/a.log") in desk.screen.getvalue()
    assert "Traceback" not in desk.screen.getvalue()
    assert "Traceback" in (desk.folder / "logs/a.log").read_text("utf-8")


def test_the_secrets_of_every_config_are_hidden_in_log_and_answer(desk: _Desk) -> None:
    desk.write("a.yml", _CONFIG.replace("8080'", "8080', user: u, pass: 'the pass'"))
    desk.write("b.yml", _CONFIG.replace("8080'", "8080', apikey: qbt_key1234"))
    error = QbmError("it said: the pass, qbt_key1234")
    desk.carry_out = _failing(a=error)
    performed = desk.place()
    assert "error: it said: ***, ***\n" in desk.screen.getvalue()
    assert desk.log.redactor.clean(performed.ended[0].error) == "it said: ***, ***"
