"""A real server and the simulator of its generation: asked the same, they must answer alike.

Compared are status, Content-Type, text, and of JSON the fields with their types and, but for
what time or peers decide, their values.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from msgspec.structs import replace
from yarl import URL

from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus
from qbm.simulator import (
    NEVER,
    Credentials,
    SimulatedCategory,
    SimulatedFile,
    SimulatedTorrent,
    SimulatedTracker,
    Simulator,
    profile_of,
)
from tests.lab.servers import Server, differences

_PATIENCE = 5.0
_POLL_SECONDS = 0.05

# What time, peers, or the maker of the .torrent decide: only the types are compared.
_VOLATILE = frozenset(
    {
        *("availability", "comment", "connections_limit", "created_by", "creation_date", "eta"),
        *("last_activity", "magnet_uri", "popularity", "priority", "reannounce", "seeding_time"),
        *("seen_complete", "time_active", "last_seen", "time_elapsed", "dl_speed_avg"),
        *("up_speed_avg", "min_announce", "next_announce", "endpoints"),
    }
)
_STOPPED = {State.PAUSED_UP: State.STOPPED_UP, State.PAUSED_DL: State.STOPPED_DL}

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; ``kind`` is the Content-Type, None without one."""

    status: int
    kind: str | None
    text: str
    cookie: tuple[str, bool]
    """The name in its Set-Cookie, the server's port left out, and whether it has a value."""

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)


@dataclass(slots=True)
class Caller:
    """Sends raw requests and keeps the session's cookie."""

    session: ClientSession
    url: str
    cookie: str = ""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Params | None = None,
        form: Params | None = None,
        body: bytes | None = None,
        headers: Params | None = None,
    ) -> Reply:
        """One request; the cookie of its answer is sent from then on."""
        sent = dict(headers or {})
        if self.cookie:
            sent.setdefault("Cookie", self.cookie)
        async with self.session.request(
            method,
            f"{self.url}/api/v2/{path}",
            params=query,
            data=body if form is None else dict(form),
            headers=sent,
            skip_auto_headers=["Content-Type"] if body else (),
        ) as answer:
            given = answer.headers.get("Set-Cookie", "").partition(";")[0]
            self.cookie = given or self.cookie
            name, _, value = given.partition("=")
            return Reply(
                status=answer.status,
                kind=answer.headers.get("Content-Type"),
                text=await answer.text(),
                cookie=(name.replace(str(URL(self.url).port), "PORT"), bool(value)),
            )


@dataclass(slots=True)
class Pair:
    """The two of them."""

    real: Caller
    simulated: Caller
    simulator: Simulator

    async def get(self, path: str, **query: str) -> Reply:
        """Both answer alike, within some seconds (a write shows late); gives the real answer."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            real = await self.real.ask("GET", path, query=query)
            simulated = await self.simulated.ask("GET", path, query=query)
            if (expected := _told(path, real)) == (found := _told(path, simulated)):
                return real
            if time.monotonic() > deadline:
                raise AssertionError(_complaint(f"GET {path} {query}", expected, found))
            await asyncio.sleep(_POLL_SECONDS)

    def forget_cookies(self) -> None:
        """Neither is sent the session's cookie again."""
        self.real.cookie = self.simulated.cookie = ""

    async def post(self, path: str, **form: str) -> Reply:
        """Both answer alike, at once; gives the real answer."""
        return await self.ask("POST", path, form=form)

    async def ask(self, method: str, path: str, **rest: Any) -> Reply:
        """Both answer any request alike, at once; gives the real answer."""
        real = await self.real.ask(method, path, **rest)
        simulated = await self.simulated.ask(method, path, **rest)
        expected, found = _told(path, real), _told(path, simulated)
        assert found == expected, _complaint(f"{method} {path} {rest}", expected, found)
        return real


def mirrored(server: Server) -> Simulator:
    """A simulator that holds what the real server holds."""
    profile = replace(
        profile_of(server.webapi_version), version=server.version, web_api=server.webapi_version
    )
    simulator = Simulator(
        profile,
        Credentials(required=server.options.login),
        save_path=str(server.save_path),
    )
    for row in server.api.categories().values():
        category = SimulatedCategory(row["name"], row["savePath"], row.get("download_path"))
        simulator.library.create_category(category)
    simulator.library.create_tags(",".join(server.api.tags()))
    simulator.add(_torrent(server, row) for row in server.api.torrents())
    return simulator


