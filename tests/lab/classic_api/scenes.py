"""The scenes: every route of the older tool's Web API, as clients call it and as they should not.

Asked of a cron schedule, the older tool does not start with a run, so it is idle at once.
"""

from __future__ import annotations

from typing import Any

from tests.lab.classic_api.steps import (
    JSON,
    AfterFirstRun,
    Ask,
    AtOnce,
    Look,
    Remove,
    Repeat,
    Scene,
    Step,
    Write,
    basic,
    get,
    post,
    put,
    sent,
)

CONFIG = """\
qbt:
  host: http://<qbittorrent>
  user: admin
  pass: adminadmin
directory:
  root_dir: <library>
cat:
  films: <library>/films
  tv: <library>/tv
tracker:
  one.invalid:
    tag: one
  other:
    tag: other
nohardlinks:
  - films
share_limits:
  slow:
    priority: 1
    include_all_tags:
      - one
    max_ratio: 2
"""
UNREACHABLE = CONFIG.replace("<qbittorrent>", "<nobody>")
WRONG_PASSWORD = CONFIG.replace("adminadmin", "wrong")
BROKEN = "qbt: [\n"
VALUES = """\
# what stands above
values:
  plain: text
  quoted: "5"   # beside
  whole: 5
  real: 1.5
  words: yes
  truth: true
  nothing:
  tilde: ~
  list: [1, two, null, true, 1.5]
  day: 2024-01-02
  octal: 0o17
  variable: !ENV HOME
  unset: !ENV NOT_SET_ANYWHERE
  anchor: &anchor {x: 1}
  merged: {<<: *anchor, y: 2}
  accents: "é"
"""

IDLE = ("--schedule", "0 4 * * *")
DEFAULT_FILES = {"config.yml": CONFIG}

RUN = "/api/run-command"
SCHEDULER = "/api/scheduler"
SCHEDULE = "/api/schedule"
TOGGLE = "/api/schedule/persistence/toggle"
SECURITY = "/api/security"
SETTINGS = "qbm_settings.yml"

EVERY_COMMAND = [
    "share_limits",
    "tag_nohardlinks",
    "rem_orphaned",
    "tag_tracker_error",
    "rem_unregistered",
    "recheck",
    "tag_update",
    "cat_update",
]
USER = {"username": "admin", "password": "Correct-Horse-9"}
RIGHT = basic("admin", "Correct-Horse-9")
WRONG = basic("admin", "wrong")
# The v1 hash of the library's tv.mkv; see ``play.library_of``.
TV = "<tv hash>"


def _run(name: str, **fields: Any) -> Ask:
    return post(name, RUN, {"commands": ["tag_update"]} | fields)


def _text(name: str, body: str, **headers: str) -> Ask:
    return post(name, RUN, body, **headers)


_TEXT = '{"commands": ["tag_update"]}'

