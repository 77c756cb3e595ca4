"""What can be made to go wrong, on which requests, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeAlias

from msgspec import Struct

_LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Who is there?</body></html>"
)


class Slow(Struct, frozen=True):
    """The answer comes ``seconds`` late."""

    seconds: float


class Failing(Struct, frozen=True):
    """Another answer, and nothing is done: 500 unless said otherwise."""

    status: int = 500
    body: str = ""
    content_type: str = "text/plain; charset=UTF-8"


class Html(Struct, frozen=True):
    """A page of something in between (a proxy's login, say) with status 200; nothing is done."""

    body: str = _LOGIN_PAGE


class CutBefore(Struct, frozen=True):
    """The connection ends without an answer, and nothing is done."""


class CutAfter(Struct, frozen=True):
    """The request takes effect; the connection ends without an answer."""


class CutReused(Struct, frozen=True):
    """As ``CutBefore``, but only on a connection that has carried a request before.

    What a client meets that sends on an idle connection just as the server closes it.
    """


class ForgottenLogin(Struct, frozen=True):
    """All sessions end, this request's as well: it is answered as without a login."""


class Restart(Struct, frozen=True):
    """The server goes away for ``seconds``: sessions end, connections are cut."""

    seconds: float = 0.0


class Late(Struct, frozen=True):
    """A write is answered at once and shows later.

    It shows when ``seconds`` have passed and ``reads`` more requests have been answered.
    """

    seconds: float = 0.0
    reads: int = 0


Fault: TypeAlias = (
    Slow | Failing | Html | CutBefore | CutAfter | CutReused | ForgottenLogin | Restart | Late
)


@dataclass(slots=True)
class Armed:
    """A fault that waits for its requests.

    ``path`` is a pattern such as ``torrents/*``; the first ``skip`` requests that fit go
    by; ``times`` None is for ever. ``hits`` counts how often it struck.
    """

    fault: Fault
    path: str
    times: int | None
    skip: int
    hits: int = 0

    def strikes(self, path: str, *, is_reused: bool, is_write: bool) -> bool:
        """Whether it strikes this request; counts it."""
        if not fnmatchcase(path, self.path) or self.is_spent:
            return False
        if (isinstance(self.fault, CutReused) and not is_reused) or (
            isinstance(self.fault, Late) and not is_write
        ):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    @property
    def is_spent(self) -> bool:
        """It has struck as often as it was to."""
        return self.times is not None and self.hits >= self.times


@dataclass(slots=True)
class Faults:
    """The faults of one server, in the order in which they were set."""

    armed: list[Armed] = field(default_factory=list)

    def add(self, fault: Fault, path: str = "*", *, times: int | None = 1, skip: int = 0) -> Armed:
        """Sets a fault; the answer counts its hits."""
        armed = Armed(fault=fault, path=path, times=times, skip=skip)
        self.armed.append(armed)
        return armed

    def clear(self) -> None:
        """Everything works again."""
        self.armed.clear()

    def striking(self, path: str, *, is_reused: bool, is_write: bool) -> list[Fault]:
        """The faults of a request for ``path``, on a fresh connection or a reused one."""
        return [
            armed.fault
            for armed in self.armed
            if armed.strikes(path, is_reused=is_reused, is_write=is_write)
        ]
