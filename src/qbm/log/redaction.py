"""The last line of defence: no text that leaves by the log or the screen holds a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
ORDINARY: Final = re.compile(r"[^\W\d_]{1,7}|.{1,3}")
"""Passwords that are ordinary words (or shorter than any) would blank out names that are too."""
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]*://)([^\s\"'<>|]+)", re.IGNORECASE)
_KEYED: Final = re.compile(
    r"(?i)\b(pass(?:key|word|wd)?|torrent_pass|api_?key|auth_?key|token|secret|s?sid)=[^\s&;,\"']+"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer) [\w+/=.~-]{8,}")
_RANDOM: Final = re.compile(r"(?=[A-Za-z_~-]*\d)[\w~-]{16,}|\w{24,}")
"""What a passkey looks like and a folder's name hardly ever: long, and with a digit."""


class Redactor:
    """Hides what looks like a secret, and the secrets that it has been told of."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these from now on, in their plain and their URL-encoded forms."""
        forms = {form for secret in secrets for form in _forms(secret)}
        # Longest first: a password that is part of another must not leave the other's rest.
        self._known = tuple(sorted(forms | set(self._known), key=len, reverse=True))

    def clean(self, text: str) -> str:
        """``text`` without secrets."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        if "://" in text:
            text = _URL.sub(_without_key, text)
        if "=" in text:
            text = _KEYED.sub(rf"\1={HIDDEN}", text)
        if "earer " in text:
            text = _BEARER.sub(rf"\1 {HIDDEN}", text)
        return text


def _forms(secret: str) -> Iterator[str]:
    if not ORDINARY.fullmatch(secret):
        yield from (secret, quote(secret, safe=""), quote_plus(secret))


def _without_key(url: re.Match[str]) -> str:
    """A URL without user, password, query values, and path parts that look like a passkey."""
    place, question, query = url[2].partition("?")
    authority, slash, path = place.partition("/")
    authority = f"{HIDDEN}@{authority.rpartition('@')[2]}" if "@" in authority else authority
    path = _RANDOM.sub(HIDDEN, path)
    query = re.sub(r"=[^&]*", f"={HIDDEN}", query)
    return f"{url[1]}{authority}{slash}{path}{question}{query}"
