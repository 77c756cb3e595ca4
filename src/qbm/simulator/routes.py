"""The routes of the Web API that are simulated, and what each answers.

A real server has more of them, and more parameters. A route that is not here is answered
404; a parameter that a real server would heed and this one does not, 501, so that nobody
takes silence for simulation.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import msgspec
from msgspec import Struct

from qbm.model.metainfo import metainfo_of
from qbm.model.torrent import State
from qbm.simulator import shapes
from qbm.simulator.access import Access
from qbm.simulator.calls import Answer, Call, RefusedError, json_answer, text_answer
from qbm.simulator.library import Library
from qbm.simulator.preferences import action_of, minutes_of, mode_of, ratio_of
from qbm.simulator.profiles import ErrorBody, Profile
from qbm.simulator.records import SimulatedCategory, SimulatedFile, SimulatedTorrent

_PAUSING = frozenset({"torrents/pause", "torrents/resume"})
_STOPPING = frozenset({"torrents/stop", "torrents/start"})
_SHARE_LIMITS = "torrents/setShareLimits"
_EXPORT = "torrents/export"
_RENAME_FILE = "torrents/renameFile"
_NO_TORRENT = "Error: '{name}' is not a valid torrent file."
_PRIORITIES = frozenset({0, 1, 6, 7})
_OLD_PRIORITIES = frozenset({0, 1, 4, 6, 7})
_MOST_SPEED = 0x7FFF_FFFF
_NOT_SIMULATED = ("category", "tag", "filter", "private")


class Server(Protocol):
    """What a route needs of the server: what it holds, and what it shows to readers."""

    profile: Profile
    access: Access
    library: Library

    @property
    def shown(self) -> Library:
        """The library as reads see it, which may be older than ``library``."""


class Asked(Struct, frozen=True):
    """A call that was let in, with its session."""

    call: Call
    session: str

    def text(self, name: str, default: str = "") -> str:
        """A parameter as it came."""
        return self.call.params.get(name, default)

    def flag(self, name: str) -> bool:
        """True only for "true", in any case."""
        return self.text(name).lower() == "true"

    def number(self, name: str) -> int:
        """0 if it is no whole number."""
        try:
            return int(self.text(name, "0"))
        except ValueError:
            return 0


Handler = Callable[[Server, Asked], Answer]


class Route(Struct, frozen=True, kw_only=True):
    """A route: what answers it, which parameters it cannot do without, whether it writes."""

    handler: Handler
    needs: tuple[str, ...] = ()
    is_write: bool = False
    is_post: bool = False
    """It has to be a POST, where the generation looks at that; so have all writes."""


def route_of(profile: Profile, path: str) -> Route | None:
    """The route of a path, if this generation has it."""
    other_words = _PAUSING if profile.says_stopped else _STOPPING
    if path in other_words or (path == _EXPORT and not profile.has_export):
        return None
    return ROUTES.get(path)


def answer(server: Server, route: Route | None, asked: Asked) -> Answer:
    """The answer to a call that was let in.

    Raises:
        RefusedError: there is no such route, its method or parameters are wrong, or what it
            asks for is impossible.
    """
    profile = server.profile
    if route is None:
        raise RefusedError(404, _no_endpoint(profile, asked.call.path))
    must_post = route.is_post or route.is_write
    if must_post and profile.checks_methods and asked.call.method != "POST":
        raise RefusedError(405)
    missing = [
        name for name in _needs(profile, route, asked.call.path) if name not in asked.call.params
    ]
    if missing:
        explained = profile.error_body is ErrorBody.EXPLAINED
        text = f"Missing required parameters: {', '.join(missing)}"
        raise RefusedError(400, text if explained else "")
    return route.handler(server, asked)


def _needs(profile: Profile, route: Route, path: str) -> tuple[str, ...]:
    if path == _RENAME_FILE:
        words = ("oldPath", "newPath") if profile.renames_paths else ("id", "name")
        return (*route.needs, *words)
    return (*route.needs, *profile.limit_parameters) if path == _SHARE_LIMITS else route.needs


def _no_endpoint(profile: Profile, path: str) -> str:
    scopes = {each.partition("/")[0] for each in ROUTES}
    is_known = path.partition("/")[0] in scopes
    explained = profile.error_body is ErrorBody.EXPLAINED
    return "Endpoint does not exist" if explained and is_known else ""


def _version(server: Server, _: Asked) -> Answer:
    return text_answer(server.profile, f"v{server.profile.version}")


def _web_api_version(server: Server, _: Asked) -> Answer:
    return text_answer(server.profile, server.profile.web_api)


def _preferences(server: Server, _: Asked) -> Answer:
    return json_answer(shapes.preferences(server.shown))


def _set_preferences(server: Server, asked: Asked) -> Answer:
    try:
        wanted = msgspec.json.decode(asked.text("json"))
    except msgspec.DecodeError:
        wanted = {}  # a real server takes nonsense for nothing
    if isinstance(wanted, dict):
        server.library.preferences.update(server.profile, wanted)
    return text_answer(server.profile)


def _log_in(server: Server, asked: Asked) -> Answer:
    return server.access.log_in(asked.call, asked.session)


def _log_out(server: Server, asked: Asked) -> Answer:
    return server.access.log_out(asked.session)


def _info(server: Server, asked: Asked) -> Answer:
    for name in _NOT_SIMULATED:
        if asked.text(name) not in {"", "all"}:
            raise RefusedError(501, f"the simulator knows no {name!r} in torrents/info")
    profile = server.profile
    server.library.check()
    template = shapes.info_template(profile, server.shown.preferences)
    rows = [
        _included(profile, asked, shapes.info(profile, template, identity, torrent), torrent)
        for identity, torrent in _asked_torrents(server, asked)
    ]
    return json_answer(_page(profile, asked, _sorted(profile, asked, rows)))


def _asked_torrents(server: Server, asked: Asked) -> list[tuple[str, SimulatedTorrent]]:
    """Those of ``hashes``, in an order that is none: a real server's is its hash table's."""
    torrents = server.shown.torrents
    text = asked.text("hashes")
    if server.profile.finds_any_case:
        text = text.lower()
    wanted = set(filter(None, text.split("|"))) or torrents.keys()
    chosen = [(each, torrents[each]) for each in wanted & torrents.keys()]
    return sorted(chosen, key=lambda pair: pair[0][::-1])


def _included(
    profile: Profile, asked: Asked, row: shapes.Row, torrent: SimulatedTorrent
) -> shapes.Row:
    if profile.includes_trackers and asked.flag("includeTrackers"):
        row["trackers"] = shapes.trackers(profile, torrent)
    if profile.includes_files and torrent.has_metadata and asked.flag("includeFiles"):
        row["files"] = shapes.files(profile, torrent)
    return row


def _sorted(profile: Profile, asked: Asked, rows: list[shapes.Row]) -> list[shapes.Row]:
    key = asked.text("sort")
    if not key or not rows:
        return rows
    if key not in rows[0]:
        if profile.refuses_unknown_sort:
            raise RefusedError(400, "'sort' parameter is invalid")
        return rows
    return sorted(rows, key=lambda row: _sort_key(row[key]), reverse=asked.flag("reverse"))


def _sort_key(value: object) -> tuple[bool, object]:
    return (value is not None, value)


def _page(profile: Profile, asked: Asked, rows: list[shapes.Row]) -> list[shapes.Row]:
    offset = asked.number("offset")
    if offset < 0:
        offset += len(rows)
    if offset < 0 or (offset >= len(rows) and not profile.empty_past_the_end):
        offset = 0
    limit = asked.number("limit")
    return rows[offset : offset + limit] if limit > 0 else rows[offset:]


def _one(server: Server, asked: Asked) -> tuple[str, SimulatedTorrent]:
    identity = asked.text("hash").lower()
    torrent = server.shown.torrents.get(identity)
    if torrent is None:
        raise RefusedError(404)
    return identity, torrent


def _trackers(server: Server, asked: Asked) -> Answer:
    _, torrent = _one(server, asked)
    pseudo = shapes.pseudo_trackers(server.profile, torrent)
    return json_answer([*pseudo, *shapes.trackers(server.profile, torrent)])


def _properties(server: Server, asked: Asked) -> Answer:
    return json_answer(shapes.properties(server.profile, *_one(server, asked)))


def _files(server: Server, asked: Asked) -> Answer:
    _, torrent = _one(server, asked)
    return json_answer(shapes.mark_seed(shapes.files(server.profile, torrent), torrent))


def _export(server: Server, asked: Asked) -> Answer:
    _, torrent = _one(server, asked)
    if not torrent.has_metadata:
        text = "Unable to export torrent file. Error: Missing metadata"
        raise RefusedError(HTTPStatus.CONFLICT, text)
    body = torrent.metainfo or shapes.stand_in(torrent)
    return Answer(body=body, content_type="application/x-bittorrent")


def _add(server: Server, asked: Asked) -> Answer:
    """Only from ``.torrent`` files, stopped or not, by hand; what is in their way is refused."""
    profile, library = server.profile, server.library
    for name in ("urls", "rename", "upLimit", "tags", "skip_checking", "seedMode"):
        if asked.text(name) not in {"", "false"}:
            raise RefusedError(501, f"the simulator knows no {name!r} in torrents/add")
    if asked.flag("autoTMM"):
        raise RefusedError(501, "the simulator knows no 'autoTMM' in torrents/add")
    torrents = [_described(profile, asked, raw) for raw in asked.call.files]
    added = [identity for each in torrents if (identity := library.take(each)) is not None]
    if not added:
        status, text = profile.has_twice if torrents else profile.has_none
        if status != HTTPStatus.OK:
            raise RefusedError(status, text)
        return text_answer(profile, text)
    if not profile.counts_added:
        return text_answer(profile, "Ok.")
    return json_answer(
        {
            "added_torrent_ids": added,
            "failure_count": len(torrents) - len(added),
            "pending_count": 0,
            "success_count": len(added),
        }
    )


def _described(profile: Profile, asked: Asked, raw: bytes) -> SimulatedTorrent:
    try:
        found = metainfo_of(raw)
    except ValueError as error:
        raise RefusedError(415, _NO_TORRENT.format(name="restored.torrent")) from error
    is_stopped = asked.flag("stopped" if profile.says_stopped else "paused")
    return SimulatedTorrent(
        name=found.name,
        infohash_v1=found.infohash_v1,
        infohash_v2=found.infohash_v2,
        category=asked.text("category"),
        state=State.STOPPED_DL if is_stopped else State.STALLED_DL,
        progress=0.0,
        save_path=asked.text("savepath"),
        download_path=asked.text("downloadPath") if asked.flag("useDownloadPath") else "",
        added_on=int(time.time()),
        size=sum(each.size for each in found.files),
        private=found.is_private,
        metainfo=raw,
        files=tuple(
            SimulatedFile(name=each.name, size=each.size, progress=0.0) for each in found.files
        ),
    )


def _rename_file(server: Server, asked: Asked) -> Answer:
    library = server.library
    if server.profile.renames_paths:
        library.rename_file(asked.text("hash"), asked.text("oldPath"), asked.text("newPath"))
        return text_answer(server.profile)
    _, torrent = _one(server, asked)
    index, name = asked.number("id"), asked.text("name")
    if not name or "/" in name:
        raise RefusedError(409, "Name is not valid")
    if not 0 <= index < len(torrent.listing):
        raise RefusedError(409, "ID is not valid")
    old = torrent.listing[index].name
    library.rename_file(asked.text("hash"), old, f"{old[: -len(old.rpartition('/')[2])]}{name}")
    return text_answer(server.profile)


def _rank_files(server: Server, asked: Asked) -> Answer:
    try:
        indexes = {int(each) for each in asked.text("id").split("|")}
    except ValueError as error:
        raise RefusedError(400, "File IDs must be integers") from error
    allowed = _PRIORITIES if server.profile.normal_priority == 1 else _OLD_PRIORITIES
    if asked.number("priority") not in allowed:
        raise RefusedError(400, "Priority is not valid")
    server.library.rank_files(asked.text("hash"), indexes, asked.number("priority"))
    return text_answer(server.profile)


def _limit_shares(library: Library, asked: Asked) -> None:
    profile = library.profile
    limits: dict[str, object] = {
        "ratio_limit": ratio_of(profile, asked.text("ratioLimit")),
        "seeding_time_limit": minutes_of(profile, asked.text("seedingTimeLimit")),
        "inactive_seeding_time_limit": minutes_of(profile, asked.text("inactiveSeedingTimeLimit")),
        "share_limit_action": action_of(asked.text("shareLimitAction")),
        "share_limits_mode": mode_of(asked.text("shareLimitsMode")),
    }
    library.edit(asked.text("hashes"), **limits)


def _limit_upload(library: Library, asked: Asked) -> None:
    limit = asked.number("limit")
    library.edit(asked.text("hashes"), up_limit=limit if 0 <= limit <= _MOST_SPEED else 0)


def _categories(server: Server, _: Asked) -> Answer:
    return json_answer(shapes.categories(server.profile, server.shown))


def _tags(server: Server, _: Asked) -> Answer:
    return json_answer(list(server.shown.tags))


def _main_data(server: Server, asked: Asked) -> Answer:
    """Always a full update, as a real server's answer to a ``rid`` that it does not know."""
    profile, library = server.profile, server.shown
    template = shapes.info_template(profile, library.preferences)
    torrents: dict[str, shapes.Row] = {}
    for identity, torrent in library.torrents.items():
        row = shapes.info(profile, template, identity, torrent)
        del row["hash"]
        if profile.tells_tracker_errors:
            row |= shapes.tracker_errors(torrent)
        torrents[identity] = row
    parts: shapes.Row = {
        "torrents": torrents,
        "categories": shapes.categories(profile, library),
        "tags": list(library.tags),
    }
    if profile.has_tracker_map:
        parts["trackers"] = shapes.tracker_map(library)
    if not profile.tells_empty_parts:
        parts = {name: part for name, part in parts.items() if part}
    return json_answer(
        {
            "rid": server.access.next_rid(asked.session, asked.number("rid")),
            "full_update": True,
            "server_state": shapes.server_state(),
            **parts,
        }
    )