RUNS = Scene(
    "runs",
    {
        **DEFAULT_FILES,
        "second.yml": CONFIG,
        "wrong-password.yml": WRONG_PASSWORD,
    },
    (
        _run("one command", commands=["cat_update"]),
        _run("a dry run counts what it would do", dry_run=True),
        _run("the example of a client: one hash", commands=["tag_update"], hashes=[TV]),
        _run("a hash that nobody has", hashes=["a" * 40]),
        _run("a hash that is none", hashes=["-"]),
        _run("every command, in another order", commands=EVERY_COMMAND),
        _run(
            "every field",
            config_file="config.yml",
            commands=["tag_update", "cat_update"],
            hashes=[TV],
            dry_run=True,
            skip_cleanup=True,
            skip_qb_version_check=True,
            log_level="INFO",
        ),
        _run("a field that is not known", surprise=1),
        _run("no commands in the list", commands=[]),
        _run("the same command twice", commands=["tag_update", "tag_update"]),
        post("no commands at all", RUN, {}),
        _run("commands null", commands=None),
        _run("commands as text", commands="tag_update"),
        _run("a number as a command", commands=[1]),
        _run("an invalid command", commands=["nonsense"]),
        _run("an invalid command beside a valid one", commands=["tag_update", "nonsense"]),
        _run("a command in capitals", commands=["Tag_Update"]),
        _run(
            "an invalid command and a missing config", commands=["nonsense"], config_file="no.yml"
        ),
        _run("hashes as text", hashes="a"),
        _run("hashes null", hashes=None),
        _run("dry_run as the word yes", dry_run="yes"),
        _run("dry_run as the number 1", dry_run=1),
        _run("dry_run as nonsense", dry_run="nope"),
        _run("dry_run null", dry_run=None),
        _run("log level in small letters", log_level="debug"),
        _run("log level null", log_level=None),
        _run("log level that is none", log_level="loud"),
        _run("log level as a number", log_level=5),
        _run("a missing config", config_file="no.yml"),
        _run("a config without its ending", config_file="config"),
        _run("no config name", config_file=""),
        _run("config null", config_file=None),
        _run("config as a list", config_file=["config.yml"]),
        _run("a path out of the folder and back", config_file="../config/config.yml"),
        _run("an absolute path", config_file="<config>/config.yml"),
        _run("a pattern with one match", config_file="con*.yml"),
        _run("a pattern with two matches", config_file="*con*.yml"),
        _run("a pattern without a match", config_file="no*.yml"),
        _run("a wrong password", config_file="wrong-password.yml"),
        Write("broken.yml", BROKEN),
        _run("a config that is not YAML", config_file="broken.yml"),
        _run("a pattern with a broken config among its matches", config_file="[bc]*.yml"),
        Write("empty.yml", ""),
        _run("an empty config", config_file="empty.yml"),
        AtOnce(
            (
                _run("the first of two at once", commands=["cat_update", "tag_update"]),
                _run("the second of two at once", commands=["cat_update", "tag_update"]),
            ),
        ),
        _text("a body cut short", _TEXT[:-1], **JSON),
        _text("a list as the body", "[]", **JSON),
        _text("null as the body", "null", **JSON),
        _text("an empty body", "", **JSON),
        _text("a body that is no UTF-8", "\udcff\udcfe" + _TEXT, **JSON),
        post("no body", RUN),
        _text("no content type", _TEXT),
        _text("JSON called text", _TEXT, Content_Type="text/plain"),
        _text("what curl -d says", _TEXT, Content_Type="application/x-www-form-urlencoded"),
        _text("a form", "commands=tag_update", Content_Type="application/x-www-form-urlencoded"),
        _text("JSON with a charset", _TEXT, Content_Type="application/json; charset=utf-8"),
        _text("JSON of another kind", _TEXT, Content_Type="application/vnd.api+json"),
        get("GET", RUN),
        put("PUT", RUN, {}),
        post("a slash at the end", f"{RUN}/", {"commands": ["tag_update"]}),
        Remove("config.yml"),
        _run("the default config is missing"),
    ),
    IDLE,
)

UNREACHABLE_SERVER = Scene(
    "unreachable server",
    {"config.yml": UNREACHABLE},
    (_run("qBittorrent cannot be reached"), get("after a failed run", "/api/health")),
    IDLE,
)

BUSY = Scene(
    "busy",
    # The first run of the scheduler tries for seven minutes to reach its server.
    {"config.yml": UNREACHABLE},
    (
        get("in the first run", "/api/health"),
        get("in the first run", SCHEDULER),
        _run("another run is under way", commands=["cat_update", "tag_update"]),
        _run("queued with everything", hashes=[TV], dry_run=True, config_file="*.yml"),
        _run("queued unseen: an invalid command", commands=["nonsense"]),
        _run("queued unseen: a missing config", config_file="no.yml"),
        post("wrong types while busy", RUN, {"commands": "tag_update"}),
        get("with requests in the queue", "/api/health"),
        get("version while busy", "/api/version"),
        post("in a run", "/api/system/force-reset"),
        post("again", "/api/system/force-reset"),
    ),
)

