"""A config as editors see it: plain YAML, checked by the JSON Schema and by nothing of ours."""

from __future__ import annotations

from typing import Any, Final

from jsonschema import Draft7Validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import ScalarNode

from qbm.config.publishing import json_schema

_VALIDATOR: Final = Draft7Validator(json_schema())


class _Constructor(SafeConstructor):
    """Takes what a tag of ours stands for as text."""


def _text(_: SafeConstructor, node: ScalarNode) -> str:
    return str(node.value)


for _tag in ("!ENV", "!FILE"):
    _Constructor.add_constructor(_tag, _text)


def complaint(text: str) -> str:
    """What an editor says about the text of a config; "" if nothing."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    errors = _VALIDATOR.iter_errors(_as_json(yaml.load(text)))
    return "; ".join(f"{each.json_path}: {each.message}" for each in errors)


def _as_json(value: Any) -> Any:
    """The value as JSON could hold it: keys are text, and so is a date."""
    if isinstance(value, dict):
        return {_key(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
