"""The log: sentences or JSON, on a screen and in files that are renamed when full."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from qbm.engine.counting import STATS
from qbm.log.logger import FileSettings, Log, is_terminal
from qbm.log.records import Layout, Level, Record, as_json, as_plain_text, as_stamped_text
from qbm.log.screen import columns
from qbm.log.sinks import LogFile, Screen
from qbm.log.wording import counted

_CHANGE: dict[str, Any] = {
    "command": "cat_update",
    "torrent": "Ubuntu 24.04",
    "hash": "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678",
    "what": "category (none) → linux",
    "reason": "its save path /data/iso is listed under it",
}
_UBUNTU = "cat_update  Ubuntu 24.04 [a1b2c3d4]"
_UBUNTU_WHOLE = f"cat_update  Ubuntu 24.04 [{_CHANGE['hash']}]"
_CHANGE_LINE = f"{_UBUNTU}  {_CHANGE['what']}: {_CHANGE['reason']}"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def _log(
    stream: io.StringIO,
    layout: Layout | None = None,
    *,
    level: Level = Level.INFO,
    is_coloured: bool = False,
    hidden: tuple[str, ...] = (),
) -> Log:
    layout = layout or as_plain_text(0)
    return Log(level, Screen(stream, level, layout, is_terminal=is_coloured, hidden=hidden))


def _file(folder: Path, **settings: Any) -> FileSettings:
    return FileSettings(**{"path": folder / "logs/a.log", "layout": as_stamped_text(0), **settings})


def _shown(event: str, **fields: Any) -> str:
    stream = io.StringIO()
    _log(stream, level=Level.DEBUG).logger.info(event, **fields)
    return stream.getvalue()


_DONE = "2 categories set, 1 tag added"
_ENDED: dict[str, Any] = {
    "mode": "real",
    "whole": True,
    "torrents": 1000,
    "planned": 3,
    "seconds": 1.26,
    "stats": {"tagged": 1, "categorized": 2},
}


@pytest.mark.parametrize(
    ("event", "fields", "sentence"),
    [
        ("change", _CHANGE, _CHANGE_LINE),
        ("would_change", _CHANGE, f"[dry run] {_CHANGE_LINE}"),
        (
            "change",
            {"command": "cat_update", "what": "create category a", "reason": "there is none"},
            "cat_update  create category a: there is none",
        ),
        (
            "left_alone",
            {**_CHANGE, "reason": "not complete"},
            f"{_UBUNTU_WHOLE}  left alone: not complete",
        ),
        (
            "deferred",
            {**_CHANGE, "reason": "too early"},
            f"{_UBUNTU}  later: too early",
        ),
        (
            "not_changed",
            {**_CHANGE, "outcome": "failed", "detail": "the server said no"},
            f"{_UBUNTU}  NOT DONE, category (none) → linux: the server said no",
        ),
        (
            "run_ended",
            _ENDED,
            f"Done: {_DONE}. 1,000 torrents, 1.3 s.",
        ),
        (
            "run_ended",
            {**_ENDED, "mode": "dry", "torrents": 1, "seconds": 0.042},
            f"Dry run: {_DONE}; but nothing was changed. 1 torrent, 0.04 s.",
        ),
        (
            "run_ended",
            {**_ENDED, "whole": False},
            f"Done in part: {_DONE}; see the warnings above. 1,000 torrents, 1.3 s.",
        ),
        (
            "run_ended",
            {**_ENDED, "whole": False, "stats": {}},
            "Not all of it could be done; see the warnings above. 1,000 torrents, 1.3 s.",
        ),
        (
            "settled",
            {"changes": 1},
            "An earlier run was cut off; looked into 1 change that it had begun.",
        ),
        (
            "run_ended",
            {**_ENDED, "planned": 0, "stats": {}},
            "Nothing to change. 1,000 torrents, 1.3 s.",
        ),
        (
            "run_ended",
            {**_ENDED, "stats": {}},
            "Done: 3 changes. 1,000 torrents, 1.3 s.",
        ),
        ("nobody_worded_this", {"a": 1}, "nobody_worded_this a=1"),
    ],
)
def test_events_read_as_sentences(event: str, fields: dict[str, Any], sentence: str) -> None:
    assert _shown(event, **fields) == f"{sentence}\n"


def test_every_counter_of_a_run_has_words() -> None:
    assert len(counted(dict.fromkeys(STATS, 2)).split(", ")) == len(STATS)


def test_a_long_name_is_cut_and_a_wide_one_by_its_columns() -> None:
    for name in ("x" * 250, "日" * 120):
        line = _shown("change", **{**_CHANGE, "torrent": name})
        assert "… [a1b2c3d4]" in line
        assert columns(line.partition(" [a1b2")[0]) <= 60


def test_at_info_nothing_is_told_that_is_for_debugging() -> None:
    stream = io.StringIO()
    log = _log(stream)
    log.logger.debug("left_alone", **_CHANGE)
    assert not stream.getvalue()


def test_warnings_and_errors_say_what_they_are() -> None:
    stream = io.StringIO()
    log = _log(stream)
    log.logger.info("warning", text="a")
    log.logger.warning("warning", text="b")
    log.logger.error("failed", text="c")
    assert stream.getvalue() == "a\nwarning: b\nerror: c\n"


def test_a_stamped_line_has_date_time_and_level() -> None:
    stream = io.StringIO()
    _log(stream, as_stamped_text(0)).logger.warning("warning", text="text")
    date, time, level, text = stream.getvalue().split()
    assert (len(date), len(time), level, text) == (10, 8, "WARNING", "text")


@pytest.mark.parametrize("layout", [as_plain_text(60), as_stamped_text(60)])
def test_no_line_is_wider_than_asked_and_nothing_is_lost(layout: Layout) -> None:
    stream = io.StringIO()
    reason = f"its save path /{'data/' * 30} is listed"
    _log(stream, layout).logger.info("change", **{**_CHANGE, "reason": reason})
    lines = stream.getvalue().splitlines()
    assert len(lines) > 3
    assert max(map(columns, lines)) <= 60
    assert "".join(reason.split()) in "".join("".join(lines).split())


def test_without_a_width_an_event_is_one_line_however_long() -> None:
    assert _shown("warning", text="long " * 1000).count("\n") == 1


def test_json_lines_keep_the_whole_name_and_are_plain_ascii() -> None:
    stream = io.StringIO()
    name = "日本\x1b[31m\u202e" * 40
    _log(stream, as_json).logger.info("change", **{**_CHANGE, "torrent": name})
    [line] = stream.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    event = json.loads(line)
    assert (event["torrent"], event["level"], event["event"]) == (name, "info", "change")
    assert event["text"].startswith("cat_update  日本\\x1b[31m\\u202e")


def test_control_characters_are_written_out_in_text() -> None:
    line = _shown("change", **{**_CHANGE, "torrent": "a\x1b[2J\nb"})
    assert "a\\x1b[2J\\nb" in line
    assert line.count("\n") == 1


def test_secrets_are_hidden_at_any_depth_and_in_every_sink(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = _log(stream, as_json)
    log.redactor.learn(["s3cr3t"])
    log.write_to(_file(tmp_path))
    fault = RuntimeError("the password s3cr3t")
    log.logger.critical("crashed", text="s3cr3t", deep={"a": ["s3cr3t"]}, exc_info=fault)
    log.close()
    written = (tmp_path / "logs/a.log").read_text("utf-8")
    assert "s3cr3t" not in stream.getvalue() + written
    assert json.loads(stream.getvalue())["deep"] == {"a": ["***"]}
    assert "RuntimeError: the password ***" in written


def test_a_traceback_is_for_the_file_and_on_the_screen_only_at_debug(tmp_path: Path) -> None:
    for level, is_shown in ((Level.INFO, False), (Level.DEBUG, True)):
        stream = io.StringIO()
        log = _log(stream, level=level)
        log.write_to(_file(tmp_path))
        log.logger.critical("crashed", text="a fault", exc_info=ValueError("x"))
        log.close()
        assert ("ValueError: x" in stream.getvalue()) is is_shown
        assert "error: a fault" in stream.getvalue()
    assert (tmp_path / "logs/a.log").read_text("utf-8").count("ValueError: x") == 2


def test_colours_and_what_passes_are_for_terminals_only() -> None:
    for stream, is_coloured in ((io.StringIO(), False), (_Terminal(), True)):
        log = _log(stream, is_coloured=is_coloured)
        log.logger.info(
            "run_started",
            version="1",
            commands=["cat_update"],
            server="localhost",
            config_path="/config/config.yml",
        )
        log.logger.warning("warning", text="careful")
        log.close()
        text = stream.getvalue()
        assert ("\x1b[33m" in text) is is_coloured
        assert ("Reading from qBittorrent" in text) is is_coloured
        assert text.endswith("\x1b[0m\n" if is_coloured else "careful\n")


@pytest.mark.parametrize(
    ("stream", "environ", "shows_colours"),
    [
        (_Terminal(), {"TERM": "xterm"}, True),
        (_Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (_Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (_Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_no_color_and_dumb_terminals_are_respected(
    stream: io.StringIO, environ: dict[str, str], shows_colours: bool
) -> None:
    assert is_terminal(stream, environ) is shows_colours


def test_right_to_left_names_keep_their_place_on_a_terminal_and_are_plain_elsewhere() -> None:
    for stream, is_coloured in ((io.StringIO(), False), (_Terminal(), True)):
        log = _log(stream, is_coloured=is_coloured)
        log.logger.info("change", **{**_CHANGE, "torrent": "שלום"})
        assert ("\u2068שלום\u2069 [a1b2c3d4]" in stream.getvalue()) is is_coloured
        assert ("\u2068" in stream.getvalue()) is is_coloured


def test_what_the_answer_tells_is_hidden_on_the_screen_but_not_in_the_file(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = _log(stream, hidden=("change",))
    log.write_to(_file(tmp_path))
    log.logger.info("change", **_CHANGE)
    log.close()
    assert not stream.getvalue()
    assert _CHANGE_LINE in (tmp_path / "logs/a.log").read_text("utf-8")


def test_a_screen_that_nobody_looks_at_any_more_does_not_stop_anything(tmp_path: Path) -> None:
    log = _log(_Closed())
    log.write_to(_file(tmp_path))
    log.logger.info("change", **_CHANGE)
    log.logger.info("change", **_CHANGE)
    log.close()
    assert (tmp_path / "logs/a.log").read_text("utf-8").count(_CHANGE_LINE) == 2


def test_a_log_file_is_its_owner_s_and_so_is_its_folder(tmp_path: Path) -> None:
    log = _log(io.StringIO())
    log.write_to(_file(tmp_path))
    log.logger.info("warning", text="x")
    log.close()
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "logs/a.log").stat().st_mode) == 0o600


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_full_log_is_renamed_and_so_many_are_kept(tmp_path: Path, count: int) -> None:
    log = _log(io.StringIO())
    log.write_to(_file(tmp_path, size=1, count=count))
    for number in range(6):
        log.logger.info("warning", text=f"{number} " + "x" * 600_000)
    log.close()
    kept = {path.name: path.read_text("utf-8") for path in (tmp_path / "logs").iterdir()}
    assert set(kept) == {"a.log", *(f"a.log.{number + 1}" for number in range(count))}
    assert " 5 x" in kept["a.log"]
    assert all(len(text) < 1_000_000 for text in kept.values())
    for number in range(count):
        assert f" {4 - number} x" in kept[f"a.log.{number + 1}"]


def test_two_programs_that_fill_one_log_do_not_lose_each_other_s_lines(tmp_path: Path) -> None:
    logs = [_log(io.StringIO()) for _ in range(2)]
    for log in logs:
        log.write_to(_file(tmp_path, size=1, count=9))
    for number in range(10):
        logs[number % 2].logger.info("warning", text=f"<{number}>" + "x" * 300_000)
    for log in logs:
        log.close()
    everything = "".join(path.read_text("utf-8") for path in (tmp_path / "logs").iterdir())
    assert all(everything.count(f"<{number}>") == 1 for number in range(10))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_is_told_once_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.log").symlink_to("/dev/full")
    stream = io.StringIO()
    log = _log(stream)
    log.write_to(_file(tmp_path))
    for number in range(3):
        log.logger.info("warning", text=str(number))
    assert stream.getvalue().count("No space left on device") == 1
    assert "2\n" in stream.getvalue()
    assert log.file is None


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_name_that_is_no_unicode_does_not_stop_the_log(tmp_path: Path) -> None:
    log = _log(io.StringIO(), as_json)
    log.write_to(_file(tmp_path, layout=as_json))
    log.logger.info("change", **{**_CHANGE, "torrent": "caf\udce9"})
    log.close()
    assert "caf\\udce9" in (tmp_path / "logs/a.log").read_text("utf-8")


def test_a_file_that_could_not_be_written_is_tried_again_after_a_while(tmp_path: Path) -> None:
    def written(pause: float) -> str:
        complaints: list[str] = []
        folder = tmp_path / f"logs {pause}"
        folder.write_text("no folder")
        file = LogFile(folder / "a.log", as_plain_text(0), 1000, 1, complaints.append, pause)
        for number in range(3):
            file.write(Record(Level.INFO, "", {"event": "warning"}, f"line {number}"))
            if number == 1:
                folder.unlink()
        file.close()
        told = [text.rpartition(".log ")[2].split(" (")[0].split(";")[0] for text in complaints]
        return ", ".join(told + ([(folder / "a.log").read_text()] if folder.exists() else []))

    assert written(0) == "cannot be written, can be written again, line 2\n"
    assert written(60) == "cannot be written"
