"""No secret leaves by the log or the screen, and ordinary text stays as it is."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from qbm.log.redaction import HIDDEN, Redactor

_PASSKEY = "0123456789abcdef0123456789abcdef"


def _clean(text: str, *secrets: str) -> str:
    redactor = Redactor()
    redactor.learn(secrets)
    return redactor.clean(text)


def test_a_secret_is_found_in_its_url_encoded_forms_too() -> None:
    secret = "p&ss wörd"
    for form in (secret, quote(secret, safe=""), "p%26ss+w%C3%B6rd"):
        assert _clean(f"a {form} b", secret) == f"a {HIDDEN} b"


def test_a_secret_that_holds_another_goes_whole() -> None:
    assert _clean("the longer secret!", "longer", "longer secret") == f"the {HIDDEN}!"


def test_secrets_can_be_told_one_after_the_other() -> None:
    redactor = Redactor()
    redactor.learn(["first secret"])
    redactor.learn(["second secret"])
    assert redactor.clean("first secret, second secret") == f"{HIDDEN}, {HIDDEN}"


def test_a_secret_of_three_letters_would_blank_out_too_much() -> None:
    assert _clean("a pastry", "pas") == "a pastry"


@pytest.mark.parametrize(
    "url",
    [
        f"https://t.example/announce/{_PASSKEY}",
        f"https://t.example/{_PASSKEY}/announce",
        f"udp://t.example:6969/announce?passkey={_PASSKEY}",
        f"https://t.example/a/{_PASSKEY}).",
        f"https://t.example/ann?x=1&torrent_pass={_PASSKEY}",
        f"https://user:{_PASSKEY}@t.example/announce",
        f"wss://t.example/AbCdEfGhIjKlMnOpQrStUvWxYz/{_PASSKEY}",
        "https://t.example/short?pk=short",
        f"passkey={_PASSKEY}",
        f"Authorization: Bearer qbt_{_PASSKEY}",
    ],
)
def test_what_looks_like_a_passkey_is_hidden(url: str) -> None:
    cleaned = _clean(f"failed: {url}, again")
    assert _PASSKEY not in cleaned
    assert HIDDEN in cleaned
    assert cleaned.startswith("failed: ")


@pytest.mark.parametrize(
    "text",
    [
        "qBittorrent at http://127.0.0.1:8080/qbittorrent answers 403",
        "https://seedbox.example/my-very-long-folder-name/qbt",
        f"the torrent {_PASSKEY} is stopped",
        "its save path /data/films-of-2024-and-2025-in-uhd has the entry /data/*",
        "category a=b → c: basic research",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert _clean(text) == text