IDLE_ROUTES = Scene(
    "idle",
    DEFAULT_FILES,
    (
        get("version", "/api/version"),
        get("idle, before any run", "/api/health"),
        get("no base URL", "/api/get_base_url"),
        get("a cron schedule by flag", SCHEDULER),
        post("nothing under way", "/api/system/force-reset"),
        get("GET", "/api/system/force-reset"),
        get("an unknown route", "/api/nothing"),
        post("POST to an unknown route", "/api/nothing"),
        get("a slash at the end", "/api/version/"),
        post("POST to a route that only answers", "/api/version"),
        sent("HEAD", "HEAD", "/api/version"),
        sent("OPTIONS", "OPTIONS", RUN),
        sent(
            "a preflight from another origin",
            "OPTIONS",
            RUN,
            Origin="http://other.example",
            Access_Control_Request_Method="POST",
        ),
        get("from another origin", "/api/version", Origin="http://other.example"),
        get("the page", "/"),
        get("a page of a name that is not known", "/nothing"),
        get("the API in capitals is the page", "/API/version"),
        get("/api itself is the page", "/api"),
        get("/api/ is no page", "/api/"),
        get("the description of the API", "/openapi.json"),
        get("a list of the logs", "/api/log_files"),
        Write("logs/other.log", "one\ntwo\n\nno newline"),
        Write("logs/empty.log", ""),
        Write("logs/other.log.1", "old\n"),
        Write("logs/other.txt", "text\n"),
        get("only those ending in .log", "/api/log_files"),
        get("the default log", "/api/logs"),
        get("the last two lines", "/api/logs?limit=2"),
        get("a log of another name", "/api/logs?log_filename=other.log"),
        get("its last two lines", "/api/logs?limit=2&log_filename=other.log"),
        get("an empty log", "/api/logs?log_filename=empty.log"),
        get("limit 0 is all", "/api/logs?limit=0&log_filename=other.log"),
        get("limit -1 is all", "/api/logs?limit=-1&log_filename=other.log"),
        get("limit as text", "/api/logs?limit=many"),
        get("limit without a value", "/api/logs?limit="),
        get("a missing log", "/api/logs?log_filename=no.log"),
        get("a log of another ending", "/api/logs?log_filename=other.txt"),
        get("a rotated log", "/api/logs?log_filename=other.log.1"),
        get("a log out of the folder", "/api/logs?log_filename=..%2Fconfig.yml"),
        get("an absolute log", "/api/logs?log_filename=%2Fetc%2Fpasswd"),
        get("a log without a name", "/api/logs?log_filename="),
        get("a missing page of the docs", "/api/docs?file=no.md"),
        get("a page out of the folder", "/api/docs?file=..%2Fno.md"),
        get("a page of another ending", "/api/docs?file=no.txt"),
        get("a page without a name", "/api/docs?file="),
        get("no page asked for", "/api/docs"),
        Remove("logs"),
        get("no log is left", "/api/logs"),
        get("no folder of logs", "/api/log_files"),
        get("without logs", "/api/health"),
        Remove("config.yml"),
        get("without a config", "/api/health"),
        get("without a config", "/api/configs"),
    ),
    IDLE,
)

AFTER_A_RUN = Scene(
    "after the first run",
    DEFAULT_FILES,
    (
        AfterFirstRun(),
        get("after a run of the scheduler", "/api/health"),
        get("the schedule of the program", SCHEDULER),
        put("an interval over it", SCHEDULE, {"schedule": "30"}),
        get("an interval that was put", SCHEDULER),
        post("switched off", TOGGLE),
        get("switched off again", SCHEDULER),
    ),
)

FAILED_RUN = Scene(
    "after a failed first run",
    {"config.yml": WRONG_PASSWORD},
    (AfterFirstRun(), get("after a failed run of the scheduler", "/api/health")),
)

