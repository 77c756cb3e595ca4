"""The time that no design can go below: the bare requests, without deciding anything.

A login, the version, one list of all torrents with their trackers, the categories, and the
writes in batches, sent by a bare aiohttp loop that was started and has imported all before.
4.2.5 tells trackers only torrent by torrent; that is left out, so its floor is too low.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import ClientSession, ClientTimeout, CookieJar, TCPConnector

from bench.contest import State
from tests.lab.servers import Server

_BATCH = 500
_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Write:
    """One POST: its path below ``api/v2/`` and its form."""

    path: str
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Floor:
    """Seconds of the reads and of the writes, and how many requests the latter were."""

    read_seconds: float
    write_seconds: float
    writes: int


def floor_of(server: Server, before: State, after: State) -> Floor:
    """Takes ``server`` from ``before`` to ``after`` with the fewest requests."""
    return asyncio.run(_floor(server, list(_writes(before, after))))


async def _floor(server: Server, writes: list[Write]) -> Floor:
    start = time.perf_counter()
    async with ClientSession(
        f"{server.url}/api/v2/",
        connector=TCPConnector(limit=_CONNECTIONS),
        # Only an unsafe jar takes cookies from a bare IP address.
        cookie_jar=CookieJar(unsafe=True),
        timeout=ClientTimeout(total=None),
    ) as session:
        login = {"username": server.username, "password": server.password}
        await _post(session, Write("auth/login", login))
        await _get(session, "app/webapiVersion")
        reads = ["torrents/info?includeTrackers=true", "torrents/categories"]
        if server.webapi_version.startswith("2.8."):
            # 4.5 ignores includeTrackers; its map of trackers is here.
            reads.append("sync/maindata")
        await asyncio.gather(*(_get(session, path) for path in reads))
        read_seconds = time.perf_counter() - start
        creations = [write for write in writes if write.path == "torrents/createCategory"]
        others = [write for write in writes if write.path != "torrents/createCategory"]
        for stage in (creations, others):
            await asyncio.gather(*(_post(session, write) for write in stage))
    return Floor(read_seconds, time.perf_counter() - start - read_seconds, len(writes))


def _writes(before: State, after: State) -> Iterator[Write]:
    categories: defaultdict[str, list[str]] = defaultdict(list)
    tags: defaultdict[str, list[str]] = defaultdict(list)
    for each, (category, tagged) in after.torrents.items():
        old_category, old_tags = before.torrents[each]
        if category != old_category:
            categories[category].append(each)
        if missing := sorted({*tagged} - {*old_tags}):
            tags[",".join(missing)].append(each)
    for name in after.categories.keys() - before.categories.keys():
        form = {"category": name, "savePath": after.categories[name]}
        yield Write("torrents/createCategory", form)
    for name, hashes in categories.items():
        for batch in _batches(hashes):
            yield Write("torrents/setCategory", {"hashes": batch, "category": name})
    for names, hashes in tags.items():
        for batch in _batches(hashes):
            yield Write("torrents/addTags", {"hashes": batch, "tags": names})


def _batches(hashes: list[str]) -> Iterator[str]:
    for start in range(0, len(hashes), _BATCH):
        yield "|".join(hashes[start : start + _BATCH])


async def _get(session: ClientSession, path: str) -> bytes:
    async with session.get(path, raise_for_status=True) as answer:
        return await answer.read()


async def _post(session: ClientSession, write: Write) -> bytes:
    async with session.post(write.path, data=write.form, raise_for_status=True) as answer:
        return await answer.read()
