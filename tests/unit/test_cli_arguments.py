"""The classic door's table: every flag and variable, which wins, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from qbm import __version__
from qbm.cli.arguments import OPTIONS, Arguments, Option, boolean
from qbm.cli.classic import usage
from qbm.cli.classic_run import warnings
from qbm.cli.doors import configs_of, is_in_container
from qbm.cli.parsing import Read, read
from qbm.errors import UsageError

_SPEC = {
    ("-r", "--run", "QBT_RUN"): ("true", True),
    ("-sch", "--schedule", "QBT_SCHEDULE"): ("0 */6 * * *", "0 */6 * * *"),
    ("-sd", "--startup-delay", "QBT_STARTUP_DELAY"): ("30", 30),
    ("-c", "--config-file", "QBT_CONFIG"): ("*.yml", "*.yml"),
    ("-cd", "--config-dir", "QBT_CONFIG_DIR"): ("/config", "/config"),
    ("-lf", "--log-file", "QBT_LOGFILE"): ("a.log", "a.log"),
    ("-re", "--recheck", "QBT_RECHECK"): ("yes", True),
    ("-cu", "--cat-update", "QBT_CAT_UPDATE"): ("1", True),
    ("-tu", "--tag-update", "QBT_TAG_UPDATE"): ("ON", True),
    ("-ru", "--rem-unregistered", "QBT_REM_UNREGISTERED"): ("t", True),
    ("-tte", "--tag-tracker-error", "QBT_TAG_TRACKER_ERROR"): ("T", True),
    ("-ro", "--rem-orphaned", "QBT_REM_ORPHANED"): ("True", True),
    ("-tnhl", "--tag-nohardlinks", "QBT_TAG_NOHARDLINKS"): ("true", True),
    ("-sl", "--share-limits", "QBT_SHARE_LIMITS"): ("TRUE", True),
    ("-sc", "--skip-cleanup", "QBT_SKIP_CLEANUP"): ("true", True),
    ("-svc", "--skip-qb-version-check", "QBT_SKIP_QB_VERSION_CHECK"): ("true", True),
    ("-dr", "--dry-run", "QBT_DRY_RUN"): ("true", True),
    ("-ll", "--log-level", "QBT_LOG_LEVEL"): ("debug", "DEBUG"),
    ("-db", "--debug", "QBT_DEBUG"): ("true", True),
    ("-tr", "--trace", "QBT_TRACE"): ("true", True),
    ("-ls", "--log-size", "QBT_LOG_SIZE"): ("3", 3),
    ("-lc", "--log-count", "QBT_LOG_COUNT"): ("0", 0),
    ("", "--log-format", "QBT_LOG_FORMAT"): ("JSON", "json"),
    ("-d", "--divider", "QBT_DIVIDER"): ("-", "-"),
    ("-w", "--width", "QBT_WIDTH"): ("90", 90),
    ("-ws", "--web-server", "QBT_WEB_SERVER"): ("false", False),
    ("-H", "--host", "QBT_HOST"): ("127.0.0.1", "127.0.0.1"),
    ("-p", "--port", "QBT_PORT"): ("9000", 9000),
    ("-b", "--base-url", "QBT_BASE_URL"): ("/qbm", "/qbm"),
}
"""cli.md's table: flags and variable; a text to give, and the value that it means."""

_DEFAULTS = {
    "schedule": "1440",
    "startup_delay": 0,
    "config_file": "config.yml",
    "log_file": "qbit_manage.log",
    "log_level": "INFO",
    "log_size": 10,
    "log_count": 5,
    "log_format": "text",
    "web_server": None,
    "host": "0.0.0.0",
    "port": 8080,
    "base_url": "",
    "run": False,
    "dry_run": False,
}

_ROWS = [(*spellings, *given) for spellings, given in _SPEC.items()]
_SWITCHES = [option for option in OPTIONS if option.is_switch]


def _option(long: str) -> Option:
    return next(option for option in OPTIONS if option.long == long)


def _value(asked: Read, long: str) -> Any:
    return getattr(asked.arguments, _option(long).name)


def test_the_table_has_the_flags_and_variables_of_the_spec_and_no_other() -> None:
    rows = {(option.short, option.long, option.variable) for option in OPTIONS}
    assert rows == {*_SPEC, ("-v", "--version", ""), ("-h", "--help", "")}


@pytest.mark.parametrize(("name", "default"), _DEFAULTS.items())
def test_without_flag_and_variable_the_default_of_the_spec_stands(name: str, default: Any) -> None:
    assert getattr(read([], {}).arguments, name) == default


@pytest.mark.parametrize(("short", "long", "variable", "text", "value"), _ROWS)
def test_each_argument_can_be_given_by_variable(
    short: str, long: str, variable: str, text: str, value: Any
) -> None:
    assert _value(read([], {variable: text}), long) == value


@pytest.mark.parametrize(("short", "long", "variable", "text", "value"), _ROWS)
def test_each_argument_can_be_given_by_its_long_flag_with_an_equals_sign(
    short: str, long: str, variable: str, text: str, value: Any
) -> None:
    assert _value(read([f"{long}={text}"], {}), long) == value


