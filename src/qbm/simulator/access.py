"""Who may call: logging in and out, sessions, the API key, bans, foreign sites."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hmac import compare_digest
from urllib.parse import urlsplit

from msgspec import Struct

from qbm.simulator.calls import Answer, Call, RefusedError, text_answer
from qbm.simulator.profiles import Profile

_MAX_FAILURES = 5
_BANNED = "Your IP address has been banned after too many failed authentication attempts."
_KEY = "api key"


class Credentials(Struct, frozen=True, kw_only=True):
    """What lets a caller in.

    ``required`` False is qBittorrent's "bypass authentication for clients on localhost". An
    empty ``api_key`` is none.
    """

    username: str = "admin"
    password: str = "adminadmin"  # noqa: S105 - that of a simulated server
    api_key: str = ""
    required: bool = True


@dataclass(slots=True)
class Access:
    """The sessions of one server; ``port`` is where it listens (0: in process only)."""

    profile: Profile
    credentials: Credentials
    port: int = 0
    failures: int = 0
    sessions: dict[str, int] = field(default_factory=dict)
    """The last ``rid`` that each was given."""

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return f"QBT_SID_{self.port}" if self.profile.cookie_has_port else "SID"

    def session_of(self, call: Call) -> str:
        """The session of a call; "" if it has none.

        Raises:
            RefusedError: 401 for a call from a foreign site, 403 for a wrong API key.
        """
        bearer = _bearer(call) if self.profile.has_api_key else None
        if bearer is not None:
            return self._session_of_key(bearer, call)
        if self._is_foreign(call) or self._is_for_another_port(call):
            raise RefusedError(401)
        session = call.cookies.get(self.cookie, "")
        return session if session in self.sessions else ""

    def open(self) -> str:
        """A new session."""
        session = secrets.token_urlsafe(24)
        self.sessions[session] = 0
        return session

    def log_in(self, call: Call, session: str) -> Answer:
        """``auth/login``: a session that is known already needs no password.

        Raises:
            RefusedError: 403 once there were five wrong ones.
        """
        accepted = self.profile.login_accepted
        if session:
            return _told(self.profile, accepted)
        if self.failures >= _MAX_FAILURES:
            raise RefusedError(403, _BANNED)
        if not self._fits(call):
            self.failures += 1
            return _told(self.profile, self.profile.login_refused)
        self.failures = 0
        return self.with_cookie(_told(self.profile, accepted), self.open())

    def log_out(self, session: str) -> Answer:
        """``auth/logout``: the session ends, and its cookie is emptied."""
        self.sessions.pop(session, None)
        return self.with_cookie(text_answer(self.profile), "")

    def with_cookie(self, answer: Answer, session: str) -> Answer:
        """The answer with the session's cookie in it."""
        return Answer(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            set_cookie=f"{self.cookie}={session}; HttpOnly; SameSite=Strict; path=/",
        )

    def next_rid(self, session: str, asked: int) -> int:
        """The ``rid`` of a session's next full update."""
        starts_over = asked <= 0 and not self.profile.counts_responses
        rid = 1 if starts_over else self.sessions.get(session, 0) + 1
        if session in self.sessions:  # an API key has none
            self.sessions[session] = rid
        return rid

    def _session_of_key(self, bearer: str, call: Call) -> str:
        key = self.credentials.api_key
        if not key or not compare_digest(bearer, key) or call.path.startswith("auth/"):
            raise RefusedError(403)
        return _KEY

    def _is_foreign(self, call: Call) -> bool:
        """Its Origin, else its Referer, names another host or port than it was sent to."""
        source = call.headers.get("origin") or call.headers.get("referer") or ""
        if not source:
            return False
        target = call.headers.get("host", "")
        if self.profile.heeds_forwarded_host:
            target = call.headers.get("x-forwarded-host") or target
        return urlsplit(source).netloc.lower() != target.lower()

    def _is_for_another_port(self, call: Call) -> bool:
        port = urlsplit(f"//{call.headers.get('host', '')}").port
        return bool(self.port) and port not in {None, self.port}

    def _fits(self, call: Call) -> bool:
        given = (call.params.get("username", ""), call.params.get("password", ""))
        return given == (self.credentials.username, self.credentials.password)


def _told(profile: Profile, status_and_text: tuple[int, str]) -> Answer:
    status, text = status_and_text
    return text_answer(profile, text, status)


def _bearer(call: Call) -> str | None:
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
