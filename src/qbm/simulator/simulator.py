"""A qBittorrent server that is not one: the same answers, from memory."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

from msgspec import Struct
from msgspec.structs import replace

from qbm.simulator.access import Access, Credentials
from qbm.simulator.calls import Answer, Call, RefusedError, error_answer
from qbm.simulator.faults import Fault, Faults, Late
from qbm.simulator.library import Library
from qbm.simulator.profiles import V5_1, Profile
from qbm.simulator.records import SimulatedTorrent
from qbm.simulator.routes import Asked, answer, route_of
from qbm.simulator.web import Where, serve, serve_in_thread

_ENDPOINT = re.compile(r"[A-Za-z_]\w*/[A-Za-z_]\w*", re.ASCII)


class Recorded(Struct, frozen=True, kw_only=True):
    """A request that was answered, and with which status."""

    method: str
    path: str
    params: dict[str, str]
    status: int
    is_write: bool


@dataclass(slots=True)
class _Hidden:
    """The library as it is after a write that does not show yet."""

    library: Library
    due: float
    reads: int


@dataclass(slots=True)
class Simulator:
    """One simulated server; ``answer`` is all of it, ``serve`` puts HTTP around it.

    Set up ``library`` and ``faults`` at any time; from another thread only between requests.
    ``prefix`` is a path under which a reverse proxy would show it, such as ``/qbt``.
    """

    profile: Profile = V5_1
    credentials: Credentials = field(default_factory=Credentials)
    save_path: str = "/downloads"
    prefix: str = ""
    disk: Path | None = None
    """The folder that is the server's ``/``: torrents that are added have files there, which go
    with them, and a recheck looks at them. Without one there are no files."""
    faults: Faults = field(default_factory=Faults)
    requests: list[Recorded] = field(default_factory=list)
    library: Library = field(init=False)
    access: Access = field(init=False)
    away_until: float = 0.0
    """Until when (monotonic) it is restarting and cuts every connection."""
    _shown: Library | None = None
    _hidden: list[_Hidden] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.library = Library(profile=self.profile, save_path=self.save_path, disk=self.disk)
        self.access = Access(profile=self.profile, credentials=self.credentials)

    @property
    def writes(self) -> list[Recorded]:
        """The requests that were to change something."""
        return [each for each in self.requests if each.is_write]

    @property
    def shown(self) -> Library:
        """The library as reads see it: ``library``, unless writes are yet to show."""
        return self._shown or self.library

    def add(self, torrents: Iterable[SimulatedTorrent]) -> list[str]:
        """Adds torrents with their categories and tags; answers their hashes.

        Raises:
            ValueError: a torrent has no hash that this generation knows.
        """
        return [self.library.add(each) for each in torrents]

    def change(self, identity: str, **fields: object) -> None:
        """Changes fields of a torrent, such as ``state`` or ``progress``, as its owner would."""
        self.library.torrents[identity] = replace(self.library.torrents[identity], **fields)

    def restart(self, seconds: float = 0.0) -> None:
        """Ends all sessions, as a restart does; cuts every connection for ``seconds``."""
        self.access.sessions.clear()
        self.away_until = time.monotonic() + seconds

    def serve(self, **where: Unpack[Where]) -> AbstractAsyncContextManager[str]:
        """Serves it over HTTP in this event loop; the block gets its URL.

        Raises:
            OSError: the address cannot be bound.
        """
        return serve(self, **where)

    def run_in_thread(self, **where: Unpack[Where]) -> AbstractContextManager[str]:
        """As ``serve``, from a thread with an event loop of its own."""
        return serve_in_thread(self, **where)

    def answer(self, call: Call, *, late: Late | None = None) -> Answer:
        """Answers a call and records it; ``late`` says when a write is to show."""
        if not self._is_write(call):
            self._reveal()
        before = self.library.copy() if late else None
        try:
            found = self._answer(call)
        except RefusedError as refused:
            found = error_answer(self.profile, refused.status, refused.text)
        if late and before:
            self._hide(before, late)
        self.record(call, found.status)
        return found

    def record(self, call: Call, status: int) -> None:
        """Notes a request; ``CUT`` is the status of one that was cut and did nothing."""
        self.requests.append(
            Recorded(
                method=call.method,
                path=call.path,
                params=dict(call.params),
                status=status,
                is_write=self._is_write(call),
            )
        )

    def striking(self, call: Call, *, is_reused: bool) -> list[Fault]:
        """The faults that strike a call."""
        return self.faults.striking(call.path, is_reused=is_reused, is_write=self._is_write(call))

    def _is_write(self, call: Call) -> bool:
        route = route_of(self.profile, call.path)
        return route is not None and route.is_write

    def _answer(self, call: Call) -> Answer:
        if call.method not in {"GET", "HEAD", "POST"}:
            return Answer(status=self.profile.unknown_method)
        if not call.is_form:
            return Answer(status=400)
        session = self.access.session_of(call)
        if session or self.access.credentials.required:
            return self._answer_in(call, session)
        # Whoever needs no login gets a session for each call that brings none.
        session = self.access.open()
        return self.access.with_cookie(self._answer_in(call, session), session)

    def _answer_in(self, call: Call, session: str) -> Answer:
        if not _ENDPOINT.fullmatch(call.path):
            return error_answer(self.profile, 404)
        if not session and call.path != "auth/login":
            return error_answer(self.profile, 403)
        try:
            return answer(self, route_of(self.profile, call.path), Asked(call, session))
        except RefusedError as refused:
            return error_answer(self.profile, refused.status, refused.text)

    def _hide(self, before: Library, late: Late) -> None:
        if self._shown is None:
            self._shown = before
        due = time.monotonic() + late.seconds
        self._hidden.append(_Hidden(self.library.copy(), due, late.reads))

    def _reveal(self) -> None:
        """Shows what is due; each read brings the first of them nearer."""
        while self._hidden and self._hidden[0].due <= time.monotonic():
            first = self._hidden[0]
            if first.reads:
                first.reads -= 1
                return
            self._shown = self._hidden.pop(0).library
        if not self._hidden:
            self._shown = None
