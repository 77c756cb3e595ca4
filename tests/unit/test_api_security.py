"""The authentication settings: saved, in force at once, and their secrets never told."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from tests.api import Served, serve
from tests.asgi import Answer

PATH = "/api/security"
PASSWORD = "Correct-Horse-9"
BASIC = {"enabled": True, "method": "basic", "username": "admin", "password": PASSWORD}
LOGIN = f"Basic {b64encode(f'admin:{PASSWORD}'.encode()).decode()}"


async def put(served: Served, body: Any, **headers: str) -> Answer:
    return await served.client(**headers).ask("PUT", PATH, body=body)


async def test_with_nothing_configured_the_defaults_are_told(tmp_path: Path) -> None:
    client = serve(tmp_path).client()
    assert (await client.get(PATH)).json == {
        "enabled": False,
        "method": "none",
        "bypass_auth_for_local": False,
        "trusted_proxies": [],
        "username": "",
        "password_hash": "",
        "api_key": "",
    }
    assert (await client.get(f"{PATH}/status")).json == {
        "has_api_key": False,
        "method": "none",
        "enabled": False,
    }


async def test_a_password_is_kept_as_a_hash_and_asked_for_at_once(tmp_path: Path) -> None:
    served = serve(tmp_path)
    answer = await put(served, {**BASIC, "trusted_proxies": ["172.18.0.0/16", " 10.0.0.1 "]})
    assert answer.json == {
        "success": True,
        "message": "Security settings updated successfully",
        "api_key": None,
    }
    text = (tmp_path / "qbm_settings.yml").read_text()
    assert PASSWORD not in text
    assert "$argon2id$" in text
    assert (tmp_path / "qbm_settings.yml").stat().st_mode & 0o777 == 0o600
    assert (await served.client().get(PATH)).status == 401
    told = (await served.client(authorization=LOGIN).get(PATH)).json
    assert (told["password_hash"], told["username"]) == ("***", "admin")
    assert told["trusted_proxies"] == ["172.18.0.0/16", "10.0.0.1"]


async def test_a_key_is_shown_once(tmp_path: Path) -> None:
    served = serve(tmp_path)
    wanted = {"enabled": True, "method": "api_only", "generate_api_key": True}
    key = (await put(served, wanted)).json["api_key"]
    assert len(key) == 43
    client = served.client(x_api_key=key)
    assert (await client.get(PATH)).json["api_key"] == ""
    assert (await client.get(f"{PATH}/status")).json["has_api_key"]
    assert (await served.client().get(PATH)).status == 401


async def test_what_is_not_said_stays_but_for_proxies_and_the_bypass(tmp_path: Path) -> None:
    served = serve(tmp_path)
    first = {**BASIC, "generate_api_key": True, "bypass_auth_for_local": True}
    key = (await put(served, {**first, "trusted_proxies": ["10.0.0.1"]})).json["api_key"]
    answer = await put(served, {"enabled": True, "method": "basic", "password": ""})
    assert answer.json["api_key"] is None
    told = (await served.client(x_api_key=key).get(PATH)).json
    assert (told["username"], told["password_hash"]) == ("admin", "***")
    assert (told["trusted_proxies"], told["bypass_auth_for_local"]) == ([], False)
    cleared = {"enabled": True, "method": "basic", "clear_api_key": True}
    await put(served, cleared, authorization=LOGIN)
    answer = await served.client(authorization=LOGIN).get(f"{PATH}/status")
    assert answer.json == {"has_api_key": False, "method": "basic", "enabled": True}


async def test_a_hash_of_the_older_tool_is_honoured(tmp_path: Path) -> None:
    served = serve(tmp_path)
    served.settings(
        "authentication:\n  enabled: true\n  method: basic\n  bypass_auth_for_local: false\n"
        "  trusted_proxies: []\n  username: admin\n"
        f"  password_hash: {PasswordHasher().hash(PASSWORD)}\n  api_key: ''\n"
    )
    assert (await served.client("8.8.8.8", authorization=LOGIN).get(PATH)).status == 200
    wrong = f"Basic {b64encode(b'admin:Correct-Horse-8').decode()}"
    assert (await served.client("8.8.8.8", authorization=wrong).get(PATH)).status == 401


async def test_secrets_from_variables_are_not_written_out(tmp_path: Path) -> None:
    served = serve(tmp_path, environ={"KEY": "a-key-of-the-environment"})
    served.settings("authentication:\n  enabled: true\n  method: api_only\n  api_key: !ENV KEY\n")
    wanted = {"enabled": True, "method": "api_only", "bypass_auth_for_local": True}
    assert (await put(served, wanted, x_api_key="a-key-of-the-environment")).status == 200
    text = (tmp_path / "qbm_settings.yml").read_text()
    assert "api_key: !ENV KEY" in text
    assert "bypass_auth_for_local: true" in text
    assert "a-key-of-the-environment" not in text


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "enabled: it is missing; method: it is missing."),
        ({**BASIC, "method": "oauth"}, "method: it must be 'none', 'basic' or 'api_only'."),
        ({**BASIC, "username": "ab"}, "username: it must be 3 to 50 letters"),
        ({**BASIC, "username": "a b c"}, "username: it must be 3 to 50 letters"),
        ({**BASIC, "username": "größe"}, "username: it must be 3 to 50 letters"),
        ({**BASIC, "password": "Short-1"}, "password: it must have 8 characters or more"),
        ({**BASIC, "password": "alllowercase"}, "password: it must have 8 characters or more"),
        ({**BASIC, "password": "A1-" * 500}, "password: it must have 8 characters or more"),
        ({**BASIC, "trusted_proxies": ["proxy"]}, "trusted_proxies.0: it must be an IP address"),
        ({**BASIC, "enabled": "maybe"}, "enabled: it must be true or false."),
        ({"enabled": True, "method": "basic"}, "Nobody could log in"),
        ({**BASIC, "password": None}, "Nobody could log in"),
        ({"enabled": True, "method": "api_only"}, "Nobody could get in"),
    ],
)
async def test_settings_that_are_wrong_or_lock_everybody_out_are_refused(
    tmp_path: Path, body: Any, detail: str
) -> None:
    served = serve(tmp_path)
    answer = await put(served, body)
    assert (answer.status, answer.detail[: len(detail)]) == (400, detail)
    assert PASSWORD not in answer.detail
    assert not (tmp_path / "qbm_settings.yml").exists()


async def test_a_stranger_can_neither_read_nor_set_them(tmp_path: Path) -> None:
    served = serve(tmp_path)
    stranger = served.client("8.8.8.8")
    assert (await stranger.get(PATH)).status == 403
    assert (await stranger.ask("PUT", PATH, body=BASIC)).status == 403
    assert not (tmp_path / "qbm_settings.yml").exists()
