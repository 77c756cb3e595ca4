"""From the tree of a file to plain values, each with its place: !ENV, !FILE, merge keys.

Scalars stay text, as they are written; what they mean is the schema's to say. A value
that is not there (empty, null, an unset variable) is None, and in a list nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as ReadMapping
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from qbm.config.problem import Kind, Mark, Problem, printable, shown_path
from qbm.config.reading.document import Mapping, Node, Scalar, Sequence
from qbm.config.reading.files import Refused, read_text
from qbm.config.reading.guarded import is_guarded

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of mappings and numbers of list items."""

SECRET_LIMIT = 4096
"""Bytes that a ``!FILE`` may have; passwords, keys and URLs are shorter."""

_YAML = "tag:yaml.org,2002:"
_TAGS_OF_TEXT = frozenset({"", "!", *(_YAML + each for each in ("str", "int", "float", "bool"))})
_KNOWN_TAGS = "no tag, or !ENV or !FILE; a value that begins with ! goes in single quotes"


def _anywhere(_: Keys) -> bool:
    return True


class Source(Struct, frozen=True):
    """Where a file's values come from: its name, its folder, and the environment.

    ``may_be_secret`` tells of a place whether ``!FILE`` may stand there, ``secrets`` for the
    user where that is.
    """

    file: str
    folder: Path
    environ: ReadMapping[str, str]
    may_be_secret: Callable[[Keys], bool] = _anywhere
    secrets: str = ""