def _download_path(asked: Asked) -> str | bool | None:
    """What ``createCategory`` is told about it: a path, False for none, None for nothing."""
    if asked.text("downloadPathEnabled").lower() not in {"true", "false"}:
        return None
    return asked.flag("downloadPathEnabled") and asked.text("downloadPath")


Effect = Callable[[Library, Asked], None]


def _write(effect: Effect, *needs: str) -> Route:
    def handler(server: Server, asked: Asked) -> Answer:
        effect(server.library, asked)
        return text_answer(server.profile)

    return Route(handler=handler, needs=needs, is_write=True)


ROUTES: dict[str, Route] = {
    "auth/login": Route(handler=_log_in, is_post=True),
    "auth/logout": Route(handler=_log_out, is_post=True),
    "app/version": Route(handler=_version),
    "app/webapiVersion": Route(handler=_web_api_version),
    "app/preferences": Route(handler=_preferences),
    "app/setPreferences": Route(handler=_set_preferences, needs=("json",), is_write=True),
    "sync/maindata": Route(handler=_main_data),
    "torrents/info": Route(handler=_info),
    "torrents/trackers": Route(handler=_trackers, needs=("hash",)),
    "torrents/properties": Route(handler=_properties, needs=("hash",)),
    "torrents/files": Route(handler=_files, needs=("hash",)),
    _EXPORT: Route(handler=_export, needs=("hash",)),
    "torrents/categories": Route(handler=_categories),
    "torrents/tags": Route(handler=_tags),
    "torrents/addTags": _write(
        lambda library, asked: library.add_tags(asked.text("hashes"), asked.text("tags")),
        *("hashes", "tags"),
    ),
    "torrents/removeTags": _write(
        lambda library, asked: library.remove_tags(asked.text("hashes"), asked.text("tags")),
        "hashes",
    ),
    "torrents/createTags": _write(
        lambda library, asked: library.create_tags(asked.text("tags")), "tags"
    ),
    "torrents/deleteTags": _write(
        lambda library, asked: library.delete_tags(asked.text("tags")), "tags"
    ),
    "torrents/setCategory": _write(
        lambda library, asked: library.set_category(asked.text("hashes"), asked.text("category")),
        *("hashes", "category"),
    ),
    "torrents/createCategory": _write(
        lambda library, asked: library.create_category(
            SimulatedCategory(asked.text("category"), asked.text("savePath"), _download_path(asked))
        ),
        "category",
    ),
    "torrents/editCategory": _write(
        lambda library, asked: library.edit_category(
            asked.text("category"), asked.call.params.get("savePath")
        ),
        "category",
    ),
    "torrents/removeCategories": _write(
        lambda library, asked: library.remove_categories(asked.text("categories")), "categories"
    ),
    "torrents/setAutoManagement": _write(
        lambda library, asked: library.set_auto_management(
            asked.text("hashes"), enable=asked.flag("enable")
        ),
        *("hashes", "enable"),
    ),
    "torrents/start": _write(lambda library, asked: library.start(asked.text("hashes")), "hashes"),
    "torrents/resume": _write(lambda library, asked: library.start(asked.text("hashes")), "hashes"),
    "torrents/stop": _write(lambda library, asked: library.stop(asked.text("hashes")), "hashes"),
    "torrents/pause": _write(lambda library, asked: library.stop(asked.text("hashes")), "hashes"),
    "torrents/recheck": _write(
        lambda library, asked: library.recheck(asked.text("hashes")), "hashes"
    ),
    _SHARE_LIMITS: _write(_limit_shares, "hashes"),
    "torrents/setUploadLimit": _write(_limit_upload, *("hashes", "limit")),
    "torrents/add": Route(handler=_add, is_write=True),
    "torrents/rename": _write(
        lambda library, asked: library.rename(asked.text("hash"), asked.text("name")),
        *("hash", "name"),
    ),
    _RENAME_FILE: Route(handler=_rename_file, needs=("hash",), is_write=True),
    "torrents/filePrio": Route(
        handler=_rank_files, needs=("hash", "id", "priority"), is_write=True
    ),
    "torrents/delete": _write(
        lambda library, asked: library.delete(
            asked.text("hashes"), with_files=asked.flag("deleteFiles")
        ),
        *("hashes", "deleteFiles"),
    ),
}
