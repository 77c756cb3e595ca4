"""Paths as the server writes them against paths of this machine; text only, no disk.

A path is taken apart into components and compared by them, never by substring
(``/data/tv`` is not above ``/data/tv-4k``), after Unicode NFC. What is handed on keeps its
own spelling, so that files are touched by their real bytes (commands: *Ground rules*).
Windows paths are understood as servers on Windows write them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_DRIVE = re.compile(r"[A-Za-z]:(?=/)")


def parts(path: str) -> tuple[str, ...] | None:
    r"""The components of an absolute path, its anchor (``/`` or ``D:/``) first, as spelled.

    Repeated and trailing slashes and ``.`` are left out. None for a path that is relative or
    has ``..`` in it: where that leads, only the disk knows. A UNC path (``\\nas\tv``) reads as
    ``/nas/tv``.
    """
    text = path.replace("\\", "/") if _WINDOWS.match(path) else path
    drive = _DRIVE.match(text)
    if drive is None and not text.startswith("/"):
        return None
    anchor = f"{drive[0].upper()}/" if drive else "/"
    names = _names(text[drive.end() :] if drive else text)
    return None if ".." in names else (anchor, *names)


def key(path: str) -> str:
    """What to compare a path by, absolute or relative: NFC, without superfluous slashes.

    Case counts, and ``..`` is kept as it is. Not a path to open: the file on the disk may be
    spelled otherwise.
    """
    text = unicodedata.normalize("NFC", path)
    absolute = parts(text)
    if absolute is not None:
        return joined(absolute)
    root = "/" if text.startswith("/") else ""
    return root + "/".join(_names(text))


def joined(components: Sequence[str]) -> str:
    """The path of what ``parts`` took apart."""
    anchor, *names = components
    return anchor + "/".join(names)


def is_below(path: str, folder: str) -> bool:
    """``path`` is ``folder`` or lies anywhere in it, by component; False if ``parts`` has none.

    Case counts, but for a path of Windows: there it does not.
    """
    spelled = _spelling(path)
    inner, outer = parts(spelled(path)), parts(spelled(folder))
    return inner is not None and outer is not None and inner[: len(outer)] == outer


def legible(path: str) -> str:
    """A path that can be printed and sent: bytes that are no text show as U+FFFD."""
    return path.encode(errors="surrogatepass").decode(errors="replace")


def root_folder(roots: Sequence[str], index: int) -> str:
    """The folder of one of ``roots`` in a bin that serves all of them; "" if it is the only one.

    The root's last component, or, where several have the same, all of them joined by ``-``.
    """
    if len(roots) == 1:
        return ""
    names = [_names(each)[-1:] for each in roots]
    if names.count(names[index]) == 1:
        return "".join(names[index])
    return "-".join(_names(roots[index]))


@dataclass(frozen=True, slots=True)
class PathMap:
    """The roots, each as the server writes it and as this machine does.

    The deepest root that covers a path, as ``is_below`` says it, counts; of equal ones the
    first. A root that is relative or has ``..`` in it covers nothing.
    """

    roots: tuple[tuple[str, str], ...]

    def root_of(self, server_path: str) -> int | None:
        """The index of the root that ``server_path`` is, or is in; None if it is in none."""
        spelled = _spelling(server_path)
        path = parts(spelled(server_path))
        if path is None:
            return None
        covering = [
            (len(root), -index)
            for index, (root_dir, _) in enumerate(self.roots)
            if (root := parts(spelled(root_dir))) is not None and path[: len(root)] == root
        ]
        return -max(covering)[1] if covering else None

    def relative(self, server_path: str) -> str | None:
        """The path below its root, as spelled; "" for the root itself, None outside all."""
        index = self.root_of(server_path)
        return None if index is None else "/".join(self._below(index, server_path))

    def local(self, server_path: str) -> str | None:
        """The same path on this machine; None outside all roots, if relative, or with ``..``."""
        index = self.root_of(server_path)
        if index is None:
            return None
        folder = self.roots[index][1]
        below = self._below(index, server_path)
        return "/".join((folder.rstrip("/"), *below)) if below else folder

    def _below(self, index: int, server_path: str) -> tuple[str, ...]:
        path, root = parts(server_path), parts(self.roots[index][0])
        return path[len(root) :] if path is not None and root is not None else ()


def _names(text: str) -> list[str]:
    return [name for name in text.split("/") if name not in {"", "."}]


def _spelling(path: str) -> Callable[[str], str]:
    """How to spell ``path`` and a folder that may be above it, so that they can be compared."""
    return _spelled_on_windows if _WINDOWS.match(path) else _spelled


def _spelled(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _spelled_on_windows(path: str) -> str:
    return _spelled(path.lower())