@pytest.mark.parametrize(("short", "long", "variable", "text", "value"), _ROWS)
def test_each_argument_can_be_given_by_either_flag_as_words(
    short: str, long: str, variable: str, text: str, value: Any
) -> None:
    is_plain_switch = _option(long).is_switch and long != "--web-server"
    for flag in filter(None, (short, long)):
        assert _value(read([flag] if is_plain_switch else [flag, text], {}), long) == value


@pytest.mark.parametrize(
    "option", [each for each in OPTIONS if each.variable], ids=lambda option: option.long
)
def test_an_empty_variable_is_as_good_as_none(option: Option) -> None:
    assert read([], {option.variable: "  "}).arguments == Arguments()


@pytest.mark.parametrize(
    ("argv", "environ", "long", "value"),
    [
        (["-p", "1"], {"QBT_PORT": "2"}, "--port", 1),
        (["--cat-update=false"], {"QBT_CAT_UPDATE": "true"}, "--cat-update", False),
        (["-ll", "ERROR"], {"QBT_LOG_LEVEL": "TRACE"}, "--log-level", "ERROR"),
        (["-p", "1", "-p", "3"], {}, "--port", 3),
    ],
)
def test_a_flag_beats_the_variable_and_a_later_flag_an_earlier_one(
    argv: list[str], environ: dict[str, str], long: str, value: Any
) -> None:
    assert _value(read(argv, environ), long) == value


def test_a_dry_run_asked_for_by_variable_stays_one_whatever_the_flag_says() -> None:
    assert read(["--dry-run=false"], {"QBT_DRY_RUN": "true"}).arguments.dry_run


@pytest.mark.parametrize("word", ["true", "T", "1", "Yes", "ON", " true "])
def test_these_words_are_true(word: str) -> None:
    assert boolean(word) is True


@pytest.mark.parametrize("word", ["false", "F", "0", "No", "OFF"])
def test_these_words_are_false(word: str) -> None:
    assert boolean(word) is False


@pytest.mark.parametrize(
    "option", [each for each in _SWITCHES if each.variable], ids=lambda option: option.long
)
def test_any_other_word_for_a_switch_is_refused_and_its_variable_named(option: Option) -> None:
    with pytest.raises(UsageError, match=rf"{option.variable}: 'perhaps' is wrong\. Allowed: true"):
        read([], {option.variable: "perhaps"})