class Values:
    """A file's values, the places that they came from, and what was wrong on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.places: dict[Keys, Mark] = {}
        """Where each value stands; the key's place, if there is no value."""
        self.keys: dict[Keys, Mark] = {}
        """Where each key stands."""
        self.quoted: set[Keys] = set()
        """The values that are text beyond doubt: in quotes, or from elsewhere."""
        self.origins: dict[Keys, str] = {}
        """``!ENV NAME`` or ``!FILE path``, for values that are not in the file itself."""
        self.secrets: set[str] = set()
        """What the files of ``!FILE`` hold; none of it may be told or logged."""
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def read(self, node: Node, at: Keys = ()) -> Value:
        """The value of a node; its place and those of all below are noted under ``at``."""
        self.places[at] = node.mark
        match node:
            case Scalar():
                return self._scalar(node, at)
            case Sequence():
                return self._list(node, at)
            case Mapping():
                return self._mapping(node, at)

    def problem(
        self, mark: Mark, at: Keys, reason: str, allowed: str = "", kind: Kind = Kind.VALUE
    ) -> Problem:
        """A problem of this file."""
        return Problem(self.source.file, *mark, shown_path(at), reason, allowed, kind)

    def _found(self, mark: Mark, at: Keys, reason: str, allowed: str = "") -> None:
        self.problems.append(self.problem(mark, at, reason, allowed))

    def _scalar(self, node: Scalar, at: Keys) -> str | None:
        if node.is_null:
            return None
        if not node.is_plain:
            self.quoted.add(at)
        if node.tag == "!ENV":
            return self._variable(node, at)
        if node.tag == "!FILE":
            return self._secret(node, at)
        if node.tag not in _TAGS_OF_TEXT:
            self._unknown_tag(node, at)
            return None
        return self._speakable(node.text, node.mark, at, "the value")

    def _variable(self, node: Scalar, at: Keys) -> str | None:
        name = self._speakable(node.text.strip(), node.mark, at, "the name after !ENV")
        if not name:
            if name is not None:
                self._found(node.mark, at, "!ENV names no variable", "!ENV NAME")
            return None
        what = f"the environment variable {printable(name)}"
        self.origins[at] = f"!ENV {printable(name)}"
        value = self.source.environ.get(name)
        if value is None or not value.strip():
            state = "is not set" if value is None else "is empty"
            self.warnings.append(
                self.problem(node.mark, at, f"{what} {state}", kind=Kind.UNSET_VARIABLE)
            )
            return None
        return self._speakable(value, node.mark, at, what)

    def _secret(self, node: Scalar, at: Keys) -> str | None:
        name = node.text.strip()
        if not name:
            self._found(node.mark, at, "!FILE names no file", "!FILE path")
            return None
        what = f"!FILE {printable(name)}"
        if not self.source.may_be_secret(at):
            reason = f"{what}: this is no place for a secret"
            self._found(node.mark, at, reason, self.source.secrets)
            return None
        self.origins[at] = what
        text = self._held(self.source.folder / name)
        if isinstance(text, Refused):
            self._found(node.mark, at, f"{what}: {text.reason}", text.allowed)
            return None
        secret = text.rstrip("\r\n")
        if secret.strip():
            self.secrets.add(secret)
        return secret

    def _held(self, path: Path) -> str | Refused:
        if is_guarded(path, self.source.folder, self.source.environ):
            return Refused("this file is qbm's own", "a file that holds nothing but the secret")
        text = read_text(path, SECRET_LIMIT)
        if isinstance(text, str) and "\0" in text:
            return Refused("it holds no text", "text")
        return text

    def _speakable(self, text: str, mark: Mark, at: Keys, what: str) -> str | None:
        """The text if it can be sent and stored; half a character (a lone surrogate) cannot."""
        try:
            text.encode()
        except UnicodeEncodeError:
            self._found(mark, at, f"{what} holds half a character", "text in UTF-8")
            return None
        return text

    def _list(self, node: Sequence, at: Keys) -> list[Value] | None:
        if node.tag not in ("", "!", f"{_YAML}seq"):
            self._unknown_tag(node, at)
            return None
        values: list[Value] = []
        for item in node.items:
            value = self.read(item, (*at, len(values)))
            if value is not None:
                values.append(value)
        return values

    def _mapping(self, node: Mapping, at: Keys) -> dict[str, Value] | None:
        if node.tag not in ("", "!", f"{_YAML}map"):
            self._unknown_tag(node, at)
            return None
        values: dict[str, Value] = {}
        for key, value in self._own_then_merged(node, at):
            below = (*at, key.text)
            values[key.text] = self.read(value, below)
            self.keys[below] = key.mark
            if isinstance(value, Scalar) and value.is_plain and not value.text:
                self.places[below] = key.mark
        return values

    def _own_then_merged(self, node: Mapping, at: Keys) -> Iterator[tuple[Scalar, Node]]:
        """Each key once: a mapping's own first, then those of its merge keys, the first wins."""
        seen: dict[str, Mark] = {}
        merged: list[Mapping] = []
        for key, value in node.entries:
            if isinstance(key, Scalar) and key.is_plain and key.text == "<<":
                merged.extend(self._to_merge(value, at))
            elif not isinstance(key, Scalar) or key.tag not in _TAGS_OF_TEXT:
                self._found(key.mark, at, "a key is text, without a tag", "text before the colon")
            elif key.text in seen:
                reason = (
                    f"the key is here a second time, the first is in line {seen[key.text].line}"
                )
                self._found(key.mark, (*at, key.text), reason, "each key once")
            elif self._speakable(key.text, key.mark, at, "the key") is not None:
                seen[key.text] = key.mark
                yield key, value
        for mapping in merged:
            for key, value in self._own_then_merged(mapping, at):
                if key.text not in seen:
                    seen[key.text] = key.mark
                    yield key, value

    def _to_merge(self, node: Node, at: Keys) -> list[Mapping]:
        nodes = node.items if isinstance(node, Sequence) else (node,)
        mappings = [each for each in nodes if isinstance(each, Mapping)]
        if len(mappings) < len(nodes):
            self._found(
                node.mark, (*at, "<<"), "<< takes in keys", "* of a mapping, or a list of *"
            )
        return mappings

    def _unknown_tag(self, node: Node, at: Keys) -> None:
        # The tag is not named: a password may begin with an exclamation mark.
        self._found(node.mark, at, "! begins a tag that is not known here", _KNOWN_TAGS)
