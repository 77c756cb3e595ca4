"""Builds libraries on real servers: the same call makes the same library on every version."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import Enum, auto
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from tests.lab.servers import Server
from tests.lab.torrents import Torrent
from tests.lab.webapi import File, RefusedError

T = TypeVar("T")

_POLL_SECONDS = 0.05
_SETTLE_SECONDS = 60.0
_ANSWER_SECONDS = 3.0
_FILES_PER_POST = 2_500
_UNSETTLED = frozenset(
    {"allocating", "checkingUP", "checkingDL", "checkingResumeData", "moving", "unknown"},
)


class Content(Enum):
    """What lies in the save path when a torrent is added, and whether the server looks."""

    COMPLETE = auto()
    """All of it, taken on trust (seed mode): complete at once, without a check."""
    CHECKED = auto()
    """All of it, and the server checks it."""
    WRONG = auto()
    """Files of the right size with other bytes: incomplete after the check."""
    MISSING = auto()
    """Nothing: incomplete."""
    ON_DISK = auto()
    """What a test has put there itself (hard links, a cross-seed's files), taken on trust."""


_TRUSTED = {Content.COMPLETE, Content.ON_DISK}


def _have_answered(rows: list[dict[str, Any]]) -> bool:
    return all(row["status"] not in {1, 3} and not row.get("updating") for row in rows)


class UnsettledError(AssertionError):
    """The server did not show in time what it was asked for."""


def add(
    server: Server,
    *torrents: Torrent,
    content: Content = Content.COMPLETE,
    is_stopped: bool = True,
    category: str = "",
    tags: Collection[str] = (),
    save_path: Path | None = None,
    auto_tmm: bool = False,
    rename: str = "",
) -> list[str]:
    """Adds the torrents alike, in bulk, and waits until the server shows them settled.

    Answers the server's hashes in the order of the torrents. A category that is not there is
    made, without a save path. ``save_path`` defaults to the server's own, or with ``auto_tmm``
    to the category's.

    Raises:
        RefusedError: the server takes one of them not (v2-only on 4.2.5, or a duplicate).
        UnsettledError: it did not show them in a minute.
    """
    if category and category not in server.api.categories():
        server.api.post("torrents/createCategory", category=category, savePath="")
    folder = save_path or (category_folder(server, category) if auto_tmm else server.save_path)
    _write(torrents, content, folder)
    form: dict[str, str | bool] = {
        # 5.3 calls it seedMode, the others skip_checking; 5.x calls paused stopped.
        "skip_checking": content in _TRUSTED,
        "seedMode": content in _TRUSTED,
        "paused": is_stopped,
        "stopped": is_stopped,
        "autoTMM": auto_tmm,
        "contentLayout": "Original",
    }
    if category:
        form["category"] = category
    if rename:
        form["rename"] = rename
    if not auto_tmm:
        form["savepath"] = str(folder)
    for batch in _batches(torrents):
        files = [File(f"{torrent.hash}.torrent", torrent.metainfo) for torrent in batch]
        answer = server.api.upload("torrents/add", form, files)
        if answer == "Fails.":
            raise RefusedError("torrents/add", 200, answer)
    hashes = [hash_on(server, torrent) for torrent in torrents]
    if content in {Content.CHECKED, Content.WRONG}:
        # Stopped torrents are not checked by themselves from 4.5 on.
        settle(server, hashes)
        server.api.post("torrents/recheck", hashes="|".join(hashes))
    is_complete = content not in {Content.WRONG, Content.MISSING}
    settle(server, hashes, lambda row: (row["progress"] == 1) is is_complete)
    if tags:
        # 4.2.5 takes no tags while adding.
        server.api.post("torrents/addTags", hashes="|".join(hashes), tags=",".join(tags))
    return hashes


def add_magnet(server: Server, torrent: Torrent, *, is_stopped: bool = False) -> str:
    """Adds its magnet link: a torrent without metadata, as nobody has it to give."""
    server.api.upload(
        "torrents/add",
        {"urls": torrent.magnet, "paused": is_stopped, "stopped": is_stopped},
        [],
    )
    return settle(server, [hash_on(server, torrent)])[0]["hash"]  # type: ignore[no-any-return]


def hard_link(torrent: Torrent, source: Path, target: Path) -> None:
    """Links every file of the torrent below the save path ``source`` into ``target``."""
    for old, new in zip(torrent.paths(source), torrent.paths(target), strict=True):
        new.parent.mkdir(parents=True, exist_ok=True)
        new.hardlink_to(old)


def hash_on(server: Server, torrent: Torrent) -> str:
    """The torrent's ``hash`` on that server: 4.2.5 (libtorrent 1) knows only v1."""
    return torrent.infohash_v1 if server.version.startswith("4.2.") else torrent.hash


def category_folder(server: Server, category: str) -> Path:
    """Where automatic management puts the content of a category ("" is none)."""
    given = server.api.categories().get(category, {}).get("savePath", "")
    # An absolute path stays as it is, a relative one and the bare name lie in the default.
    return server.save_path / (given or category)


def settle(
    server: Server,
    hashes: Sequence[str],
    also: Callable[[dict[str, Any]], bool] = lambda _row: True,
) -> list[dict[str, Any]]:
    """Waits until the server shows all of ``hashes``, none checking or moving, ``also`` true.

    Answers their rows of ``torrents/info``, in the order asked for.

    Raises:
        UnsettledError: after a minute; it names some that are not.
    """

    def is_settled(row: dict[str, Any] | None) -> bool:
        return row is not None and row["state"] not in _UNSETTLED and also(row)

    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        asked = {"hashes": "|".join(hashes)} if len(hashes) <= 100 else {}
        rows = {row["hash"]: row for row in server.api.torrents(**asked)}
        unsettled = [item for item in hashes if not is_settled(rows.get(item))]
        if not unsettled:
            return [rows[item] for item in hashes]
        if time.monotonic() > deadline:
            shown = [(item, rows.get(item, {}).get("state")) for item in unsettled[:5]]
            raise UnsettledError(f"{len(unsettled)} of {len(hashes)} are not settled: {shown}")
        # A large library's answer costs the server a second: ask it less often.
        time.sleep(_POLL_SECONDS * (1 + len(hashes) // 1000))


def saved(server: Server, hashes: Collection[str]) -> None:
    """Waits until the torrents are on disk: a server that ends before has forgotten the rest.

    Raises:
        UnsettledError: they are not after a minute.
    """

    def missing() -> int:
        there = {file.stem for file in server.torrents_folder.glob("*.fastresume")}
        return len(set(hashes) - there)

    wait_for(missing, lambda count: not count, seconds=_SETTLE_SECONDS)


def announced(
    server: Server,
    torrent_hash: str,
    seconds: float = 20.0,
    is_right: Callable[[list[dict[str, Any]]], bool] = _have_answered,
) -> list[dict[str, Any]]:
    """The torrent's tracker rows, once they are right: by default, once each has answered.

    Asks the trackers again every 3 s: servers from 5.1 on now and then miss an answer, and
    then show the tracker as updating until the next one.

    Raises:
        UnsettledError: they are not in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return wait_for(lambda: server.api.trackers(torrent_hash), is_right, _ANSWER_SECONDS)
        except UnsettledError:
            if time.monotonic() > deadline:
                raise
            reannounce(server, torrent_hash)


def reannounce(server: Server, *hashes: str) -> None:
    """Asks the trackers of running torrents again; stopped ones never announce."""
    server.api.post("torrents/reannounce", hashes="|".join(hashes))


def wait_for(
    answer: Callable[[], T],
    is_right: Callable[[T], bool],
    seconds: float = 10.0,
) -> T:
    """Asks until the answer is right; a write's effect shows up to 2 s later.

    Raises:
        UnsettledError: it never was; the last answer stands in the text.
    """
    deadline = time.monotonic() + seconds
    while not is_right(last := answer()):
        if time.monotonic() > deadline:
            raise UnsettledError(f"still after {seconds} s: {last!r}")
        time.sleep(_POLL_SECONDS)
    return last


def remove_all(server: Server) -> None:
    """Empties the server: torrents, categories and tags; content stays on disk."""
    api = server.api
    if hashes := [row["hash"] for row in api.torrents()]:
        api.post("torrents/delete", hashes="|".join(hashes), deleteFiles=False)
        wait_for(api.torrents, lambda rows: not rows, seconds=30)
    if categories := api.categories():
        api.post("torrents/removeCategories", categories="\n".join(categories))
    if tags := api.tags():
        api.post("torrents/deleteTags", tags=",".join(tags))


def _write(torrents: Iterable[Torrent], content: Content, folder: Path) -> None:
    match content:
        case Content.COMPLETE | Content.CHECKED:
            for torrent in torrents:
                torrent.write(folder)
        case Content.WRONG:
            for torrent in torrents:
                torrent.write(folder, lambda right: bytes(len(right)))
        case Content.MISSING | Content.ON_DISK:
            pass


def _batches(torrents: Sequence[Torrent]) -> Iterable[list[Torrent]]:
    rest = iter(torrents)
    while batch := list(islice(rest, _FILES_PER_POST)):
        yield batch
