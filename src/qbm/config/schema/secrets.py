"""Where in a config file secrets stand: the schema says so by its types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, TypeGuard, get_args, get_origin

from pydantic import BaseModel, SecretStr

from qbm.config.schema import Config, FunctionWebhooks, Webhooks
from qbm.config.schema.section import Keys

_WHOLLY = "qbt"
"""The section in which everything may be one: containers get host and user as secrets, too."""


@cache
def may_be_secret(at: Keys) -> bool:
    """Whether a secret may stand at a place of a file, or nothing that has a meaning."""
    types: tuple[object, ...] = (Config,)
    for key in at:
        if isinstance(key, str):  # an item of a list is what its list is
            types = tuple(each for one in types for each in types_below(one, key))
    return not types or SecretStr in types or at[0] == _WHOLLY


def types_below(one: object, key: str) -> Iterator[object]:
    """The types that the schema has for ``key`` in a value of type ``one``."""
    if is_model(one):
        today = getattr(one, "renamed", {}).get(key, key)
        owner = FunctionWebhooks if one is Webhooks and key in Webhooks.moved else one
        for name, field in owner.model_fields.items():
            if today in (name, field.alias):
                yield from _unfolded(field.annotation)
    elif is_mapping(one):
        yield from _unfolded(get_args(one)[1])


def _unfolded(annotation: object) -> Iterator[object]:
    """The types in an annotation, with neither what may be missing nor the lists around them."""
    inner = get_args(annotation)
    if is_mapping(annotation) or not inner:
        yield annotation
    else:
        for each in inner[:1] if get_origin(annotation) is Annotated else inner:
            yield from _unfolded(each)


def is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    """Whether a type is that of a section."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def is_mapping(annotation: object) -> bool:
    """Whether a type is that of a mapping whose keys are named freely."""
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)