BASE_URL = Scene(
    "base url",
    DEFAULT_FILES,
    (
        get("with a base URL", "/qbm/api/get_base_url"),
        get("with a base URL", "/qbm/api/version"),
        get("with a base URL", "/qbm/api/health"),
        post("an invalid command under a base URL", "/qbm/api/run-command", {"commands": ["x"]}),
        post("a run under a base URL", "/qbm/api/run-command", {"commands": ["tag_update"]}),
        get("an unknown route under a base URL", "/qbm/api/nothing"),
        get("the root leads to the base URL", "/"),
        get("the page of a base URL", "/qbm"),
        get("the page of a base URL, with a slash", "/qbm/"),
        get("without the prefix: the page", "/api/version"),
        post("without the prefix: POST", RUN, {"commands": ["tag_update"]}),
    ),
    (*IDLE, "--base-url", "/qbm"),
)

_DATA: dict[str, Any] = {
    "qbt": {"host": "localhost:1", "user": "u", "pass": "p"},
    "cat": {"tv": "/tv"},
    "tracker": {"other": {"tag": "x"}},
}
_MORE: dict[str, Any] = {
    **_DATA,
    "cat": {"tv": "/television"},
    "values": {
        "list": [1, "two", None, True, 1.5],
        "variable": "!ENV HOME",
        "digits": "5",
        "nothing": None,
        "word": "yes",
        "truth": True,
        "real": 1.5,
    },
}

CONFIGS = Scene(
    "configs",
    {"config.yml": CONFIG, "values.yml": VALUES},
    (
        get("two configs", "/api/configs"),
        get("values of every kind", "/api/configs/values.yml"),
        get("a config as people have it", "/api/configs/config.yml"),
        get("a missing config", "/api/configs/no.yml"),
        get("a name without its ending", "/api/configs/values"),
        get("the settings of the program", f"/api/configs/{SETTINGS}"),
        get("a folder", "/api/configs/logs"),
        get("a name with NUL", "/api/configs/a%00.yml"),
        get("a name with a separator", "/api/configs/..%2Fconfig%2Fvalues.yml"),
        get("no name", "/api/configs/"),
        post("a new config", "/api/configs/new.yml", {"data": _DATA}),
        Look("a config that was made", "new.yml"),
        post("a config that exists", "/api/configs/new.yml", {"data": _DATA}),
        post("an empty one", "/api/configs/blank.yml", {"data": {}}),
        post("another ending", "/api/configs/new.yaml", {"data": _DATA}),
        post("no data", "/api/configs/other.yml", {}),
        post("data that is a list", "/api/configs/other.yml", {"data": []}),
        post("in the place of the settings", f"/api/configs/{SETTINGS}", {"data": _DATA}),
        post("made in another folder", "/api/configs/..%2Fnew.yml", {"data": _DATA}),
        get("with those made since", "/api/configs"),
        put("another value", "/api/configs/new.yml", {"data": _MORE}),
        Look("a config that was changed", "new.yml"),
        get("what was put", "/api/configs/new.yml"),
        put("a config that is not there", "/api/configs/no.yml", {"data": _DATA}),
        put("put without data", "/api/configs/new.yml", {}),
        put("put text as data", "/api/configs/new.yml", {"data": "text"}),
        put("put into the settings", f"/api/configs/{SETTINGS}", {"data": _DATA}),
        put(
            "comments stay",
            "/api/configs/values.yml",
            {"data": {"values": {"plain": "changed", "quoted": "5", "variable": "!ENV HOME"}}},
        ),
        Look("a config that kept its comments", "values.yml"),
        post("a backup by hand", "/api/configs/config.yml/backup"),
        post("of a missing config", "/api/configs/no.yml/backup"),
        get("one backup", "/api/configs/config.yml/backups"),
        get("of a missing config", "/api/configs/no.yml/backups"),
        post("a backup", "/api/configs/<backup>/restore"),
        post("a config that is no backup", "/api/configs/config.yml/restore"),
        post("a missing backup", "/api/configs/no.yml/restore", {}),
        post("a config without folders", "/api/configs/new.yml/validate", {"data": _DATA}),
        post("nothing in it", "/api/configs/new.yml/validate", {"data": {}}),
        post(
            "a wrong value",
            "/api/configs/new.yml/validate",
            {"data": {**_DATA, "settings": {"force_auto_tmm": "maybe"}}},
        ),
        post("without data", "/api/configs/new.yml/validate", {}),
        post("of a missing config", "/api/configs/no.yml/validate", {"data": _DATA}),
        sent("away with it", "DELETE", "/api/configs/new.yml"),
        sent("away with what is not there", "DELETE", "/api/configs/new.yml"),
        sent("away with the settings", "DELETE", f"/api/configs/{SETTINGS}"),
        Write("broken.yml", BROKEN),
        Write("empty.yml", ""),
        Write("list.yml", "- a\n"),
        Write("schedule.yml", "type: interval\nvalue: '90'\ndisabled: false\n"),
        get("a config that is not YAML", "/api/configs/broken.yml"),
        get("an empty config", "/api/configs/empty.yml"),
        get("a list for a config", "/api/configs/list.yml"),
        get("also the old schedule", "/api/configs"),
    ),
    IDLE,
)

