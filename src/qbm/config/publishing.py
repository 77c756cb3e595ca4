"""The schema as JSON Schema: for editors, for forms, and for the pages of the reference.

It accepts whatever ``load`` accepts without a warning about an unknown key: every scalar as
text, one item for a list, a key without a value, and the keys of older files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from qbm.config.schema import GLOBAL_OPTIONS, Config, NoHardlinks, Section, Webhooks

_Schema: TypeAlias = dict[str, Any]

_NULL: Final[_Schema] = {"type": "null"}
_TEXT: Final[_Schema] = {"type": ["string", "number", "boolean"]}
_IN_YAML: Final[Mapping[str, list[str]]] = {
    "boolean": ["boolean", "string", "integer"],
    "integer": ["integer", "string"],
    "number": ["number", "string"],
    "string": ["string", "number", "boolean"],
}
"""What YAML may make of a value of each type: ``!ENV`` and quotes make text."""
_TAGS: Final = (
    "`!ENV NAME` may stand for any value; `!FILE path` for a secret, and for what is under `qbt`."
)
_OF_KEYS: Final = ("description", "default")
"""What is said about a key rather than about its value."""
_BOUNDS: Final = ("minimum", "maximum", "format", "minItems", "maxItems", "propertyNames")


def json_schema() -> _Schema:
    """The JSON Schema (draft 7) of a config file."""
    whole = Config.model_json_schema()
    made = _Publisher(whole["$defs"])
    root = made.section(whole, Config)
    root["properties"]["nohardlinks"] = made.nohardlinks(whole["properties"]["nohardlinks"])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A config of qbm",
        **root,
        "description": f"{root['description']} {_TAGS}",
        "anyOf": [_has_entry("cat"), _has_entry("tracker")],
        "$defs": made.sections(),
    }


def _has_entry(key: str) -> _Schema:
    filled = {"type": "object", "minProperties": 1}
    return {"required": [key], "properties": {key: filled}}


class _Publisher:
    """Loosens what pydantic says of the models to what YAML files may say."""

    def __init__(self, definitions: Mapping[str, _Schema]) -> None:
        self._definitions = definitions
        self._classes = {each.__name__: each for each in _sections_below(Section)}

    def sections(self) -> dict[str, _Schema]:
        """Every section below the root."""
        return {
            name: self.section(schema, self._classes[name])
            for name, schema in self._definitions.items()
        }

    def section(self, schema: _Schema, section: type[Section]) -> _Schema:
        """A section with its keys, those of older files among them."""
        required = schema.get("required", [])
        keys = {
            key: self._key(value, is_required=key in required)
            for key, value in schema["properties"].items()
        }
        keys |= {old: _older(keys[new], new) for old, new in section.renamed.items()}
        if section is Webhooks:
            functions = self._definitions["FunctionWebhooks"]["properties"]
            keys |= {
                key: _older(self._key(value, is_required=False), f"function.{key}")
                for key, value in functions.items()
            }
        summary = (section.__doc__ or "").partition("\n")[0].replace("``", "`")
        return {
            "type": "object",
            "description": summary,
            "properties": keys,
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }

    def nohardlinks(self, schema: _Schema) -> _Schema:
        """The one section that is a mapping or a list, whose items are names or mappings."""
        options = _one_of([_ref(NoHardlinks), _NULL])
        mapping = {
            "type": "object",
            "properties": {GLOBAL_OPTIONS: options},
            "additionalProperties": options,
        }
        listed = {"type": "array", "items": _one_of([_TEXT, mapping, _NULL])}
        return _said(schema) | _one_of([mapping, listed, _TEXT, _NULL])

    def _key(self, schema: _Schema, *, is_required: bool) -> _Schema:
        forms = list(self._forms(schema))
        return _said(schema) | _one_of(forms if is_required else [*forms, _NULL])

    def _forms(self, schema: _Schema) -> Iterator[_Schema]:
        """Every form that a value may have."""
        bounds: _Schema = {name: schema[name] for name in _BOUNDS if name in schema}
        match schema:
            case {"anyOf": forms}:
                for form in forms:
                    yield from self._forms(form)
            case {"$ref": str(reference)}:
                yield {"$ref": reference}
                yield from self._short_forms(reference)
            case {"enum": words}:
                yield {"enum": words}
                yield {"type": "string"}
            case {"type": "array", "items": items}:
                item = list(self._forms(items))
                yield {**bounds, "type": "array", "items": _one_of([*item, _NULL])}
                yield from item
            case {"type": "object", "additionalProperties": values}:
                forms = list(self._forms(values))
                value = _one_of([*forms, _NULL] if self._may_be_empty(values) else forms)
                yield {**bounds, "type": "object", "additionalProperties": value}
            case {"type": str(kind)}:
                yield {**bounds, "type": _IN_YAML.get(kind, kind)}
            case _:
                yield {**bounds, "type": schema["type"]}

    def _short_forms(self, reference: str) -> Iterator[_Schema]:
        section = self._classes[_name(reference)]
        if section.short:
            yield from self._forms(self._definitions[_name(reference)]["properties"][section.short])

    def _may_be_empty(self, schema: _Schema) -> bool:
        """Whether an entry without a value has a meaning: a section that demands no key has."""
        reference = schema.get("$ref")
        return reference is not None and "required" not in self._definitions[_name(reference)]


def _sections_below(parent: type[Section]) -> Iterator[type[Section]]:
    for each in parent.__subclasses__():
        yield each
        yield from _sections_below(each)


def _ref(section: type[Section]) -> _Schema:
    return {"$ref": f"#/$defs/{section.__name__}"}


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _said(schema: _Schema) -> _Schema:
    """What the key says about itself; a default that is a whole section says nothing."""
    said: _Schema = {name: schema[name] for name in _OF_KEYS if name in schema}
    if isinstance(said.get("default"), dict):
        del said["default"]
    return said


def _older(schema: _Schema, today: str) -> _Schema:
    forms = {name: value for name, value in schema.items() if name not in _OF_KEYS}
    return {"description": f"Older name of `{today}`.", "deprecated": True, **forms}


def _one_of(forms: Iterable[_Schema]) -> _Schema:
    """Any of the forms, each once."""
    each_once: list[_Schema] = []
    for form in forms:
        if form not in each_once:
            each_once.append(form)
    return each_once[0] if len(each_once) == 1 else {"anyOf": each_once}