def _torrent(server: Server, row: dict[str, Any]) -> SimulatedTorrent:
    api = server.api
    rows = api.get("torrents/trackers", hash=row["hash"])
    properties = api.get("torrents/properties", hash=row["hash"])
    state = State(row["state"])
    return SimulatedTorrent(
        name=row["name"],
        infohash_v1=row.get("infohash_v1", row["hash"]),
        infohash_v2=row.get("infohash_v2", ""),
        category=row["category"],
        tags=frozenset(filter(None, row["tags"].split(", "))),
        state=_STOPPED.get(state, state),
        progress=row["progress"],
        save_path=row["save_path"],
        auto_tmm=row["auto_tmm"],
        added_on=row["added_on"],
        completion_on=row["completion_on"] if row["completion_on"] > 0 else NEVER,
        last_activity=row["last_activity"],
        size=row["size"],
        piece_size=properties["piece_size"],
        ratio=row["ratio"],
        seeding_time=properties["seeding_time"],
        up_limit=row["up_limit"],
        ratio_limit=row["ratio_limit"],
        seeding_time_limit=row["seeding_time_limit"],
        inactive_seeding_time_limit=row.get("inactive_seeding_time_limit", -2),
        share_limit_action=row.get("share_limit_action", "Default"),
        share_limits_mode=row.get("share_limits_mode", "Default"),
        download_path=row.get("download_path", ""),
        private=row.get("private", properties.get("is_private", bool(rows[0]["msg"]))),
        has_metadata=row["total_size"] >= 0,
        trackers=tuple(_tracker(each) for each in rows if "://" in each["url"]),
        files=tuple(
            SimulatedFile(name=each["name"], size=each["size"], progress=each["progress"])
            for each in api.files(row["hash"])
        ),
    )


def _tracker(row: dict[str, Any]) -> SimulatedTracker:
    is_updating = row.get("updating", False)
    return SimulatedTracker(
        url=row["url"],
        status=TrackerStatus.UPDATING if is_updating else TrackerStatus(row["status"]),
        msg=row["msg"],
        tier=row["tier"],
        num_seeds=row["num_seeds"],
        num_leeches=row["num_leeches"],
        num_downloaded=row["num_downloaded"],
    )


def _told(path: str, reply: Reply) -> dict[str, Any]:
    """An answer in the form in which the two are compared."""
    is_json = reply.kind == "application/json"
    body = _COMPARABLE.get(path, _as_it_is)(reply.json) if is_json else reply.text
    return {
        "status": reply.status,
        "Content-Type": reply.kind,
        "Set-Cookie": reply.cookie,
        "body": body,
    }


def _complaint(request: str, expected: dict[str, Any], found: dict[str, Any]) -> str:
    lines = differences(_flat(expected), _flat(found))
    return "\n".join([f"{request}: real -> simulated", *lines])


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested JSON by paths, so that a difference can be named."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value:
        return {name: value}
    return {
        path: leaf
        for key, part in value.items()
        for path, leaf in _flat(part, f"{name}/{key}").items()
    }


def _as_it_is(value: Any) -> Any:
    return value


def _rows(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_row(each) for each in value]


def _by_hash(value: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["hash"]: _row(each) for each in value}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A row with types in place of values that nobody can foresee."""
    shown: dict[str, Any] = {
        name: _kind(value) if name in _VOLATILE else value for name, value in row.items()
    }
    if "tags" in shown:
        shown["tags"] = sorted(shown["tags"].split(", "))
    for part in ("trackers", "files"):
        if part in shown:
            shown[part] = [_row(each) for each in shown[part]]
    return shown


def _main_data(value: dict[str, Any]) -> dict[str, Any]:
    # 5.x leave out what is empty, but not always: what was there before may stand as empty.
    return value | {
        "torrents": {name: _row(each) for name, each in value.get("torrents", {}).items()},
        "categories": value.get("categories", {}),
        "tags": sorted(value.get("tags", [])),
        "trackers": {url: sorted(each) for url, each in value.get("trackers", {}).items()},
        "server_state": _picked(value["server_state"], _SERVER_STATE),
    }


def _preferences(value: dict[str, Any]) -> dict[str, Any]:
    return _picked(value, _PREFERENCES)


def _picked(value: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value.get(name, "missing") for name in names}


def _kind(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


_SERVER_STATE = ("connection_status", "queueing", "global_ratio")
_PREFERENCES = (
    *("auto_tmm_enabled", "category_changed_tmm_enabled", "max_ratio", "max_ratio_act"),
    *("max_ratio_enabled", "max_seeding_time", "max_seeding_time_enabled", "queueing_enabled"),
    *("max_inactive_seeding_time", "max_inactive_seeding_time_enabled", "share_limits_mode"),
    *("save_path", "save_path_changed_tmm_enabled", "temp_path", "temp_path_enabled"),
    *("torrent_changed_tmm_enabled", "web_ui_csrf_protection_enabled"),
    "web_ui_max_auth_fail_count",
)
_COMPARABLE: dict[str, Callable[[Any], Any]] = {
    "app/preferences": _preferences,
    "sync/maindata": _main_data,
    "torrents/files": _rows,
    "torrents/info": _by_hash,
    "torrents/properties": _row,
    "torrents/tags": sorted,
    "torrents/trackers": _rows,
}