VALID_CONFIG = Scene(
    "a valid config",
    DEFAULT_FILES,
    (
        post(
            "a valid config",
            "/api/configs/config.yml/validate",
            {
                "data": {
                    "qbt": {
                        "host": "http://<qbittorrent>",
                        "user": "admin",
                        "pass": "adminadmin",
                    },
                    "directory": {"root_dir": "<library>"},
                    "cat": {"tv": "<library>/tv"},
                    "tracker": {"other": {"tag": "other"}},
                },
            },
        ),
    ),
    IDLE,
)

SCHEDULES = Scene(
    "schedules",
    DEFAULT_FILES,
    (
        put("an interval", SCHEDULE, {"schedule": "1440", "type": "interval"}),
        Look("an interval", SETTINGS),
        get("an interval", SCHEDULER),
        put("a cron line", SCHEDULE, {"schedule": "0 4 * * *", "type": "cron"}),
        Look("a cron line", SETTINGS),
        get("a cron line", SCHEDULER),
        put("an interval, unsaid", SCHEDULE, {"schedule": "30"}),
        put("a cron line, unsaid", SCHEDULE, {"schedule": "*/5 * * * *"}),
        put("spaces around it", SCHEDULE, {"schedule": " 30 "}),
        put("no content type", SCHEDULE, '{"schedule": "45"}'),
        put("no schedule", SCHEDULE, {}),
        put("null", SCHEDULE, {"schedule": None}),
        put("no text in it", SCHEDULE, {"schedule": ""}),
        put("words", SCHEDULE, {"schedule": "nonsense"}),
        put("zero", SCHEDULE, {"schedule": "0"}),
        put("less than zero", SCHEDULE, {"schedule": "-5"}),
        put("half a minute more", SCHEDULE, {"schedule": "1.5"}),
        put("a number", SCHEDULE, {"schedule": 30}),
        put("a list", SCHEDULE, {"schedule": ["30"]}),
        put("a minute that is not", SCHEDULE, {"schedule": "61 * * * *"}),
        put("six fields", SCHEDULE, {"schedule": "* * * * * *"}),
        put("a name of cron", SCHEDULE, {"schedule": "@daily"}),
        put("an interval called cron", SCHEDULE, {"schedule": "30", "type": "cron"}),
        put("cron called an interval", SCHEDULE, {"schedule": "0 4 * * *", "type": "interval"}),
        put("another type", SCHEDULE, {"schedule": "30", "type": "daily"}),
        put("a body cut short", SCHEDULE, "{", **JSON),
        put("a list as the body", SCHEDULE, "[]", **JSON),
        put("no body", SCHEDULE),
        get("GET", SCHEDULE),
        post("POST", SCHEDULE, {"schedule": "30"}),
        post("off", TOGGLE),
        Look("switched off", SETTINGS),
        get("switched off", SCHEDULER),
        post("on", TOGGLE),
        get("switched on", SCHEDULER),
        post("off, with a body", TOGGLE, {}),
        put("a schedule switches on", SCHEDULE, {"schedule": "60"}),
        get("switched on by a schedule", SCHEDULER),
        get("GET", TOGGLE),
        Write(SETTINGS, BROKEN),
        get("settings that are not YAML", SCHEDULER),
    ),
    IDLE,
)

