from __future__ import annotations

import pytest
from rich.pretty import pretty_repr

from qbm.gateways.qbittorrent import Connection, base_url, identity


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("nas:8080", "http://nas:8080"),
        ("nas", "http://nas"),
        (" http://NAS.local:8080/ ", "http://nas.local:8080"),
        ("HTTPS://box.example/qBt//", "https://box.example/qBt"),
        ("192.168.1.5:8080", "http://192.168.1.5:8080"),
        ("[fe80::1]:8080", "http://[fe80::1]:8080"),
        ("https://[2001:DB8::1]/qbt", "https://[2001:db8::1]/qbt"),
        ("::1", "http://[::1]"),
        ("qbit_torrent:8080", "http://qbit_torrent:8080"),
        ("nas:", "http://nas"),
    ],
)
def test_what_people_write_as_host_becomes_a_base_url(text: str, url: str) -> None:
    assert base_url(text) == url


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no host"),
        ("http://", "no host"),
        (":8080", "no host"),
        ("my nas:8080", "blank"),
        ("nas\\share", "character"),
        ("ftp://nas", "ftp://"),
        ("nas:eighty", "port"),
        ("nas:99999", "port"),
        ("nas:0", "port 0"),
        ("http://[::1", "host or port"),
        ("http://nas:8080/#/torrents", "leave that out"),
        ("http://nas:8080/?x=1", "leave that out"),
        ("http://admin:secret@nas:8080", "user or password"),
    ],
)
def test_nonsense_as_host_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        base_url(text)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    ["nas", "NAS:80", "http://nas", "http://Nas:80/", "HTTP://nas/"],
)
def test_all_spellings_of_one_server_have_one_identity(text: str) -> None:
    assert identity(text) == "http://nas:80"


def test_scheme_port_and_path_tell_servers_apart() -> None:
    others = ["https://nas", "nas:8080", "http://nas/qbt", "http://nas/QBT"]
    assert len({identity(text) for text in [*others, "nas"]}) == 5
    assert identity("https://nas/qbt/") == "https://nas:443/qbt"


def test_this_hosts_own_names_are_one() -> None:
    loopback = ("localhost:8080", "http://127.0.0.1:8080/", "[::1]:8080", "HTTP://LocalHost:8080")
    own = (*loopback, "0.0.0.0:8080", "[::]:8080", "[::ffff:127.0.0.1]:8080")
    assert {identity(each) for each in own} == {"http://localhost:8080"}
    assert identity("127.0.0.2:8080") != identity("127.0.0.1:8080")


def test_a_connection_shows_no_secret() -> None:
    connection = Connection(
        url="http://nas", user="admin", password="hunter2", apikey="qbt_letmein"
    )
    for shown in (repr(connection), str(connection), f"{connection}", pretty_repr(connection)):
        assert "nas" in shown
        assert "hunter2" not in shown
        assert "letmein" not in shown


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.2", "https://[::1]:8080"])
def test_loopback_addresses_are_local(url: str) -> None:
    assert Connection(url=url).is_local


@pytest.mark.parametrize(
    "url", ["http://nas:8080", "http://192.168.1.5", "http://localhost.example"]
)
def test_other_addresses_are_not_local(url: str) -> None:
    assert not Connection(url=url).is_local
