"""``qbm config`` as people use it: a process of its own, real files, an exit status."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from qbm.config import SAMPLE, load
from qbm.config.publishing import json_schema
from tests.program import qbm

_SECRET = "hunter2hunter2"
_RIGHT = f"qbt: {{host: 'localhost:1', user: me, pass: {_SECRET}}}\ncat: {{films: /data}}\n"
_UNKNOWN = f"{_RIGHT}setings: {{}}\n"
_WRONG = f"{_RIGHT}share_limits:\n  g: {{priority: 0, max_ratio: {_SECRET}}}\nx: 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yml"
    path.write_text(_RIGHT, encoding="utf-8")
    return path


# validate


def test_a_right_file_ends_with_0_and_says_so(file: Path) -> None:
    ended = qbm("config", "validate", str(file))
    assert (ended.status, ended.errors) == (0, "")
    assert ended.output == f"{file}: nothing is wrong with it.\n"


def test_every_problem_stands_in_a_line_with_its_place(file: Path) -> None:
    file.write_text(_WRONG, encoding="utf-8")
    ended = qbm("config", "validate", str(file))
    assert (ended.status, ended.errors) == (2, "")
    first, second, third, last = ended.output.splitlines()
    assert first.startswith(f"error: {file}:4:17: share_limits.g.priority: it is no priority (allo")
    assert second.startswith(f"error: {file}:4:31: share_limits.g.max_ratio: it is no ratio (allo")
    assert third == f"warning: {file}:5:1: x: unknown key"
    assert last == f"{file}: 2 errors and 1 warning; it cannot be used."
    assert _SECRET not in ended.output


def test_an_unknown_key_is_a_warning_and_with_strict_an_error(file: Path) -> None:
    file.write_text(_UNKNOWN, encoding="utf-8")
    lenient = qbm("config", "validate", str(file))
    assert lenient.status == 0
    assert lenient.output.startswith(f"warning: {file}:3:1: setings: unknown key; did you mean")
    assert lenient.output.endswith("1 warning; it can be used.\n")
    strict = qbm("config", "validate", "--strict", str(file))
    assert strict.status == 2
    assert strict.output.startswith(f"error: {file}:3:1: setings: unknown key")


def test_what_the_commands_of_the_file_do_not_need_is_an_error_all_the_same(file: Path) -> None:
    file.write_text(
        f"{_RIGHT}commands: {{tag_update: true}}\norphaned: {{min_file_age_minutes: x}}\n"
    )
    assert qbm("config", "validate", str(file)).status == 2


def test_several_files_are_all_told_about(file: Path) -> None:
    other = file.with_name("other.yml")
    other.write_text(_WRONG, encoding="utf-8")
    absent = file.with_name("absent.yml")
    ended = qbm("config", "validate", str(file), str(other), str(absent))
    assert ended.status == 2
    assert f"error: {absent}: there is no such file" in ended.output.splitlines()
    assert [line.rpartition("; ")[2] for line in ended.output.splitlines()[-3:]] == [
        f"{file}: nothing is wrong with it.",
        "it cannot be used.",
        "it cannot be used.",
    ]
    folder = qbm("config", "validate", "--config-dir", str(file.parent), "--json")
    assert folder.status == folder.json["exit_code"] == 2
    assert [each["path"] for each in folder.json["configs"]] == [str(file), str(other)]
    assert [each["valid"] for each in folder.json["configs"]] == [True, False]
    (priority, ratio) = folder.json["configs"][1]["problems"]
    assert (priority["line"], priority["column"], priority["kind"]) == (4, 17, "value")
    assert ratio["path"] == "share_limits.g.max_ratio"
    assert folder.json["configs"][1]["warnings"][0]["kind"] == "unknown_key"


def test_variables_say_which_files_are_meant_and_flags_win(file: Path) -> None:
    folder = str(file.parent)
    assert qbm("config", "validate", QBT_CONFIG_DIR=folder).status == 0
    named = qbm("config", "validate", "--config-file", "no.yml", QBT_CONFIG_DIR=folder)
    assert named.status == 2
    assert "error: There is no config file no.yml" in named.errors
    assert "`qbm config sample`" in named.errors


def test_a_file_that_is_named_twice_over_is_refused_politely(file: Path) -> None:
    ended = qbm("config", "validate", str(file), "--config", "other.yml")
    assert ended.status == 2
    assert "either files are named" in ended.errors
    assert "Traceback" not in ended.errors


def test_an_error_before_any_file_is_in_the_json_too(tmp_path: Path) -> None:
    ended = qbm("config", "validate", "--config-dir", str(tmp_path), "--json")
    assert ended.status == ended.json["exit_code"] == 2
    assert "There is no config file" in ended.json["error"]
    assert ended.json["configs"] == []


def test_nothing_is_written_by_any_of_them(file: Path) -> None:
    file.write_text(_WRONG, encoding="utf-8")
    file.chmod(0o400)
    os.utime(file, (1, 1))
    before = (file.read_bytes(), file.stat())
    for word in ("validate", "show"):
        qbm("config", word, str(file))
        qbm("config", word, "--config-dir", str(file.parent))
    after = file.stat()
    assert list(file.parent.iterdir()) == [file]
    assert file.read_bytes() == before[0]
    assert (after.st_mtime_ns, stat.S_IMODE(after.st_mode)) == (10**9, 0o400)
    assert after.st_ino == before[1].st_ino


# show


def test_show_has_every_key_with_its_origin_and_no_secret(file: Path) -> None:
    file.write_text(
        f"{_RIGHT}tracker:\n  https://t.example/{_SECRET * 2}1/announce: {{tag: x}}\n  y: z\n"
        "directory: {root_dir: !ENV ROOT}\nshare_limits: {g: {priority: 1, max_seeding_time: 7d}}\n"
        f"webhooks: {{recheck: https://w.example/{_SECRET}}}\n",
        encoding="utf-8",
    )
    ended = qbm("config", "show", str(file), ROOT="/data")
    assert ended.status == 0
    assert _SECRET not in ended.output
    shown = YAML(typ="safe").load(ended.output)
    assert set(shown) == set(json_schema()["properties"])
    assert shown["qbt"] == {
        "host": "localhost:1",
        "name": None,
        "user": "me",
        "pass": "***",
        "apikey": None,
        "verify_certificate": False,
    }
    assert shown["directory"]["remote_dir"] == ["/data"]
    assert shown["directory"]["recycle_bin"] == ["/data/.RecycleBin"]
    assert shown["share_limits"]["g"]["max_seeding_time"] == 10080
    assert shown["webhooks"]["function"]["recheck"] == ["***"]
    assert shown["tracker"]["y"]["tag"] == ["z"]
    lines = ended.output.splitlines()
    for line in (
        '  host: "localhost:1"  # line 1',
        "  root_dir:  # line 6, !ENV ROOT",
        "    max_seeding_time: 10080  # line 7",
        "    max_ratio: -1",
        "    recheck:  # line 8",
        "    tag:  # line 5",
    ):
        assert line in lines


def test_show_is_json_too(file: Path) -> None:
    ended = qbm("config", "show", "--json", str(file))
    (config,) = ended.json["configs"]
    assert (ended.status, config["valid"]) == (0, True)
    assert config["config"]["cat"] == {"films": ["/data"]}
    assert config["config"]["settings"]["rem_unregistered_veto_hours"] == 48
    assert _SECRET not in ended.output


def test_what_cannot_be_used_is_not_shown_but_told(file: Path) -> None:
    file.write_text(_WRONG, encoding="utf-8")
    ended = qbm("config", "show", str(file))
    assert (ended.status, ended.output) == (2, "")
    assert "share_limits.g.priority" in ended.errors
    as_json = qbm("config", "show", "--json", str(file))
    assert as_json.status == 2
    assert as_json.json["configs"][0]["config"] is None
    assert len(as_json.json["configs"][0]["problems"]) == 2


# schema, sample, help


def test_the_schema_is_that_of_the_models() -> None:
    ended = qbm("config", "schema")
    assert (ended.status, ended.json) == (0, json_schema())


def test_the_sample_can_be_used_as_it_is(tmp_path: Path) -> None:
    ended = qbm("config", "sample")
    assert (ended.status, ended.errors) == (0, "")
    assert ended.output == SAMPLE.read_text(encoding="utf-8")
    path = tmp_path / "config.yml"
    path.write_text(ended.output, encoding="utf-8")
    assert load(path, {}).config is not None


@pytest.mark.parametrize("word", ["validate", "show", "schema", "sample"])
def test_help_has_examples(word: str) -> None:
    ended = qbm("config", word, "--help")
    assert ended.status == 0
    assert f"  qbm config {word}" in ended.output


def test_what_is_shown_can_be_read_whatever_the_names(file: Path) -> None:
    names = [
        "no",
        "~",
        "1080",
        "a: b",
        "#x",
        "é",
        "'",
        '"',
        "a\u202eb",
        "[x]",
        "a\u2028b",
        "x" * 300,
        "- y",
    ]
    document = {"qbt": {"host": "x"}, "cat": dict.fromkeys(names, "/data/*")}
    file.write_text(json.dumps(document), encoding="utf-8")
    ended = qbm("config", "show", str(file))
    assert list(YAML(typ="safe", pure=True).load(ended.output)["cat"]) == names