OLD_SCHEDULE = Scene(
    "a schedule of an older version",
    {**DEFAULT_FILES, "schedule.yml": "type: interval\nvalue: '90'\ndisabled: false\n"},
    (
        get("the file of an older version", SCHEDULER),
        Look("the file of an older version", "schedule.yml"),
        Look("taken over from an older version", SETTINGS),
    ),
    IDLE,
)

NOTHING_TO_SWITCH = Scene(
    "nothing to switch",
    DEFAULT_FILES,
    (
        post("with nothing to switch", TOGGLE),
        Look("nothing but switched off", SETTINGS),
        get("nothing but switched off", SCHEDULER),
        post("back", TOGGLE),
        get("back", SCHEDULER),
        Look("nothing but switched on", SETTINGS),
    ),
    IDLE,
)

_OFF = {"enabled": False, "method": "none"}

SETTINGS_OF_SECURITY = Scene(
    "security settings",
    DEFAULT_FILES,
    (
        get("nothing configured", SECURITY),
        get("nothing configured", f"{SECURITY}/status"),
        put("nothing in it", SECURITY, {}),
        put("no method", SECURITY, {"enabled": False}),
        put("another method", SECURITY, {"enabled": False, "method": "token"}),
        put("enabled as text", SECURITY, {"enabled": "x", "method": "none"}),
        put("a proxy as text", SECURITY, {**_OFF, "trusted_proxies": "10.0.0.1"}),
        put("a proxy that is none", SECURITY, {**_OFF, "trusted_proxies": ["nonsense"]}),
        put("a name too short", SECURITY, {**_OFF, "username": "u", "password": "Long-Pass-1"}),
        put("a name with a colon", SECURITY, {**_OFF, "username": "a:bc", "password": "Pass-w-1"}),
        put("a password too short", SECURITY, {**_OFF, "username": "admin", "password": "short"}),
        put("a password too plain", SECURITY, {**_OFF, "username": "admin", "password": "a" * 12}),
        put("off", SECURITY, _OFF),
        Look("off", SETTINGS),
        put("proxies", SECURITY, {**_OFF, "trusted_proxies": ["10.0.0.0/8", "::1"]}),
        get("proxies", SECURITY),
        put("a user for later", SECURITY, {"enabled": False, "method": "basic", **USER}),
        get("a user for later", SECURITY),
        Look("a user for later", SETTINGS),
        put("a schedule beside it", SCHEDULE, {"schedule": "60"}),
        Look("authentication and a schedule", SETTINGS),
        post("POST", SECURITY, _OFF),
    ),
    IDLE,
)

_PUBLIC = ("/api/health", "/api/version", "/api/get_base_url")
_GUARDED = (
    "/api/configs",
    "/api/scheduler",
    "/api/log_files",
    "/api/security",
    "/api/security/status",
    "/api/nothing",
    "/",
    "/nothing",
    "/openapi.json",
    "/docs",
)
_KEEP = {"enabled": True, "method": "basic", "username": "admin"}


def _without_credentials(method: str) -> tuple[Step, ...]:
    paths = (*_PUBLIC, *_GUARDED)
    return (
        *(get(f"{method}, no credentials: {path}", path) for path in paths),
        get(f"{method}, no credentials: a file of the page", "/static/css/main.css"),
        _run(f"{method}, no credentials"),
    )


