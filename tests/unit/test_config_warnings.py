"""What commands need of a config, what is older, and what is doubtful."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qbm.config import Kind, Loaded, Problem, load
from qbm.model.command import CommandName

_C = CommandName
_BASE = "qbt: {host: x}\ncat: {a: /b}\n"
_CLEANUP = "share_limits: {g: {priority: 1, max_ratio: 1, cleanup: true}}\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Loaded]:
    """Reads a config with these sections."""

    def read(text: str) -> Loaded:
        path = tmp_path / "config.yml"
        path.write_text(_BASE + text, encoding="utf-8")
        return load(path, {})

    return read


def _told(problems: tuple[Problem, ...]) -> list[tuple[Kind, int, str]]:
    return [(each.kind, each.line, each.path) for each in problems]


def _line(problem: Problem) -> str:
    return str(problem).removeprefix(problem.file)


# What commands need


@pytest.mark.parametrize(
    ("text", "asked", "is_needed"),
    [
        ("", [_C.REM_ORPHANED], True),
        ("recyclebin: {enabled: false}\n", [_C.REM_ORPHANED], True),
        ("", [_C.TAG_NOHARDLINKS], True),
        ("", [_C.REM_UNREGISTERED], True),
        ("recyclebin: {enabled: false}\n", [_C.REM_UNREGISTERED], False),
        ("", [_C.SHARE_LIMITS], False),
        (_CLEANUP, [_C.SHARE_LIMITS], True),
        (f"{_CLEANUP}recyclebin: {{enabled: false}}\n", [_C.SHARE_LIMITS], False),
        (_CLEANUP, [_C.CAT_UPDATE, _C.TAG_UPDATE, _C.TAG_TRACKER_ERROR, _C.RECHECK], False),
        ("directory: {root_dir: /d}\n", [_C.REM_ORPHANED, _C.REM_UNREGISTERED], False),
    ],
)
def test_the_folder_of_the_downloads_is_needed_by_commands_that_look_into_it(
    read: Callable[[str], Loaded], text: str, asked: list[CommandName], is_needed: bool
) -> None:
    run = read(text).for_commands(asked)
    assert [each.path for each in run.problems] == ["directory.root_dir"] * is_needed
    assert [each.kind for each in run.problems] == [Kind.NEEDED] * is_needed
    assert (run.config is None) == is_needed


def test_what_the_commands_of_the_config_need_is_missing_at_once(
    read: Callable[[str], Loaded],
) -> None:
    loaded = read("directory: {remote_dir: }\ncommands: {rem_orphaned: true, recheck: true}\n")
    (problem,) = loaded.problems
    assert _line(problem) == (
        ":3:1: directory.root_dir: the folder of the downloads is needed by rem_orphaned "
        "(allowed: a path)"
    )
    run = loaded.for_commands([_C.RECHECK])
    assert run.problems == ()
    assert run.config is not None
    assert "rem_orphaned; that was not asked for" in str(run.warnings[0])


def test_a_folder_that_is_wrong_is_not_missing_as_well(read: Callable[[str], Loaded]) -> None:
    loaded = read("directory: {root_dir: {a: b}}\ncommands: {rem_orphaned: true}\n")
    assert _told(loaded.problems) == [(Kind.VALUE, 3, "directory.root_dir")]


def test_a_variable_that_is_unset_is_an_error_where_its_value_is_needed(
    read: Callable[[str], Loaded],
) -> None:
    loaded = read("directory:\n  root_dir: !ENV UNSET\n")
    assert _told(loaded.warnings) == [(Kind.UNSET_VARIABLE, 4, "directory.root_dir")]
    assert loaded.problems == ()
    run = loaded.for_commands([_C.TAG_NOHARDLINKS])
    assert _told(run.problems) == [(Kind.NEEDED, 4, "directory.root_dir")]


def test_deleting_without_a_bin_is_offered_only_to_commands_that_remove(
    read: Callable[[str], Loaded],
) -> None:
    (needed,) = read("").for_commands([_C.REM_UNREGISTERED]).problems
    assert "recyclebin.enabled: false" in needed.allowed
    (needed,) = read("").for_commands([_C.REM_UNREGISTERED, _C.REM_ORPHANED]).problems
    assert needed.allowed == "a path"
    assert "needed by rem_unregistered, rem_orphaned" in needed.reason


# Older keys


def test_older_keys_work_and_are_told_with_those_of_today(read: Callable[[str], Loaded]) -> None:
    loaded = read(
        "settings: {share_limits_suffix_tag: x}\n"
        "share_limits:\n  g:\n    priority: 1\n    last_active: 7d\n"
        "apprise: {notify_url: json://x}\n"
        "webhooks:\n  recheck: apprise\n  function: {}\n"
    )
    assert [_line(each) for each in loaded.warnings] == [
        (
            ":3:12: settings.share_limits_suffix_tag: a key of older files; today it is "
            "share_limits_tag"
        ),
        ":7:5: share_limits.g.last_active: a key of older files; today it is min_last_active",
        ":10:3: webhooks.recheck: a key of older files; today it is function.recheck",
    ]
    assert {each.kind for each in loaded.warnings} == {Kind.LEGACY}
    config = loaded.required()
    assert config.settings.share_limits_tag == "x"
    assert config.share_limits["g"].min_last_active.days == 7
    assert config.webhooks.function.recheck == ("apprise",)


def test_an_older_key_beside_that_of_today_has_no_effect(read: Callable[[str], Loaded]) -> None:
    loaded = read("share_limits: {g: {priority: 1, last_active: 7d, min_last_active: 1d}}\n")
    assert [each.reason for each in loaded.warnings] == [
        "it has no effect, for min_last_active is there as well"
    ]
    assert loaded.required().share_limits["g"].min_last_active.days == 1


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("webhooks:\n  recheck: nobody\n", "webhooks.recheck"),
        ("settings:\n  share_limits_suffix_tag: a,b\n", "settings.share_limits_suffix_tag"),
        ("share_limits:\n  g: {last_active: soon}\n", "share_limits.g.last_active"),
        ("nohardlinks:\n  - films: {ignore_root_dir: x}\n", "nohardlinks.0.films.ignore_root_dir"),
    ],
)
def test_what_is_wrong_in_an_older_form_is_found_where_it_stands(
    read: Callable[[str], Loaded], text: str, path: str
) -> None:
    (problem,) = read(text).problems
    assert (problem.line, problem.path) == (4, path)


# Doubts


def test_a_number_of_minutes_in_quotes_is_told_once(read: Callable[[str], Loaded]) -> None:
    loaded = read(
        "share_limits:\n"
        "  a: {priority: 1, max_seeding_time: '43200', min_last_active: \"60\"}\n"
        "  b: {priority: 2, max_seeding_time: !!str 5, max_last_active: '-1'}\n"
        "  c: {priority: 3, max_seeding_time: 43200, min_last_active: '7d', min_num_seeds: '3'}\n"
    )
    assert _told(loaded.warnings) == [(Kind.DOUBTFUL, 4, "share_limits.a.max_seeding_time")]
    assert "minutes, as without; it once was seconds, and so are 2 more" in str(loaded.warnings[0])
    assert loaded.required().share_limits["a"].max_seeding_time == (
        loaded.required().share_limits["c"].max_seeding_time
    )


def test_a_group_without_a_priority_is_told_which_it_gets(read: Callable[[str], Loaded]) -> None:
    loaded = read("share_limits:\n  a: {priority: 4.5}\n  b: {max_ratio: 1}\n  c:\n")
    assert [_line(each) for each in loaded.warnings] == [
        (
            ":5:6: share_limits.b: it has no priority, so it gets 5.5 "
            "(allowed: priority: 1 or any number above)"
        ),
        (
            ":6:3: share_limits.c: it has no priority, so it gets 6.5 "
            "(allowed: priority: 1 or any number above)"
        ),
    ]


@pytest.mark.parametrize(
    "tag", ["MinSeedsNotMet", "~share_limit_1.g", "~share_limit_9.gone", "mine"]
)
def test_a_group_that_filters_on_a_tag_of_the_command_is_doubtful(
    read: Callable[[str], Loaded], tag: str
) -> None:
    loaded = read(
        "share_limits:\n  g: {priority: 1}\n  h: {priority: 2, custom_tag: mine}\n"
        f"  i:\n    priority: 3\n    exclude_any_tags: [x, {tag}]\n"
    )
    assert _told(loaded.warnings) == [(Kind.DOUBTFUL, 8, "share_limits.i.exclude_any_tags")]


def test_a_group_may_filter_on_any_other_tag(read: Callable[[str], Loaded]) -> None:
    loaded = read("share_limits: {g: {priority: 1, include_all_tags: [noHL, ~share_limits]}}\n")
    assert loaded.warnings == ()


@pytest.mark.parametrize("service", ["notifiarr", "apprise"])
def test_a_receiver_without_an_address_is_doubtful(
    read: Callable[[str], Loaded], service: str
) -> None:
    loaded = read(f"webhooks:\n  error: {service}\n  function:\n    recheck: [{service}]\n")
    assert _told(loaded.warnings) == [
        (Kind.DOUBTFUL, 4, "webhooks.error"),
        (Kind.DOUBTFUL, 6, "webhooks.function.recheck"),
    ]
    address = "notifiarr: {apikey: k}\napprise: {notify_url: json://x}\n"
    assert read(f"webhooks: {{error: {service}}}\n{address}").warnings == ()


# Unknown keys


def test_strict_makes_errors_of_unknown_keys_and_of_nothing_else(
    read: Callable[[str], Loaded],
) -> None:
    loaded = read("setings: {a: b}\nshare_limits: {g: {max_ratios: 1}}\n")
    assert [each.kind for each in loaded.warnings] == [
        Kind.UNKNOWN_KEY,
        Kind.DOUBTFUL,
        Kind.UNKNOWN_KEY,
    ]
    strict = loaded.strict()
    assert strict.config is None
    assert _told(strict.problems) == [
        (Kind.UNKNOWN_KEY, 3, "setings"),
        (Kind.UNKNOWN_KEY, 4, "share_limits.g.max_ratios"),
    ]
    assert [each.kind for each in strict.warnings] == [Kind.DOUBTFUL]
    assert "did you mean max_ratio?" in strict.problems[1].reason
    assert read("").strict().config is not None


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("directory: {root: /a}\n", "root_dir"),
        ("recyclebin: {enable: true}\n", "enabled"),
        ("orphaned: {exclude_pattern: x}\n", "exclude_patterns"),
        ("nohardlinks: {films: {exclude_tag: x}}\n", "exclude_tags"),
        ("nohardlinks: [films: {exclude_tag: x}]\n", "exclude_tags"),
        ("webhooks: {function: {cleanup_dir: apprise}}\n", "cleanup_dirs"),
        ("webhooks: {rechek: apprise}\n", "recheck"),
        ("tracker: {x: {tags: y}}\n", "tag"),
        ("tracker_messages: {unregisterd: y}\n", "unregistered"),
        ("recycle_bin: {enabled: true}\n", "recyclebin"),
        ("settings: {root_dir: /a}\n", "it belongs under directory"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_known_one(
    read: Callable[[str], Loaded], text: str, near: str
) -> None:
    loaded = read(text)
    assert [(each.kind, each.line) for each in loaded.warnings] == [(Kind.UNKNOWN_KEY, 3)]
    assert near in str(loaded.warnings[0])
    assert loaded.problems == ()
