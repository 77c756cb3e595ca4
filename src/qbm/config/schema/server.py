"""``qbt``: the server, and who we are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from qbm.config.schema.kinds import Name
from qbm.config.schema.section import Section, wrong

_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


def _address(host: str) -> str:
    """``host:port`` or a URL, checked so that a slip is found before anything connects."""
    allowed = "host:port, or a URL such as https://example.org/qbittorrent"
    if re.match(r"https?:(?!//)", host, re.IGNORECASE) and not re.fullmatch(r"https?:\d+", host):
        raise wrong("it is no address: // is missing after its first colon", allowed)
    try:
        url = urlsplit(host if "://" in host else f"http://{host}")
        port = url.port
    except ValueError:
        raise wrong("it is no address", f"{allowed}; a port from 1 to 65535") from None
    if url.scheme not in ("http", "https"):
        raise wrong("it is no web address", allowed)
    if url.username is not None:
        raise wrong("it holds a user name", f"{allowed}; qbt.user and qbt.pass stand beside it")
    if not url.hostname or port == 0 or any(each.isspace() for each in host):
        raise wrong("it is no address", allowed)
    if url.query or url.fragment:
        raise wrong("it goes on after its path", f"{allowed}, without ? and #")
    return host


def _certificate(value: object, info: ValidationInfo) -> bool | Path:
    """True, False, or a file, relative to the config's folder (context: ``folder``)."""
    allowed = "true, false, or the path of a file with CA certificates"
    if isinstance(value, bool):
        return value
    if not isinstance(value, (str, Path)):
        raise wrong("it is neither yes or no nor a path", allowed)
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    path = Path((info.context or {}).get("folder", ""), value)
    if "\0" in str(path) or not path.is_file():
        raise wrong("there is no such file of certificates", allowed)
    return path


class Qbt(Section):
    """``qbt``: the server, and who we are there. ``apikey`` wins over user and password.

    Certificates are not verified unless that is asked for: home servers sign their own.
    """

    host: Annotated[Name, AfterValidator(_address)] = Field(
        description="Address of qBittorrent's Web UI: `host:port`, or a URL, with its path if it "
        "is behind a proxy."
    )
    name: Name | None = Field(
        default=None,
        description="A name for this server. Machines that share it through one database need "
        "the same name everywhere, so that they take turns; else its address tells it apart.",
    )
    user: str | None = Field(
        default=None,
        description="User of the Web UI, with `pass`. Leave it out if the server lets this "
        "machine in as it is.",
    )
    password: SecretStr | None = Field(
        default=None,
        alias="pass",
        description="Password of that user; without one, or with an empty one, the config is "
        "refused.",
    )
    apikey: SecretStr | None = Field(
        default=None,
        description="API key (qBittorrent 5.2 and later); wins over `user` and `pass`.",
    )
    verify_certificate: Annotated[bool | Path, BeforeValidator(_certificate)] = Field(
        default=False,
        description="Check the certificate of an https address: `true`, or the file of the "
        "authority that signed it. A relative path starts at the config's folder.",
    )