@pytest.mark.parametrize(
    ("argv", "allowed"),
    [
        (["-p", "0"], "from 1 to 65535"),
        (["-p", "http"], "from 1 to 65535"),
        (["-sd", "-1"], "from 0"),
        (["-ls", "0"], "from 1"),
        (["-ll", "LOUD"], "TRACE, DEBUG, INFO"),
        (["--log-format", "xml"], "text, json"),
        (["-sch", "often"], "number of minutes"),
        (["-sch", "0"], "number of minutes"),
        (["-sch", "* * *"], "number of minutes"),
        (["-w", "wide"], "a whole number"),
    ],
)
def test_a_wrong_value_is_refused_and_what_is_allowed_is_said(
    argv: list[str], allowed: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read(argv, {})
    assert argv[0] in str(refused.value)
    assert allowed in str(refused.value)


@pytest.mark.parametrize("schedule", ["1", "1440", "*/5 * * * *", "0 0 4 * * MON-FRI", "@daily"])
def test_minutes_and_cron_expressions_are_schedules(schedule: str) -> None:
    assert read(["-sch", schedule], {}).arguments.schedule == schedule


@pytest.mark.parametrize(
    ("flag", "nearest"),
    [
        ("--dryrun", "--dry-run"),
        ("-dryrun", "--dry-run"),
        ("-dry", "-dr"),
        ("--cat_update", "--cat-update"),
        ("--catupdate=true", "--cat-update"),
        ("-tnh", "-tnhl"),
        ("--tag-nohardlink", "--tag-nohardlinks"),
    ],
)
def test_an_unknown_flag_is_refused_and_the_nearest_known_one_named(
    flag: str, nearest: str
) -> None:
    with pytest.raises(UsageError, match=rf"Unknown flag .* Did you mean {nearest}\?"):
        read(["--run", flag], {})


def test_a_flag_that_resembles_none_is_refused_without_a_guess() -> None:
    with pytest.raises(UsageError) as refused:
        read(["--zzzzzz"], {})
    assert str(refused.value) == "Unknown flag --zzzzzz."


def test_a_variable_that_is_a_slip_away_from_ours_is_refused() -> None:
    with pytest.raises(UsageError, match=r"QBT_DRYRUN\. Did you mean QBT_DRY_RUN\?"):
        read([], {"QBT_DRYRUN": "true"})


def test_other_variables_that_begin_like_ours_may_be_anything() -> None:
    assert read([], {"QBT_PASS": "for !ENV in a config"}).arguments == Arguments()


@pytest.mark.parametrize("flag", ["-c", "--port"])
@pytest.mark.parametrize("rest", [[], ["--run"]])
def test_a_flag_without_its_value_is_refused(flag: str, rest: list[str]) -> None:
    with pytest.raises(UsageError, match=f"{flag} needs a value"):
        read([flag, *rest], {})


def test_a_stray_word_is_refused() -> None:
    with pytest.raises(UsageError, match="'now' is no flag"):
        read(["--run", "now"], {})


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        read(["--dryrun", "-p", "0", "-c"], {"QBT_RUN": "perhaps", "QBT_LOG_FILE": "x"})
    told = str(refused.value).splitlines()
    assert len(told) == 5


@pytest.mark.parametrize("flag", ["-h", "--help", "-v", "--version"])
def test_help_and_version_are_answered_whatever_else_is_wrong(flag: str) -> None:
    asked = read(["--dryrun", flag], {"QBT_RUN": "perhaps"}).arguments
    assert asked.help or asked.version


@pytest.mark.parametrize("words", [["-ws"], ["--web-server"], ["-ws", "--run"]])
def test_the_web_server_flag_alone_means_on(words: list[str]) -> None:
    assert read(words, {}).arguments.web_server is True


@pytest.mark.parametrize("words", [["-ws", "False"], ["--web-server=no"]])
def test_the_web_server_flag_takes_a_word(words: list[str]) -> None:
    assert read(words, {}).arguments.web_server is False


def test_the_help_names_every_flag_and_variable_and_fits_80_columns() -> None:
    text = usage()
    for option in OPTIONS:
        for spelling in (option.short, option.long, option.variable):
            assert spelling in text
    assert max(map(len, text.splitlines())) <= 80


def test_what_comes_later_is_accepted_and_said_in_one_line() -> None:
    asked = read(["--run", "-sd=5"], {"QBT_SCHEDULE": "60"})
    [line] = warnings(asked)
    for told in ("--startup-delay", "QBT_SCHEDULE", "later version"):
        assert told in line


def test_a_destructive_command_that_older_versions_took_for_off_is_told() -> None:
    environ = {"QBT_SHARE_LIMITS": "yes", "QBT_TAG_UPDATE": "yes", "QBT_REM_ORPHANED": "true"}
    [line] = warnings(read([], environ))
    assert line.startswith("QBT_SHARE_LIMITS=yes switches share_limits on.")


def test_with_the_flag_nobody_doubts_a_destructive_command() -> None:
    assert not list(warnings(read(["-sl"], {"QBT_SHARE_LIMITS": "yes"})))


@pytest.mark.parametrize(
    ("argv", "environ", "meant"),
    [
        ([], {}, ("config.yml", None)),
        (["-c", "*.yml"], {}, ("*.yml", None)),
        (["-cd", "/configs"], {}, ("config.yml", Path("/configs"))),
        ([], {"QBT_CONFIG_DIR": "/configs"}, ("config.yml", Path("/configs"))),
        (["-c", "a.yml"], {"QBT_CONFIG_DIR": "/configs"}, ("/configs/a.yml", None)),
        (["-c", "a.yml", "-cd", "/configs"], {}, ("a.yml", Path("/configs"))),
    ],
)
def test_which_configs_are_meant(
    argv: list[str], environ: dict[str, str], meant: tuple[str, Path | None]
) -> None:
    assert configs_of(read(argv, environ)) == meant


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("1", True), ("no", False)])
def test_container_mode_is_forced_by_its_variable(said: str, meant: bool) -> None:
    assert is_in_container({"QBM_DOCKER": said}) is meant


def test_a_wrong_word_for_container_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="QBM_DOCKER: 'perhaps' is wrong"):
        is_in_container({"QBM_DOCKER": "perhaps"})


def test_the_version_is_the_package_s() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == __version__


@pytest.mark.parametrize("flag", ["-d", "-lf", "-H", "-b", "-cd", "--config-file"])
@pytest.mark.parametrize("mistyped", ["--dryrun", "--dry_run", "-dryrun", "-dr"])
def test_a_mistyped_dry_run_behind_a_flag_is_not_its_value(flag: str, mistyped: str) -> None:
    with pytest.raises(UsageError, match="needs a value"):
        read(["--run", "-cu", flag, mistyped], {})


def test_a_value_with_a_dash_is_written_with_an_equals_sign() -> None:
    assert read(["--log-file=-odd.log"], {}).arguments.log_file == "-odd.log"
    assert read(["-d", "-"], {}).arguments.divider == "-"


@pytest.mark.parametrize("flag", ["--config-dir", "--config-file", "-lf", "--dry-run"])
def test_an_empty_value_is_refused(flag: str) -> None:
    with pytest.raises(UsageError, match=f"{flag} is empty"):
        read([f"{flag}="], {})


@pytest.mark.parametrize("argv", [["-dr", "--dry-run=false"], ["--dry-run=false", "-dr"]])
def test_a_dry_run_asked_for_once_stays_one(argv: list[str]) -> None:
    assert read(argv, {}).arguments.dry_run is True