BASIC = Scene(
    "basic authentication",
    DEFAULT_FILES,
    (
        put("basic", SECURITY, {"enabled": True, "method": "basic", **USER}),
        Look("basic", SETTINGS),
        # The schedule is asked for while the settings hold none.
        get("settings without a schedule", SCHEDULER, Authorization=RIGHT),
        *_without_credentials("basic"),
        get("a wrong password", "/api/configs", Authorization=WRONG),
        get("the right password", "/api/configs", Authorization=RIGHT),
        _run("an invalid command with the right password", commands=["x"]),
        get("basic", SECURITY, Authorization=RIGHT),
        get("basic", f"{SECURITY}/status", Authorization=RIGHT),
        put("a key beside", SECURITY, {**_KEEP, "generate_api_key": True}, Authorization=RIGHT),
        get("a key beside basic", "/api/configs", X_API_Key="<api key>"),
        get("a key beside basic", SECURITY, Authorization=RIGHT),
        get("a key beside basic", f"{SECURITY}/status", Authorization=RIGHT),
        put("without its key", SECURITY, {**_KEEP, "clear_api_key": True}, Authorization=RIGHT),
        get("without its key", f"{SECURITY}/status", Authorization=RIGHT),
    ),
    IDLE,
)

LOCAL = Scene(
    "local callers",
    DEFAULT_FILES,
    (
        put(
            "local callers are let in",
            SECURITY,
            {"enabled": True, "method": "basic", **USER, "bypass_auth_for_local": True},
        ),
        get("a local caller", "/api/configs"),
        get("forwarded from outside", "/api/configs", X_Forwarded_For="203.0.113.8"),
        get("forwarded from a private address", "/api/configs", X_Forwarded_For="192.168.1.1"),
        get("forwarded, as the standard says", "/api/configs", Forwarded="for=203.0.113.8"),
        get("forwarded, as nginx says", "/api/configs", X_Real_IP="203.0.113.8"),
        get("local with a wrong password", "/api/configs", Authorization=WRONG),
        put(
            "a trusted proxy",
            SECURITY,
            {**_KEEP, "bypass_auth_for_local": True, "trusted_proxies": ["127.0.0.1"]},
            Authorization=RIGHT,
        ),
        get("the proxy itself", "/api/configs"),
        get("from outside by the proxy", "/api/configs", X_Forwarded_For="203.0.113.8"),
        get("private by the proxy", "/api/configs", X_Forwarded_For="192.168.1.1"),
        get("nonsense by the proxy", "/api/configs", X_Forwarded_For="nonsense"),
        Look("local callers", SETTINGS),
    ),
    IDLE,
)

KEY = Scene(
    "key only",
    DEFAULT_FILES,
    (
        put("a key", SECURITY, {"enabled": True, "method": "api_only", "generate_api_key": True}),
        Look("a key", SETTINGS),
        get("the right key", "/api/configs", X_API_Key="<api key>"),
        get("a wrong key", "/api/configs", X_API_Key="wrong"),
        get("the key as a bearer", "/api/configs", Authorization="Bearer <api key>"),
        get("a key", SECURITY, X_API_Key="<api key>"),
        get("a key", f"{SECURITY}/status", X_API_Key="<api key>"),
        _run("no key"),
        post("a run with the key", RUN, {"commands": ["tag_update"]}, X_API_Key="<api key>"),
        get("key only, no key: an unknown route", "/api/nothing"),
        *(get(f"key only, no key: {path}", path) for path in ("/", "/openapi.json", *_PUBLIC)),
        get("key only, no key: a file of the page", "/static/css/main.css"),
        Repeat(12, get("a wrong key", "/api/configs", X_API_Key="wrong")),
        get("a wrong key too often", "/api/configs", X_API_Key="wrong"),
        get("the right key after too many", "/api/configs", X_API_Key="<api key>"),
        get("public after too many", "/api/health"),
    ),
    IDLE,
)

SCENES = (
    UNREACHABLE_SERVER,  # takes seven minutes: first
    RUNS,
    BUSY,
    IDLE_ROUTES,
    AFTER_A_RUN,
    FAILED_RUN,
    BASE_URL,
    CONFIGS,
    VALID_CONFIG,
    SCHEDULES,
    OLD_SCHEDULE,
    NOTHING_TO_SWITCH,
    SETTINGS_OF_SECURITY,
    BASIC,
    LOCAL,
    KEY,
)
