"""Secrets are shown as *** wherever they stand, and what comes back as *** stays."""

from __future__ import annotations

from typing import Any

import pytest

from qbm.config.editing import data_of, edited, written_anew
from qbm.config.refusals import NotEditable

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"qbt: {{host: x, pass: {SECRET}}}",
        f"qbt:\n  pass: '{SECRET}'",
        "qbt: {pass: 0123456789}",
        "qbt: {pass: true}",
        f"qbt: {{apikey: {SECRET}}}",
        f"qbt: {{password: {SECRET}}}",
        f"qbt: {{pass: !{SECRET} }}",
        f"qbt: {{pass: [{SECRET}]}}",
        f"qbt: {{pass: {{of: {SECRET}}}}}",
        f"qbt: {{host: 'http://me:{SECRET}@host:80'}}",
        f"apprise: {{api_url: 'http://apprise:8000/{SECRET}'}}",
        f"apprise: {{notify_url: 'tgram://{SECRET}/chat'}}",
        f"apprise: {{notify_url: ['tgram://{SECRET}/chat']}}",
        f"notifiarr: {{apikey: {SECRET}}}",
        f"webhooks: {{error: 'https://h.example/{SECRET}'}}",
        f"webhooks: {{function: {{recheck: ['https://h.example/{SECRET}']}}}}",
        f"webhooks: {{recheck: 'https://h.example/{SECRET}'}}",
        f"webhooks: {{recheck: 'https:/h.example/{SECRET}'}}",
        f"unknown: {{auth_token: {SECRET}}}",
        f"unknown: {{botToken: {SECRET}}}",
        f"unknown: {{client-secret: {SECRET}}}",
        f"unknown: {{api-key: {SECRET}}}",
        f"one: &a {SECRET}\nqbt: {{pass: *a}}".replace("one:", "token:"),
        "unknown: 'https://h.example/0123456789abcdef0123456789abcdef'",
    ],
)
def test_a_secret_is_shown_as_stars_and_stays_when_these_come_back(text: str) -> None:
    shown = data_of(text)
    assert "***" in repr(shown)
    for part in (SECRET, "0123456789", "True"):
        assert part not in repr(shown)
    assert edited(text, shown) == text


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("qbt: {pass: !ENV QBT_PASS}", {"qbt": {"pass": "!ENV QBT_PASS"}}),
        ("qbt: {pass: !FILE secrets/p}", {"qbt": {"pass": "!FILE secrets/p"}}),
        ("qbt: {pass: }", {"qbt": {"pass": None}}),
        ("qbt: {pass: ''}", {"qbt": {"pass": ""}}),
        (
            "qbt: {host: 'https://h.example:8080/qbt'}",
            {"qbt": {"host": "https://h.example:8080/qbt"}},
        ),
        ("cat: {pass: /data/pass}", {"cat": {"pass": "/data/pass"}}),
        ("tracker: {token.org: {tag: secret}}", {"tracker": {"token.org": {"tag": "secret"}}}),
        ("webhooks: {error: notifiarr}", {"webhooks": {"error": "notifiarr"}}),
        ("webhooks: {run_start: Notifiarr}", {"webhooks": {"run_start": "Notifiarr"}}),
        ("webhooks: {run_end: [apprise]}", {"webhooks": {"run_end": ["apprise"]}}),
        ("bypass: true", {"bypass": True}),
    ],
)
def test_what_is_no_secret_is_shown(text: str, data: dict[str, Any]) -> None:
    assert data_of(text) == data


def test_a_passkey_in_a_tracker_key_is_not_shown_and_its_entry_can_be_edited() -> None:
    key = "https://tracker.example.org/0123456789abcdef0123456789abcdef/announce"
    other = key.replace("0123", "4567")
    text = f"tracker:\n  {key}:\n    tag: a  # first\n  {other}:\n    tag: b\n"
    shown: Any = data_of(text)
    assert list(shown["tracker"]) == [
        "https://tracker.example.org/…",
        "https://tracker.example.org/… (2)",
    ]
    assert edited(text, shown) == text
    shown["tracker"]["https://tracker.example.org/… (2)"]["tag"] = "c"
    assert edited(text, shown) == text.replace("tag: b", "tag: c")


def test_another_secret_replaces_the_old_one_alone() -> None:
    text = f"qbt:\n  user: me\n  pass: '{SECRET}'  # ours\n"
    wanted: dict[str, Any] = {"qbt": {"user": "me", "pass": "!ENV QBT_PASS"}}
    assert edited(text, wanted) == "qbt:\n  user: me\n  pass: !ENV QBT_PASS  # ours\n"


URLS = "apprise:\n  notify_url:\n    - tgram://one/a  # 1\n    - tgram://two/b  # 2\n"


def test_a_hidden_item_stays_beside_a_new_one() -> None:
    new = edited(URLS, {"apprise": {"notify_url": ["***", "***", "tgram://three/c"]}})
    assert new == URLS + "    - tgram://three/c\n"


def test_the_only_hidden_item_may_be_told_by_its_neighbours() -> None:
    text = "webhooks:\n  error:\n    - notifiarr\n    - https://h.example/x\n    - apprise\n"
    new = edited(text, {"webhooks": {"error": ["***", "apprise"]}})
    assert new == "webhooks:\n  error:\n    - https://h.example/x\n    - apprise\n"


def test_it_is_refused_to_guess_which_hidden_item_is_to_stay() -> None:
    with pytest.raises(NotEditable, match=r"apprise\.notify_url.*hidden") as caught:
        edited(URLS, {"apprise": {"notify_url": ["***"]}})
    assert "tgram" not in str(caught.value)


@pytest.mark.parametrize(
    "wanted",
    [
        {"qbt": {"pass": "***"}},
        {"qbt": {"host": "***"}},
        {"new": ["***"]},
        {"cat": {"a": "***"}},
    ],
)
def test_stars_with_no_secret_behind_them_are_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(NotEditable, match=r"\*\*\*|hidden"):
        edited("qbt: {host: x}\ncat: {a: /x}\n", wanted)
    with pytest.raises(NotEditable):
        written_anew(wanted)
