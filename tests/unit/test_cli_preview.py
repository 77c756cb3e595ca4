"""The plan as a table: readable, complete, told apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from qbm.cli.preview import LeftAlone, Page, left_alone_counted, left_alone_listed, preview
from qbm.cli.running import Ended, Performed
from qbm.engine.request import Mode, RunReport
from qbm.log.screen import columns
from qbm.model.change import CreateCategory, SetCategory
from qbm.model.command import CommandName
from qbm.model.plan import Deferred, Notice, Plan, Planned, Skipped
from qbm.model.reason import Code, Reason, because
from tests.factories import a_hash

_CAT = CommandName.CAT_UPDATE
_BY_PATH = because(Code.CATEGORY_FROM_PATH, save_path="/data/films")


def _moved(key: str, after: str = "films", reason: Reason = _BY_PATH) -> Planned:
    return Planned(SetCategory(a_hash(key), before="", after=after), _CAT, reason)


def _report(plan: Plan, names: dict[str, str]) -> RunReport:
    return RunReport(
        run_id="1",
        config_file="config.yml",
        mode=Mode.DRY,
        executed=(_CAT,),
        plan=plan,
        concluded=(),
        refused=(),
        warnings=(),
        stats={"categorized": len(plan.planned)},
        names={a_hash(key): name for key, name in names.items()},
        torrents=len(names),
        seconds=0.1,
    )


def _page(
    *reports: RunReport,
    width: int = 80,
    is_terminal: bool = False,
    left_alone: LeftAlone = left_alone_counted,
) -> list[str]:
    """The lines below the title, if there is only one plan."""
    lines = _whole(*reports, width=width, is_terminal=is_terminal, left_alone=left_alone)
    return lines if len(reports) > 1 else lines[lines.index("") + 1 :]


def _whole(
    *reports: RunReport,
    width: int = 80,
    is_terminal: bool = False,
    left_alone: LeftAlone = left_alone_counted,
) -> list[str]:
    ended = tuple(
        Ended(
            config_file=each.config_file,
            path=Path("/config", each.config_file),
            server="localhost:8080",
            report=each,
        )
        for each in reports
    )
    page = Page(width=width, is_terminal=is_terminal, clean=lambda text: text)
    return list(preview(Performed(exit_code=0, ended=ended), page, left_alone))


def _rows(lines: Sequence[str]) -> list[str]:
    """The lines of the first table, without its heading."""
    return list(lines[2 : lines.index("")])


def test_each_torrent_stands_with_its_change_and_its_reason() -> None:
    lines = _page(_report(Plan(planned=(_moved("a"),)), {"a": "A film"}), width=150)
    assert lines[0] == "cat_update: 1 change"
    assert lines[1].split() == ["Torrent", "Change", "Why"]
    [row] = _rows(lines)
    assert row.split("  ")[0] == "A film"
    assert "category (none) → films" in row
    assert row.endswith(str(_BY_PATH))
    assert lines[-1] == (
        "A run would make 1 change (1 category set); 1 torrent looked at. Nothing was changed."
    )


def test_torrents_with_the_same_change_and_reason_share_one_telling_of_it() -> None:
    plan = Plan(planned=(_moved("a"), _moved("b", "tv"), _moved("c")))
    rows = _rows(_page(_report(plan, {"a": "A", "b": "B", "c": "C"}), width=150))
    assert [row.split()[0] for row in rows] == ["A", "C", "B"]
    assert rows[1] == "C"


def test_equal_names_are_told_apart_by_their_hashes_and_only_they() -> None:
    names = {"a": "same", "b": "same", "c": "other", "d": "x" * 99 + "1", "e": "x" * 99 + "2"}
    plan = Plan(planned=tuple(_moved(key) for key in names))
    text = "\n".join(_page(_report(plan, names)))
    for key, name in (("a", "same"), ("b", "same"), ("d", "x…"), ("e", "x…")):
        assert f"{name} [{a_hash(key)[:8]}]" in text
    assert "other [" not in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize(
    "name",
    ["x" * 250, "日本語" * 40, "\x1b[2J\u202e\n" * 20, "שלום " * 40, "e\u0301" * 100, "🎬" * 60],
)
def test_no_name_makes_a_line_too_wide_or_drives_the_terminal(width: int, name: str) -> None:
    path = "/data/" + "a-very-long-folder-name/" * 9
    reason = because(Code.CATEGORY_FROM_PATTERN, save_path=path, entry=f"{path}*")
    create = Planned(CreateCategory("films", path), _CAT, because(Code.CATEGORY_MISSING, name=name))
    plan = Plan(
        planned=(create, _moved("a", reason=reason)),
        deferred=(Deferred(a_hash("a"), _CAT, reason),),
        skipped=(Skipped(a_hash("a"), _CAT, because(Code.NO_CATEGORY_ENTRY, save_path=path)),),
        notices=(Notice(_CAT, because(Code.PATH_WITHOUT_ENTRY, save_path=path, number=1)),),
    )
    lines = _page(_report(plan, {"a": name}), width=width)
    assert max(map(columns, lines)) <= width
    assert not {"\x1b", "\u202e", "\n"} & set("".join(lines))
    assert any(line.startswith("Not yet") for line in lines)
    assert any(line.startswith("Notes") for line in lines)


def test_what_is_left_alone_is_counted_by_its_kind_of_reason() -> None:
    def left(key: str, path: str) -> Skipped:
        return Skipped(a_hash(key), _CAT, because(Code.NO_CATEGORY_ENTRY, save_path=path))

    right = Skipped(a_hash("c"), _CAT, because(Code.CATEGORY_RIGHT, category="films"))
    plan = Plan(skipped=(right, left("a", "/x"), left("b", "/y")))
    lines = _page(_report(plan, {"a": "A", "b": "B", "c": "C"}))
    assert [line.split()[0] for line in lines[1:3]] == ["2", "1"]
    assert "its save path has no entry under cat" in lines[1]
    assert lines[-1] == "Nothing to change; 3 torrents looked at."


@pytest.mark.parametrize("code", Code, ids=str)
def test_a_kind_of_reason_is_told_without_holes(code: Code) -> None:
    plan = Plan(skipped=(Skipped(a_hash("a"), _CAT, Reason(code)),))
    line = _page(_report(plan, {"a": "A"}), width=200)[1]
    assert not {"{", "…"} & set(line)
    assert len(line) > len("       1  cat_update: ")


def test_each_torrent_that_is_left_alone_can_be_listed_with_its_own_reason() -> None:
    path = because(Code.NO_CATEGORY_ENTRY, save_path="/x")
    plan = Plan(skipped=(Skipped(a_hash("a"), _CAT, path), Skipped(a_hash("b"), _CAT, path)))
    report = _report(plan, {"a": "A film", "b": "B film"})
    lines = _page(report, width=150, left_alone=left_alone_listed)
    assert lines[0] == "Left alone"
    assert lines[1].split() == ["Torrent", "Command", "Why"]
    assert [line.split("  ")[0] for line in _rows(lines)] == ["A film", "B film"]
    assert "cat_update" in lines[2]
    assert lines[2].endswith("its save path /x has no entry under cat")


def test_a_plan_is_headed_by_its_server_and_the_whole_path_of_its_config() -> None:
    report = _report(Plan(), {})
    title = "Plan for localhost:8080 by /config/config.yml"
    assert _whole(report)[:2] == [title, ""]
    assert _whole(report)[2].startswith("Nothing to change")
    assert _whole(report, report).count(title) == 2


def test_on_a_terminal_headings_stand_out_and_right_to_left_names_keep_their_place() -> None:
    lines = _page(_report(Plan(planned=(_moved("a"),)), {"a": "שלום"}), is_terminal=True)
    assert lines[0] == "\x1b[1mcat_update: 1 change\x1b[0m"
    assert lines[2].startswith("\u2068שלום\u2069 ")
