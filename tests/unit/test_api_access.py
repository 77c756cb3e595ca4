"""Who may call (spec: web-api, *Who may call*; decisions, *Access*)."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from qbm.api.access import Admitted, Door, Refused, Rules, Unproven, decide
from qbm.api.callers import Call, is_from_local
from qbm.service.settings import Authentication, Method
from tests.api import SECRET, TOKEN, Served, serve

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")
OPEN = Authentication()
BASIC = Authentication(enabled=True, method=Method.BASIC, username="me", password_hash=HASH)
KEYED = Authentication(enabled=True, method=Method.API_ONLY, api_key="the-key")
PRIVATE = (
    "127.0.0.1",
    "127.8.9.10",
    "::1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.7",
    "169.254.3.4",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:192.168.1.7",
)
PUBLIC = (
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "192.169.0.1",
    "100.64.0.1",
    "0.0.0.0",
    "2001:db8::1",
    "::ffff:8.8.8.8",
    "::",
    "",
    "testclient",
)


def call(
    address: str = "127.0.0.1",
    method: str = "GET",
    path: str = "/api/configs",
    host: str | None = "localhost",
    **headers: str,
) -> Call:
    named = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    if host is not None:
        named["host"] = (host,)
    return Call(method=method, path=path, address=address, headers=named)


def rules(authentication: Authentication = OPEN, *names: str) -> Rules:
    return Rules(authentication=authentication, names=frozenset(names), token=TOKEN)


def basic(user: str = "me", password: str = "right") -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def status(decision: object) -> int:
    assert isinstance(decision, Refused), decision
    return decision.status


@pytest.mark.parametrize("address", PRIVATE)
def test_private_callers_are_let_in_when_nothing_is_configured(address: str) -> None:
    assert decide(call(address), rules()) == Admitted(Door.LOCAL)


@pytest.mark.parametrize("address", PUBLIC)
def test_all_others_are_told_how_to_set_up_a_password(address: str) -> None:
    refused = decide(call(address), rules())
    assert status(refused) == 403
    assert isinstance(refused, Refused)
    assert "set a password or an API key" in refused.detail


def test_only_of_a_proxy_that_is_not_trusted_is_it_said_that_it_is_not() -> None:
    forwarded = call("172.18.0.4", x_forwarded_for="8.8.8.8")
    trusting = Authentication(trusted_proxies=("172.18.0.0/16",))
    told = [decide(forwarded, rules(each)) for each in (OPEN, trusting)]
    assert [isinstance(each, Refused) and "not trusted" in each.detail for each in told] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "127.0.0.1"},
        {"x_forwarded_for": "192.168.1.2"},
        {"x_forwarded_for": ""},
        {"forwarded": "for=127.0.0.1"},
        {"x_real_ip": "10.0.0.1"},
        {"x_forwarded_proto": "https"},
        {"x_forwarded_host": "localhost"},
        {"x_forwarded": "for=10.0.0.1"},
        {"via": "1.1 proxy"},
        {"cf_connecting_ip": "10.0.0.1"},
        {"forwarded_for": "10.0.0.1"},
        {"proxy_client_ip": "10.0.0.1"},
        {"wl_proxy_client_ip": "10.0.0.1"},
        {"x_proxyuser_ip": "10.0.0.1"},
        {"fly_client_ip": "10.0.0.1"},
        {"x_envoy_external_address": "10.0.0.1"},
        {"cdn_loop": "cloudflare"},
    ],
)
def test_what_came_through_an_unknown_proxy_is_never_local(headers: dict[str, str]) -> None:
    refused = decide(call(**headers), rules())
    assert status(refused) == 403
    assert isinstance(refused, Refused)
    assert "trusted_proxies" in refused.detail


TRUSTED = ("127.0.0.1", "172.18.0.0/16", "no address", "fd00::/8")


@pytest.mark.parametrize(
    ("address", "headers", "is_local"),
    [
        ("127.0.0.1", {"x_forwarded_for": "192.168.1.1"}, True),
        ("127.0.0.1", {"x_forwarded_for": "8.8.8.8"}, False),
        ("127.0.0.1", {"x_forwarded_for": "nonsense"}, False),
        ("127.0.0.1", {"x_forwarded_for": ""}, False),
        ("127.0.0.1", {"x_forwarded_for": "192.168.1.1, 8.8.8.8"}, False),
        ("127.0.0.1", {"x_forwarded_for": "8.8.8.8, 192.168.1.1"}, False),
        ("127.0.0.1", {"x_forwarded_for": "10.0.0.7, 192.168.1.1"}, False),
        ("127.0.0.1", {"x_forwarded_for": "unknown, 192.168.1.1"}, False),
        ("127.0.0.1", {"x_forwarded_for": "8.8.8.8, 172.18.0.9"}, False),
        ("127.0.0.1", {"x_forwarded_for": "192.168.1.1, 172.18.0.9"}, True),
        ("127.0.0.1", {"x_forwarded_for": "unknown, 172.18.0.9"}, False),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7"}, True),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7:4711"}, True),
        ("172.18.0.4", {"x_forwarded_for": "[fd00::7]:4711"}, True),
        ("::ffff:172.18.0.4", {"x_forwarded_for": "10.0.0.7"}, True),
        ("192.168.1.9", {"x_forwarded_for": "10.0.0.7"}, False),
        ("172.18.0.4", {"forwarded": "for=10.0.0.7;proto=https"}, True),
        ("172.18.0.4", {"forwarded": 'for="[2001:db8::1]:80", for=10.0.0.7'}, False),
        ("172.18.0.4", {"forwarded": "for=10.0.0.7, for=172.18.0.9"}, True),
        ("172.18.0.4", {"forwarded": 'for=10.0.0.7, for="[2001:db8::1]:80"'}, False),
        ("172.18.0.4", {"forwarded": "for=_hidden"}, False),
        ("172.18.0.4", {"forwarded": "proto=https"}, False),
        ("172.18.0.4", {"x_real_ip": "10.0.0.7"}, True),
        ("172.18.0.4", {"x_forwarded_proto": "https"}, False),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7", "x_real_ip": "8.8.8.8"}, False),
        ("172.18.0.4", {"x_forwarded_for": "8.8.8.8", "forwarded": "for=10.0.0.7"}, False),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7", "cf_connecting_ip": "8.8.8.8"}, False),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7", "true_client_ip": "unknown"}, False),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7", "x_client_ip": "10.0.0.7"}, True),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7", "cdn_loop": "cloudflare"}, False),
        ("172.18.0.4", {"x_forwarded_for": "10.0.0.7", "via": "1.1 squid"}, True),
        (
            "172.18.0.4",
            {"x_forwarded_for": "10.0.0.7", "forwarded": "for=8.8.8.8, for=10.0.0.1"},
            False,
        ),
        ("172.18.0.4", {"x_client_ip": "10.0.0.7"}, False),
        ("172.18.0.4", {}, True),
    ],
)
def test_behind_a_trusted_proxy_only_what_every_header_names_private_is_local(
    address: str, headers: dict[str, str], is_local: bool
) -> None:
    assert is_from_local(call(address, **headers), TRUSTED) is is_local


ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from([*PRIVATE, *PUBLIC, "172.18.0.5", "unknown", '"10.0.0.1"', "for=10.0.0.1"]),
)
FORWARDING = st.dictionaries(
    st.sampled_from(
        ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-proto", "via", "client-ip"]
    ),
    st.lists(ADDRESSES, max_size=4).map(", ".join),
    min_size=1,
)


@given(
    address=ADDRESSES,
    forwarding=FORWARDING,
    trusted=st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8", "8.8.8.8"]), max_size=2),
)
def test_a_forwarded_call_from_no_trusted_proxy_never_comes_in_as_local(
    address: str, forwarding: dict[str, str], trusted: list[str]
) -> None:
    headers = {"host": ("localhost",), **{name: (text,) for name, text in forwarding.items()}}
    forwarded = Call(method="GET", path="/api/configs", address=address, headers=headers)
    asked = rules(Authentication(trusted_proxies=tuple(trusted)))
    alone = Call(method="GET", path="/", address=address, headers={"host": ("localhost",)})
    is_proxy = any(is_from_proxy(address, each) for each in trusted)
    if not is_proxy:
        assert decide(forwarded, asked) != Admitted(Door.LOCAL)
        bypassing = Authentication(
            enabled=True, method=Method.BASIC, bypass_auth_for_local=True, username="me",
            password_hash=HASH, trusted_proxies=tuple(trusted),
        )  # fmt: skip
        assert decide(forwarded, rules(bypassing)) != Admitted(Door.LOCAL)
    assert decide(alone, asked) == Admitted(Door.PUBLIC)


def is_from_proxy(address: str, network: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found) in ip_network(network)


@given(
    outside=st.ip_addresses().filter(lambda each: each.is_global),
    before=st.lists(ADDRESSES),
    after=st.lists(st.sampled_from(["10.0.0.1", "172.18.0.5", "127.0.0.1", "127.0.0.9"])),
)
def test_who_comes_through_proxies_from_outside_is_not_local_however_many_are_private(
    outside: object, before: list[str], after: list[str]
) -> None:
    chain = ", ".join([*before, str(outside), *after])
    for name in ("x_forwarded_for", "cf_connecting_ip"):
        said = {"x_forwarded_for": "10.0.0.1", name: chain}
        assert not is_from_local(call("127.0.0.1", **said), ("127.0.0.0/8",))


@given(last=st.ip_addresses().filter(lambda each: each.is_global), forged=st.lists(ADDRESSES))
def test_nobody_from_outside_is_local_whatever_is_forged_left_of_the_proxy_s_word(
    last: object, forged: list[str]
) -> None:
    chain = ", ".join([*forged, str(last)])
    forwarded = call("127.0.0.1", x_forwarded_for=chain)
    assert not is_from_local(forwarded, ("127.0.0.1",))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1:8080",
        "[::1]:8080",
        "[::1]",
        "192.168.1.2",
        "8.8.8.8",
        "qbit_manage:8080",
        "nas",
        "nas.local",
        "nas.lan:80",
        "a.b.home.arpa",
        "qbm.example.org",
    ],
)
def test_the_server_answers_to_its_names(host: str) -> None:
    assert decide(call(host=host), rules(OPEN, "qbm.example.org")) == Admitted(Door.LOCAL)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "example.org",
        "evil.example.org:8080",
        "local",
        "127.0.0.1.evil.example",
        "nas.local.evil.example",
        ".local",
        "x..local",
        "localhost@evil.example",
        "evil.example/localhost",
        "[::1].evil.example",
        "localhost:99999999",
        "nas.local ",
        "größe.example",
    ],
)
@pytest.mark.parametrize("path", ["/api/configs", "/api/version"])
def test_it_answers_to_no_others_so_that_no_name_can_be_rebound(
    host: str | None, path: str
) -> None:
    decision = decide(call(host=host, path=path), rules())
    if host in ("local", "nas.local "):
        assert isinstance(decision, Admitted)
        return
    assert status(decision) == 403
    assert isinstance(decision, Refused)
    assert "QBM_ALLOWED_HOSTS" in decision.detail


def test_two_hosts_are_none() -> None:
    doubled = Call(
        method="GET", path="/", address="127.0.0.1", headers={"host": ("localhost", "nas")}
    )
    assert status(decide(doubled, rules())) == 403


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({}, True),
        ({"origin": "http://localhost:8080"}, True),
        ({"origin": "http://LOCALHOST:8080"}, True),
        ({"origin": "http://localhost"}, False),
        ({"origin": "http://localhost:8081"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://evil.example:8080"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://["}, False),
        ({"origin": "https://qbm.example.org"}, True),
        ({"origin": "https://qbm.example.org", "sec_fetch_site": "cross-site"}, True),
        ({"origin": "http://evil.example", "sec_fetch_site": "cross-site"}, False),
        ({"origin": "http://localhost:3000", "sec_fetch_site": "same-site"}, False),
        ({"origin": "https://proxied.example", "sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "nonsense"}, False),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_of_other_sites_may_change_nothing(
    headers: dict[str, str], is_let_in: bool, method: str
) -> None:
    asked = call(method=method, host="localhost:8080", **headers)
    decision = decide(asked, rules(OPEN, "qbm.example.org"))
    assert isinstance(decision, Admitted) is is_let_in


def test_an_https_page_before_a_proxy_may_write_to_its_own_host() -> None:
    for origin, host in (
        ("https://nas.lan", "nas.lan"),
        ("https://nas.lan", "nas.lan:443"),
        ("http://nas.lan", "nas.lan:80"),
    ):
        asked = call(method="POST", host=host, origin=origin)
        assert decide(asked, rules()) == Admitted(Door.LOCAL)


def test_other_sites_may_link_here() -> None:
    asked = call(sec_fetch_site="cross-site", origin="http://evil.example")
    assert decide(asked, rules()) == Admitted(Door.LOCAL)


@pytest.mark.parametrize("authentication", [OPEN, BASIC, KEYED])
@pytest.mark.parametrize("address", ["127.0.0.1", "8.8.8.8"])
@pytest.mark.parametrize(
    "path", ["/api/health", "/api/version", "/api/get_base_url", "/healthz", "/readyz"]
)
def test_how_it_is_may_be_asked_by_anybody(
    authentication: Authentication, address: str, path: str
) -> None:
    assert decide(call(address, path=path), rules(authentication)) == Admitted(Door.PUBLIC)
    assert decide(call(address, "POST", path=path), rules()) != Admitted(Door.PUBLIC)


@pytest.mark.parametrize("path", ["/api/health/", "/api/version/..", "//healthz", "/API/health"])
def test_no_other_spelling_is_public(path: str) -> None:
    assert status(decide(call("8.8.8.8", path=path), rules())) == 403


@pytest.mark.parametrize("authentication", [OPEN, BASIC, KEYED])
def test_the_token_of_this_start_lets_in(authentication: Authentication) -> None:
    asked = call("8.8.8.8", x_qbm_token=TOKEN)
    assert decide(asked, rules(authentication)) == Admitted(Door.TOKEN)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN} ", "größe"])
def test_a_wrong_token_lets_nobody_in_not_even_a_local_caller(token: str) -> None:
    refused = decide(call(x_qbm_token=token), rules())
    assert status(refused) == 401
    assert isinstance(refused, Refused)
    assert refused.guessed is Door.TOKEN


def test_a_server_without_a_token_knows_none() -> None:
    asked = Rules(authentication=OPEN, names=frozenset(), token="")
    assert status(decide(call(x_qbm_token=""), asked)) == 401


def test_a_password_is_asked_of_everybody() -> None:
    for address in ("127.0.0.1", "8.8.8.8"):
        refused = decide(call(address), rules(BASIC))
        assert status(refused) == 401
        assert isinstance(refused, Refused)
        assert refused.asks_for_password
        assert refused.guessed is None


def test_a_password_is_handed_on_to_be_proven() -> None:
    said = decide(call("8.8.8.8", authorization=basic()), rules(BASIC))
    assert said == Unproven(is_user=True, password="right", password_hash=HASH)
    said = decide(call(authorization=basic("you")), rules(BASIC))
    assert isinstance(said, Unproven)
    assert not said.is_user


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !", "Basic bm9jb2xvbg==", "Bearer x", "Basic /////w=="]
)
def test_a_malformed_password_is_a_wrong_one(header: str) -> None:
    refused = decide(call(authorization=header), rules(BASIC))
    assert status(refused) == 401


def test_without_a_hash_no_password_fits() -> None:
    empty = Authentication(enabled=True, method=Method.BASIC)
    assert status(decide(call(authorization=basic("", "")), rules(empty))) == 401


def test_local_callers_may_be_spared_the_password() -> None:
    spared = Authentication(
        enabled=True, method=Method.BASIC, bypass_auth_for_local=True, username="me"
    )
    assert decide(call("192.168.1.4"), rules(spared)) == Admitted(Door.LOCAL)
    assert status(decide(call("8.8.8.8"), rules(spared))) == 401
    assert status(decide(call(x_forwarded_for="127.0.0.1"), rules(spared))) == 401


def test_a_key_lets_in_by_either_method() -> None:
    both = Authentication(enabled=True, method=Method.BASIC, api_key="the-key")
    for authentication in (KEYED, both):
        asked = call("8.8.8.8", x_api_key="the-key")
        assert decide(asked, rules(authentication)) == Admitted(Door.KEY)
        refused = decide(call("8.8.8.8", x_api_key="the-kez"), rules(authentication))
        assert status(refused) == 401
        assert isinstance(refused, Refused)
        assert refused.guessed is Door.KEY


def test_without_a_key_one_is_asked_for() -> None:
    refused = decide(call(), rules(KEYED))
    assert status(refused) == 401
    assert isinstance(refused, Refused)
    assert "X-API-Key" in refused.detail
    assert not refused.asks_for_password


def test_credentials_mean_nothing_while_authentication_is_off() -> None:
    off = Authentication(method=Method.BASIC, username="me", password_hash=HASH, api_key="k")
    assert decide(call(authorization="Basic !", x_api_key="x"), rules(off)) == Admitted(Door.LOCAL)
    assert status(decide(call("8.8.8.8", x_api_key="k"), rules(off))) == 403


# With the middleware around it


def settings(**authentication: object) -> str:
    lines = "".join(f"  {name}: {value}\n" for name, value in authentication.items())
    return f"authentication:\n{lines}"


def locked(folder: Path) -> Served:
    served = serve(folder)
    served.settings(
        settings(enabled="true", method="basic", username="me", password_hash=f"'{HASH}'")
    )
    return served


async def test_a_refusal_has_the_one_shape_and_asks_for_a_password(tmp_path: Path) -> None:
    answer = await locked(tmp_path).client().get("/api/runs")
    assert answer.status == 401
    assert list(answer.json) == ["detail"]
    assert answer.headers["www-authenticate"].startswith('Basic realm="')
    assert answer.headers["cache-control"] == "no-store"


async def test_the_right_password_lets_in_also_when_it_is_remembered(tmp_path: Path) -> None:
    client = locked(tmp_path).client("8.8.8.8", authorization=basic())
    assert [(await client.get("/api/runs")).status for _ in range(2)] == [200, 200]


async def test_a_changed_hash_is_heeded_at_once(tmp_path: Path) -> None:
    served = locked(tmp_path)
    client = served.client(authorization=basic())
    assert (await client.get("/api/runs")).status == 200
    other = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("other")
    served.settings(
        settings(enabled="true", method="basic", username="me", password_hash=f"'{other}'")
    )
    assert (await client.get("/api/runs")).status == 401


@pytest.mark.parametrize("said", [basic("me", "wrong"), basic("you", "right"), basic("", "")])
async def test_wrong_credentials_are_401_without_telling_which(tmp_path: Path, said: str) -> None:
    answer = await locked(tmp_path).client(authorization=said).get("/api/runs")
    assert (answer.status, answer.detail) == (401, "The user name or the password is wrong.")


async def test_too_many_wrong_tries_are_429_for_that_address_alone(tmp_path: Path) -> None:
    served = locked(tmp_path)
    wrong = served.client("8.8.8.8", authorization=basic("me", SECRET))
    answers = [(await wrong.get("/api/runs")) for _ in range(11)]
    assert [each.status for each in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 60
    assert list(answers[-1].json) == ["detail"]
    right = served.client("8.8.8.8", authorization=basic())
    assert (await right.get("/api/runs")).status == 429
    assert (await right.get("/healthz")).status != 429
    other = served.client("9.9.9.9", authorization=basic())
    assert (await other.get("/api/runs")).status == 200
    assert SECRET not in str(served.events)


def by_password_or_key() -> str:
    return settings(
        enabled="true",
        method="basic",
        username="me",
        password_hash=f"'{HASH}'",
        api_key="the-key",
    )


async def test_wrong_tries_keep_no_right_key_out_and_keys_and_passwords_count_apart(
    tmp_path: Path,
) -> None:
    served = serve(tmp_path)
    served.settings(by_password_or_key())
    wrong = served.client("8.8.8.8", authorization=basic("me", "wrong"))
    assert [(await wrong.get("/api/runs")).status for _ in range(11)][-2:] == [401, 429]
    guess = served.client("8.8.8.8", x_api_key="the-kez")
    assert [(await guess.get("/api/runs")).status for _ in range(11)] == [401] * 10 + [429]
    right = served.client("8.8.8.8", x_api_key="the-key")
    assert (await right.get("/api/runs")).status == 200
    assert (await guess.get("/api/runs")).status == 429


async def test_wrong_keys_keep_no_right_password_out(tmp_path: Path) -> None:
    served = serve(tmp_path)
    served.settings(by_password_or_key())
    guess = served.client("8.8.8.8", x_api_key="the-kez")
    assert [(await guess.get("/api/runs")).status for _ in range(11)][-1] == 429
    right = served.client("8.8.8.8", authorization=basic())
    assert (await right.get("/api/runs")).status == 200


@pytest.mark.parametrize(
    "said",
    [
        {"x_real_ip": "192.168.1.7", "x_forwarded_for": "203.0.113.{}"},
        {"x_real_ip": "192.168.1.7", "forwarded": "for=203.0.113.{}"},
        {"x_real_ip": "192.168.1.7", "cf_connecting_ip": "203.0.113.{}"},
        {"x_real_ip": "203.0.113.{}", "x_forwarded_for": "192.168.1.7"},
        {"x_real_ip": "192.168.1.7", "x_forwarded_for": "203.0.113.{}, 192.168.1.7"},
        {"x_forwarded_for": "203.0.113.{}, 192.168.1.7"},
    ],
)
async def test_behind_a_trusted_proxy_no_forged_header_brings_more_tries(
    tmp_path: Path, said: dict[str, str]
) -> None:
    served = serve(tmp_path)
    served.settings(
        settings(
            enabled="true", method="basic", username="me", password_hash=f"'{HASH}'",
            trusted_proxies="[127.0.0.1]",
        )
    )  # fmt: skip
    statuses = []
    for number in range(11):
        forged = {name: value.format(number) for name, value in said.items()}
        client = served.client(authorization=basic("me", "wrong"), **forged)
        statuses.append((await client.get("/api/runs")).status)
    assert statuses == [401] * 10 + [429]


async def test_behind_a_trusted_proxy_each_caller_has_tries_of_its_own(tmp_path: Path) -> None:
    served = serve(tmp_path)
    served.settings(
        settings(
            enabled="true", method="basic", username="me", password_hash=f"'{HASH}'",
            trusted_proxies="[127.0.0.1]",
        )
    )  # fmt: skip
    for number in range(11):
        client = served.client(
            authorization=basic("me", "wrong"), x_forwarded_for=f"203.0.113.{number}"
        )
        assert (await client.get("/api/runs")).status == 401


async def test_tries_sent_at_once_are_counted_one_by_one(tmp_path: Path) -> None:
    served = locked(tmp_path)
    clients = [served.client("2001:db8::1", authorization=basic("me", f"{n}")) for n in range(40)]
    answers = await asyncio.gather(*(each.get("/api/runs") for each in clients))
    assert sorted(each.status for each in answers) == [401] * 10 + [429] * 30
    neighbour = served.client("2001:db8::2", authorization=basic())
    assert (await neighbour.get("/api/runs")).status == 429
    stranger = served.client("2001:db9::1", authorization=basic())
    assert (await stranger.get("/api/runs")).status == 200


async def test_a_hash_that_is_none_fits_nothing(tmp_path: Path) -> None:
    served = serve(tmp_path)
    served.settings(settings(enabled="true", method="basic", username="me", password_hash="x"))
    answer = await served.client(authorization=basic("me", "x")).get("/api/runs")
    assert answer.status == 401


@pytest.mark.parametrize("text", ["authentication: [\n", "authentication: {enabled: maybe}\n"])
async def test_nobody_but_the_command_line_is_let_in_by_settings_that_are_wrong(
    tmp_path: Path, text: str
) -> None:
    served = serve(tmp_path)
    served.settings(text)
    answer = await served.client().get("/api/runs")
    assert answer.status == 403
    assert "qbm_settings.yml:" in answer.detail
    assert (await served.client(x_qbm_token=TOKEN).get("/api/runs")).status == 200
    served.settings("")
    assert (await served.client().get("/api/runs")).status == 200


async def test_names_come_from_the_environment_and_the_settings(tmp_path: Path) -> None:
    served = serve(
        tmp_path, environ={"QBM_ALLOWED_HOSTS": "https://qbm.example.org/, Other.example:443"}
    )
    served.settings("authentication: {allowed_hosts: third.example}\n")
    for host in ("qbm.example.org", "other.example:8080", "third.example"):
        assert (await served.client(host=host).get("/api/runs")).status == 200
    assert (await served.client(host="fourth.example").get("/api/runs")).status == 403


async def test_every_answer_has_the_headers_that_keep_it_safe(tmp_path: Path) -> None:
    served = serve(tmp_path)
    for path, host in (
        ("/api/runs", "localhost"),
        ("/nothing", "localhost"),
        ("/", "evil.example"),
    ):
        answer = await served.client(host=host).get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"


async def test_both_with_the_base_url_and_without_the_same_rules_hold(tmp_path: Path) -> None:
    served = serve(tmp_path, base_url="/qbm")
    stranger = served.client("8.8.8.8")
    for path in ("/api/runs", "/qbm/api/runs"):
        assert (await served.client().get(path)).status == 200
        assert (await stranger.get(path)).status == 403
    assert (await served.client().get("/qbmx/api/runs")).status == 404
