"""Loading a config: hostile files, usual mistakes, variables and secrets, parts not asked for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qbm.config import SAMPLE, InvalidConfigError, Loaded, Problem, load
from qbm.config.showing import effective
from qbm.errors import ConfigError
from qbm.model.command import CommandName

BASE = "qbt: {host: localhost}\ncat: {films: /data}\n"


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes the text into a config file."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "config.yml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def _only(loaded: Loaded) -> Problem:
    assert loaded.config is None
    (problem,) = loaded.problems
    return problem


# Syntax


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a:\n\tb: 1\n", (2, 1), "a tab character"),
        ("qbt:\n  host: x\n\tuser: y\n", (3, 1), "a tab character"),
        ("pass: @hunter2\n", (1, 7), "a value may not begin with this character"),
        ("pass: `hunter2\n", (1, 7), "a value may not begin with this character"),
        ("pass: %hunter2\n", (1, 7), "a value may not begin with this character"),
        ("pass: ,hunter2\n", (1, 7), "a value may not begin with this character"),
        (
            "pass: *hunter2\n",
            (1, 7),
            "* stands for a value named elsewhere, and none has this name",
        ),
        ("cat:\n  films: *\n", (2, 10), "* stands for a value named elsewhere, when not in quotes"),
        ("cat:\n  films: *.mkv\n", (2, 10), "* stands for a value named elsewhere, and none has"),
        ("pass: &hunter2\n", (1, 7), "& names a value for later, and none follows"),
        ("pass: & hunter2\n", (1, 7), "& names a value for later, when not in quotes"),
        ("pass: {hunter2\n", (1, 7), "{ begins a mapping, and it is not closed with }"),
        ("pass: [hunter2\nuser: x\n", (1, 7), "[ begins a list, and it is not closed with ]"),
        ("pass: !<hunter2\n", (1, 7), "! begins a type or !ENV and !FILE"),
        ("pass: |hunter2\n", (1, 7), "| or > begins a text of several lines"),
        ("pass: hun: ter2\n", (1, 10), "a second colon in the line"),
        ("pass: 'hunter2\n", (1, 7), "the quote that begins here is never closed"),
        ("pass: 'it's'\n", (1, 11), "the value goes on after it has ended"),
        ('pass: "hun" ter2\n', (1, 13), "the value goes on after it has ended"),
        ('path: "C:\\data"\n', (1, 11), "a backslash is special in double quotes"),
        ("qbt:\n  host localhost\n  user: x\n", (2, 3), "there is no colon after the key"),
        ("qbt:\n  host:localhost\n  user: x\n", (2, 3), "there is no space after the colon"),
        ("qbt:\n\n# x\nhost localhost\nuser: x\n", (4, 1), "there is no colon after the key"),
        ("a:\n  - b\n  -c\n  - d\n", (3, 3), "there is no space after the dash"),
        ("a: - b\n", (1, 4), "a list does not begin in the line of its key"),
        ("qbt:\n  host: x\n   user: y\n", (3, 4), "the line above has a value already"),
        ("qbt:\n   host: x\n  user: y\n", (3, 3), "the indentation does not fit the lines above"),
        ("cat:\n  a: b\n- c\n", (3, 1), "a list item where a key is expected"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second document begins here"),
        ("%YAML 3.0\n---\na: 1\n", (1, 1), "the %YAML line asks for another version"),
        ("%a: 1\n", (2, 1), "the lines above end the document"),
        ("a : : b\n", (1, 5), "a second colon in the line"),
        ("a: ? b\n", (1, 4), "this is not valid YAML"),
        ("x" * 2000 + ": y\n", (1, 2001), "a colon does not belong here"),
        ('a: "\\U00110000"\n', (1, 5), "no Unicode character is that high"),
        ("a: b\x00\n", (1, 5), "a control character (U+0000)"),
        ("a: b\nc: \x1b[1m\n", (2, 4), "a control character (U+001B)"),
        ("a: &a\n  b: *a\n", (2, 6), "the value named by this * holds itself"),
        ("[" * 100_000, (1, 41), "too deeply nested"),
        ("- " * 100_000, (1, 81), "too deeply nested"),
    ],
)
def test_a_mistake_in_the_syntax_is_named_at_its_place(
    config: Callable[[str], Path], text: str, place: tuple[int, int], reason: str
) -> None:
    problem = _only(load(config(text), {}))
    assert ((problem.line, problem.column), problem.path) == (place, "")
    assert problem.reason.startswith(reason)
    assert "ter2" not in str(problem)


def test_nesting_through_aliases_is_bounded(config: Callable[[str], Path]) -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000))
    assert _only(load(config(chain), {})).reason == "too deeply nested"
    merges = "a0: &a0 {x: y}\n" + "".join(f"a{n}: &a{n}\n  <<: *a{n - 1}\n" for n in range(1, 2000))
    assert _only(load(config(merges), {})).reason == "too deeply nested"


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
            for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        f"a: &a '{'x,' * 200_000}'\ncat: {{films: [{'*a,' * 100_000}]}}\n",
        f"a: &a {{{','.join(f'k{n}: v' for n in range(5000))}}}\nb:\n"
        + "".join(f"  c{n}: {{<<: *a}}\n" for n in range(5000)),
    ],
    ids=["billion laughs", "a long text many times", "merges"],
)
def test_a_small_file_that_stands_for_a_huge_one_is_refused_at_once(
    config: Callable[[str], Path], bomb: str
) -> None:
    start = time.perf_counter()
    problem = _only(load(config(bomb), {}))
    assert problem.reason.startswith("the file holds too much")
    assert problem.line > 1
    assert time.perf_counter() - start < 20


# Files


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    assert str(_only(load(path, {}))) == f"{path}: there is no such file"


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    assert _only(load(tmp_path, {})).reason == "this is a folder"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yml"
    os.mkfifo(pipe)
    assert _only(load(pipe, {})).reason == "this is no regular file"


def test_links_that_lead_to_nothing_or_to_themselves_are_no_config(tmp_path: Path) -> None:
    (tmp_path / "nothing.yml").symlink_to("nowhere")
    (tmp_path / "loop.yml").symlink_to("loop.yml")
    assert _only(load(tmp_path / "nothing.yml", {})).reason == "there is no such file"
    assert _only(load(tmp_path / "loop.yml", {})).reason.startswith("it cannot be read: ")


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="this user may read everything")
def test_a_file_without_permission_says_so(config: Callable[[str], Path]) -> None:
    path = config(BASE)
    path.chmod(0)
    assert _only(load(path, {})).reason == "it cannot be read: Permission denied"


@pytest.mark.parametrize("path", ["a\0b.yml", "\ud800.yml", "x" * 300])
def test_a_path_that_cannot_be_is_no_config(tmp_path: Path, path: str) -> None:
    assert _only(load(tmp_path / path, {})).reason


def test_a_file_beyond_the_limit_is_not_read(config: Callable[[str], Path]) -> None:
    problem = _only(load(config(BASE + "#" * 2**20), {}))
    assert (problem.reason, problem.allowed) == ("it is too large", "at most 1,048,576 bytes")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~\n", "\ufeff"])
def test_an_empty_file_says_that_it_is_empty(config: Callable[[str], Path], text: str) -> None:
    assert _only(load(config(text), {})).reason == "the file is empty"


@pytest.mark.parametrize("text", ["- a\n", "text\n", "'text'\n", "[a, b]\n"])
def test_a_file_that_is_no_mapping_says_so(config: Callable[[str], Path], text: str) -> None:
    problem = _only(load(config(text), {}))
    assert (problem.reason, problem.line) == ("the file is no mapping", 1)


@pytest.mark.parametrize("text", ["!!python/object:os.system {}\n", "!x\n", "!ENV NOT_SET\n"])
def test_a_file_that_is_only_a_tag_is_refused(config: Callable[[str], Path], text: str) -> None:
    assert _only(load(config(text), {})).line == 1


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(config: Callable[[bytes], Path], codec: str) -> None:
    text = BASE if codec == "utf-16" else f"\ufeff{BASE}"
    problem = _only(load(config(text.encode(codec)), {}))
    assert problem.reason == "it is saved as UTF-16"


def test_latin_1_is_found_where_it_is(config: Callable[[bytes], Path]) -> None:
    raw = b"\xef\xbb\xbfqbt: {host: x}\ncat:\n  \xc3\xa9 s\xe9ries: /data\n"
    problem = _only(load(config(raw), {}))
    assert (problem.reason, problem.line, problem.column) == ("it is not UTF-8 here", 3, 6)


@pytest.mark.parametrize(
    "raw",
    [b"\xef\xbb\xbf" + BASE.encode(), BASE.replace("\n", "\r\n").encode(), BASE.encode() + b"..."],
    ids=["byte order mark", "Windows line ends", "no line end at the end"],
)
def test_what_other_editors_write_is_read(config: Callable[[bytes], Path], raw: bytes) -> None:
    loaded = load(config(raw), {})
    assert loaded.problems == ()
    assert loaded.required().cat == {"films": ("/data",)}


# Texts


def test_a_problem_reads_as_file_line_column_path_reason_allowed(
    config: Callable[[str], Path],
) -> None:
    path = config(BASE + "settings:\n  cat_update_all: perhaps\n")
    assert str(_only(load(path, {}))) == (
        f"{path}:4:19: settings.cat_update_all: it is neither true nor false "
        "(allowed: true or false)"
    )


def test_keys_with_line_breaks_and_very_long_keys_stay_on_one_line(
    config: Callable[[str], Path],
) -> None:
    loaded = load(config(BASE + '"a\\nb\\u202e": c\n? ' + "long " * 100 + "\n: c\n"), {})
    first, second = map(str, loaded.warnings)
    assert "a\\nb\\u202e: unknown key" in first
    assert "\n" not in first
    assert len(second) < 400


def test_an_error_carries_every_problem_and_lists_them(config: Callable[[str], Path]) -> None:
    loaded = load(config("qbt: {host: 'a b', user: []}\ncat: {films: }\n"), {})
    with pytest.raises(ConfigError) as caught:
        loaded.required()
    assert isinstance(caught.value, InvalidConfigError)
    assert caught.value.problems == loaded.problems
    assert len(loaded.problems) == 3
    assert str(caught.value).splitlines() == [str(each) for each in loaded.problems]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "192.168.1.2:8080",
        "'[::1]:8080'",
        "http://localhost:8080",
        "HTTPS://example.org/qbittorrent/",
        "qbittorrent_vpn:8080",
    ],
)
def test_usual_addresses_are_taken(config: Callable[[str], Path], host: str) -> None:
    loaded = load(config(f"qbt:\n  host: {host}\ncat: {{a: b}}\n"), {})
    assert loaded.required().qbt.host == host.strip("'")


@pytest.mark.parametrize(
    "host",
    [
        "localhost:99999",
        "localhost:web",
        "localhost:0",
        "http://",
        "':8080'",
        "ftp://localhost",
        "local host:8080",
        "http://admin:hunter2@localhost:8080",
        "admin@localhost:8080",
        "http://localhost:8080/#/",
        "http://localhost:8080/?a=b",
        "'[::1'",
        "http://[hunter2]/",
    ],
)
def test_a_slip_in_the_address_is_found_without_repeating_it(
    config: Callable[[str], Path], host: str
) -> None:
    problem = _only(load(config(f"qbt:\n  host: {host}\ncat: {{a: b}}\n"), {}))
    assert (problem.line, problem.column, problem.path) == (2, 9, "qbt.host")
    assert "hunter2" not in str(problem)


# Variables and secrets


def test_variables_are_taken_as_they_are(config: Callable[[str], Path]) -> None:
    environ = {"PASS": " null", "USER": "no", "TAG": "a, b"}
    text = "qbt: {host: x, pass: !ENV PASS, user: !ENV USER}\ntracker: {x: !ENV TAG}\n"
    read = load(config(text), environ).required()
    assert read.qbt.password is not None
    assert read.qbt.password.get_secret_value() == " null"
    assert read.qbt.user == "no"
    assert read.tracker["x"].tags == ("a", "b")


def test_a_variable_with_half_a_character_is_refused(config: Callable[[str], Path]) -> None:
    text = BASE + "settings: {private_tag: !ENV HALF}\n"
    problem = _only(load(config(text), {"HALF": os.fsdecode(b"\xff")}))
    assert problem.reason == "the environment variable HALF holds half a character"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("!ENV", "!ENV names no variable"),
        ("!ENV ''", "!ENV names no variable"),
        ('!ENV "\\ud800"', "the name after !ENV holds half a character"),
        ("!ENV [A, B]", "! begins a tag that is not known here"),
        ("!FILE", "!FILE names no file"),
        ("!FILE {a: b}", "! begins a tag that is not known here"),
        ('!FILE "a\\nb"', "!FILE a\\nb: there is no such file"),
        ('!FILE "a\\0b"', "!FILE a\\x00b: it cannot be read: "),
        ('!FILE "\\ud800"', "!FILE \\ud800: it cannot be read: "),
        ("!FILE config.yml/x", "!FILE config.yml/x: it cannot be read: "),
        ('"\\ud800"', "the value holds half a character"),
    ],
)
def test_a_tag_that_names_nothing_is_a_problem(
    config: Callable[[str], Path], value: str, reason: str
) -> None:
    problem = _only(
        load(config(f"cat: {{films: /data}}\nqbt:\n  host: x\n  apikey: {value}\n"), {})
    )
    assert problem.reason.startswith(reason)
    assert (problem.line, problem.path) == (4, "qbt.apikey")
    assert str(problem).isprintable()


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"word\n", "word"),
        (b"word\r\n", "word"),
        (b" word \n\n", " word "),
        (b"\xef\xbb\xbfword", "word"),
        ("Пароль".encode(), "Пароль"),
        (b"two\nlines", "two\nlines"),
        (b"null", "null"),
    ],
)
def test_a_secret_is_a_files_text_without_line_ends_after_it(
    config: Callable[[str], Path], content: bytes, secret: str
) -> None:
    path = config("qbt: {host: x, pass: !FILE s}\ncat: {a: b}\n")
    (path.parent / "s").write_bytes(content)
    password = load(path, {}).required().qbt.password
    assert password is not None
    assert password.get_secret_value() == secret


def test_a_secret_may_lie_anywhere_and_behind_a_link(config: Callable[[str], Path]) -> None:
    path = config("qbt: {host: x, apikey: !FILE link, pass: !FILE ABS}\ncat: {a: b}\n")
    elsewhere = path.parent / "run" / "secrets"
    elsewhere.mkdir(parents=True)
    (elsewhere / "key").write_text("key\n")
    (path.parent / "link").symlink_to("run/secrets/key")
    path.write_text(path.read_text().replace("ABS", str(elsewhere / "key")))
    qbt = load(path, {}).required().qbt
    assert [each and each.get_secret_value() for each in (qbt.apikey, qbt.password)] == ["key"] * 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfew\0", "it is saved as UTF-16"),
        (b"w\xe9rd", "it is not UTF-8 here"),
        (b"w\0rd", "it holds no text"),
        (b"x" * 4097, "it is too large"),
    ],
)
def test_a_file_that_is_no_secret_is_a_problem_at_its_line(
    config: Callable[[str], Path], content: bytes, reason: str
) -> None:
    path = config("qbt:\n  host: x\n  pass: !FILE s\ncat: {a: b}\n")
    (path.parent / "s").write_bytes(content)
    problem = _only(load(path, {}))
    assert (problem.line, problem.column) == (3, 9)
    assert problem.reason == f"!FILE s: {reason}"


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ("tracker: {other: {tag: !FILE s}}", (3, 24, "tracker.other.tag")),
        ("tracker: {other: {tag: [a, !FILE s]}}", (3, 28, "tracker.other.tag.1")),
        ("tracker: {other: !FILE s}", (3, 18, "tracker.other")),
        (
            "settings: {share_limits_suffix_tag: !FILE s}",
            (3, 37, "settings.share_limits_suffix_tag"),
        ),
        ("directory: {root_dir: !FILE s}", (3, 23, "directory.root_dir")),
        ("nohardlinks: [!FILE s]", (3, 15, "nohardlinks.0")),
        ("notifiarr: {instance: !FILE s}", (3, 23, "notifiarr.instance")),
        ("recyclebin: !FILE s", (3, 13, "recyclebin")),
    ],
)
def test_a_file_may_not_stand_where_no_secret_may(
    config: Callable[[str], Path], section: str, place: tuple[int, int, str]
) -> None:
    path = config(f"{BASE}{section}\n")
    (path.parent / "s").write_text("hunter2hunter2")
    problem = load(path, {}).problems[0]
    assert (problem.line, problem.column, problem.path) == place
    assert problem.reason == "!FILE s: this is no place for a secret"
    assert problem.allowed.startswith("a value under qbt, an API key")
    assert not any("hunter2" in str(each) for each in load(path, {}).problems)


def test_a_file_may_stand_for_every_secret(config: Callable[[str], Path]) -> None:
    path = config(
        "cat: {films: /data}\n"
        "qbt: {host: !FILE h, user: !FILE s, pass: !FILE s, apikey: !FILE s}\n"
        "apprise: {api_url: !FILE u, notify_url: [!FILE u]}\n"
        "notifiarr: {apikey: !FILE s}\n"
        "webhooks: {error: !FILE u, run_end: [!FILE u], recheck: !FILE u,\n"
        "  function: {tag_update: [!FILE u]}}\n"
    )
    for name, held in (
        ("h", "Box.Example/Way\n"),
        ("s", "hunter2hunter2"),
        ("u", "https://x/TOKEN"),
    ):
        (path.parent / name).write_text(held)
    secrets = set(load(path, {}).required().secrets())
    assert secrets >= {
        "Box.Example/Way",
        "box.example",
        "/Way",
        "hunter2hunter2",
        "https://x/TOKEN",
    }


def test_what_a_file_brings_is_never_shown(config: Callable[[str], Path]) -> None:
    path = config("qbt: {host: !FILE h, user: !FILE u}\ncat: {a: b}\n")
    (path.parent / "h").write_text("seedbox.example\n")
    (path.parent / "u").write_text("me\n")
    path.write_text(path.read_text().replace("u}", "u, pass: x}"))
    shown = effective(load(path, {}).required())["qbt"]
    assert isinstance(shown, dict)
    assert (shown["host"], shown["user"]) == ("***", "***")
    (path.parent / "h").write_text("hunter2 hunter2\n")
    assert "hunter2" not in str(_only(load(path, {})))


def test_an_empty_file_is_no_secret_to_hide(config: Callable[[str], Path]) -> None:
    path = config("qbt: {host: x, user: !FILE s}\ncat: {a: b}\n")
    (path.parent / "s").write_text(" \n")
    assert set(load(path, {}).required().secrets()) == set()


OWN = [
    *("qbm_settings.yml", "schedule.yml", "SECRETS.yaml", "auth.yml", "qbm.db", "qbm.db-wal"),
    *("server.json", "logs/qbm.log", ".backups/config_20260101_000000.yml"),
]


WAYS = ["plain", "link", "hard link", "dots", "absolute", "linked folder"]


@pytest.mark.parametrize(
    ("own", "way"), [(o, w) for o in OWN for w in WAYS if w != "hard link" or "/" not in o]
)
def test_no_config_reads_what_is_qbms_own(
    config: Callable[[str], Path], own: str, way: str
) -> None:
    path = config("")
    folder = path.parent
    (folder / own).parent.mkdir(exist_ok=True)
    (folder / own).write_text("hunter2hunter2")
    (folder / "sub").mkdir()
    name = {"plain": own, "dots": f"sub/../{own}", "absolute": str(folder / own)}.get(way, "s")
    if way == "link":
        (folder / "s").symlink_to(own)
    elif way == "linked folder":
        (folder / "f").symlink_to(".")
        name = f"f/{own}"
    elif way == "hard link":
        (folder / "s").hardlink_to(folder / own)
    path.write_text(f"qbt:\n  host: x\n  apikey: !FILE '{name}'\ncat: {{a: b}}\n")
    problem = _only(load(path, {}))
    assert (problem.line, problem.path) == (3, "qbt.apikey")
    assert problem.reason.endswith(": this file is qbm's own")


def test_no_config_reads_the_state_that_lies_elsewhere(
    config: Callable[[str], Path], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for name in ("mine.db", "server.json"):
        (state / name).write_text("hunter2hunter2")
        path = config(f"qbt: {{host: x, apikey: !FILE state/{name}}}\ncat: {{a: b}}\n")
        environ = {
            "QBM_STATE_DIR": str(state),
            "QBM_DATABASE_URL": f"sqlite:///{state / 'mine.db'}",
        }
        assert _only(load(path, environ)).reason.endswith(": this file is qbm's own")


# Parts that were not asked for

PARTS = Path(__file__).parents[1] / "cases" / "config" / "wrong_in_parts_not_asked_for.yml"


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ([CommandName.CAT_UPDATE], ["cat.series", "tracker.x.example.cat"]),
        (
            [CommandName.TAG_UPDATE],
            ["tracker.x.example.cat", "settings.stalled_tag"],
        ),
        ([CommandName.SHARE_LIMITS], ["share_limits.group.priority"]),
        ([CommandName.RECHECK], []),
        ([], []),
    ],
)
def test_a_problem_that_only_concerns_other_commands_is_a_warning(
    asked: list[CommandName], left: list[str]
) -> None:
    loaded = load(PARTS, {})
    run = loaded.for_commands(asked)
    assert [each.path for each in run.problems] == left
    told = [(each.line, each.path) for each in (*loaded.problems, *loaded.warnings)]
    assert sorted(told) == sorted((each.line, each.path) for each in (*run.problems, *run.warnings))


@pytest.mark.parametrize(
    "section", ["webhooks: {error: nonsense}", "notifiarr: [a]", "apprise: {api_url: nonsense}"]
)
def test_wrong_notifications_stop_no_run(config: Callable[[str], Path], section: str) -> None:
    loaded = load(config(f"{BASE}{section}\n"), {})
    assert loaded.config is None
    run = loaded.for_commands([CommandName.CAT_UPDATE])
    assert run.problems == ()
    assert [each.reason.partition("; ")[2] for each in run.warnings] == ["no command needs this"]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("https://x.example/TOKEN", "https://x.example/…"),
        ("https://me:TOKEN@x.example", "https://x.example"),
        ("tgram://TOKEN/chat", "tgram://…"),
        ("0123456789abcdefTOKEN", "…"),
    ],
)
@pytest.mark.parametrize("section", ["webhooks", "webhooks.function", "notifiarr", "apprise"])
def test_a_secret_that_stands_as_a_key_is_not_shown(
    config: Callable[[str], Path], section: str, key: str, shown: str
) -> None:
    outer, _, inner = section.partition(".")
    value = f"{{{inner}: {{'{key}': notifiarr}}}}" if inner else f"{{'{key}': notifiarr}}"
    (warning,) = load(config(f"{BASE}{outer}: {value}\n"), {}).warnings
    assert warning.path == f"{section}.{shown}"
    assert "TOKEN" not in str(warning)


def test_a_problem_that_is_only_a_warning_says_why() -> None:
    told = [str(each) for each in load(PARTS, {}).for_commands([CommandName.RECHECK]).warnings]
    one = "several tags; only tag_update needs this, and it was not asked for (allowed: "
    several = (
        "; only cat_update, tag_update, rem_unregistered, tag_tracker_error need this, and none"
    )
    for part in (one, several):
        assert any(part in each for each in told), told


# Who we are at the server


@pytest.mark.parametrize(
    ("qbt", "place"),
    [
        ("user: admin", (3, 9)),
        ("user: admin\n  pass:", (4, 3)),
        ("user: admin\n  pass: ''", (4, 9)),
        ("user: admin\n  pass: !ENV UNSET", (4, 9)),
        ("user: admin\n  pass: !ENV UNSET\n  apikey: !ENV UNSET", (4, 9)),
    ],
)
def test_a_user_without_a_password_is_a_problem(
    config: Callable[[str], Path], qbt: str, place: tuple[int, int]
) -> None:
    problem = _only(load(config(f"qbt:\n  host: x\n  {qbt}\ncat: {{a: b}}\n"), {}))
    assert (problem.line, problem.column) == place
    assert problem.path == "qbt.pass"
    assert problem.reason == "a user without a password cannot log in"


@pytest.mark.parametrize(
    "qbt",
    [
        "host: x",
        "host: x, user: '', pass: ''",
        "host: x, user: !ENV UNSET, pass: !ENV UNSET",
        "host: x, user: admin, apikey: qbt_key",
    ],
)
def test_no_user_or_a_key_needs_no_password(config: Callable[[str], Path], qbt: str) -> None:
    assert load(config(f"qbt: {{{qbt}}}\ncat: {{a: b}}\n"), {}).problems == ()


def test_a_password_that_cannot_be_read_is_one_problem(config: Callable[[str], Path]) -> None:
    path = config("qbt: {host: x, user: admin, pass: !FILE absent}\ncat: {a: b}\n")
    assert "!FILE absent" in _only(load(path, {})).reason


@pytest.mark.parametrize("to", ["''", "", "{new_cat: }", "{delay_minutes: 3}"])
def test_a_change_to_no_category_says_that_none_can_be_taken_away(
    config: Callable[[str], Path], to: str
) -> None:
    path = config(f"qbt: {{host: x}}\ncat: {{a: b}}\ncat_change:\n  a: {to}\n")
    problem = _only(load(path, {}))
    assert problem.line == 4
    assert "cat_change cannot take a category away" in problem.reason


def test_a_run_of_other_commands_gets_a_config_without_the_wrong_part(
    config: Callable[[str], Path],
) -> None:
    text = "qbt: {host: x}\ncat: {films: }\ntracker: {x: y}\nsettings: {stalled_tag: 'a,b'}\n"
    loaded = load(config(text), {})
    assert loaded.config is None
    read = loaded.for_commands([CommandName.RECHECK]).required()
    assert read.cat == {}
    assert read.settings.stalled_tag == "stalledDL"
    assert read.tracker["x"].tags == ("y",)


def test_for_commands_changes_nothing_where_nothing_is_wrong() -> None:
    loaded = load(SAMPLE, {})
    assert loaded.for_commands([CommandName.RECHECK]) is loaded


def test_the_commands_section_is_read_even_if_the_rest_is_wrong(
    config: Callable[[str], Path],
) -> None:
    text = "qbt: {host: ':'}\ncommands: {tag_update: true, cat_update: yes, dry_run: true}\n"
    loaded = load(config(text), {})
    assert loaded.config is None
    assert loaded.commands is not None
    assert loaded.commands.names == (CommandName.CAT_UPDATE, CommandName.TAG_UPDATE)
    assert loaded.commands.dry_run
    assert load(config(BASE), {}).commands is None


# The sample


def test_the_sample_has_no_problem_and_no_warning() -> None:
    loaded = load(SAMPLE, {})
    assert (loaded.problems, loaded.warnings) == ((), ())


def test_the_sample_names_every_key_that_is_in_use() -> None:
    read = load(SAMPLE, {}).required()
    assert list(read.cat) == ["films", "series", "music", "Uncategorized"]
    assert read.cat_change["series-new"].delay_minutes == 60
    assert list(read.tracker) == [
        "tracker.example.org",
        "one.example.net|two.example.net",
        "other",
    ]
    assert read.other is not None
    text = SAMPLE.read_text(encoding="utf-8")
    for key in ("user", "pass", "apikey", "verify_certificate", "!ENV", "!FILE", "private_tag"):
        assert key in text
