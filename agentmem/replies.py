"""What a chat model said: its text out of content blocks, and JSON out of its text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["check", "parse", "text_of"]

Schema = Mapping[str, Any]
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_START = re.compile(r"[{\[]")
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def text_of(content: object) -> str:
    """The text of a message's content: a string, or a list of strings and typed blocks.

    Blocks of another type than text (reasoning, tool calls, images) say nothing to the user.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        return "" if content is None else str(content)
    return "".join(
        block if isinstance(block, str) else str(block.get("text") or "")
        for block in content
        if isinstance(block, str) or (isinstance(block, Mapping) and block.get("type") == "text")
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse(text: str) -> Any:
    """The JSON value in a reply: all of it, or fenced, or the first value with prose around it.

    ValueError says what is wrong with the whole text.
    """
    fenced = _FENCE.search(text)
    problem: Exception | None = None
    for candidate in (text, fenced[1] if fenced else ""):
        try:
            return json.loads(candidate, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            problem = problem or error
    start = _START.search(text)
    if start:
        decoder = json.JSONDecoder(parse_constant=_no_constant)
        try:
            return decoder.raw_decode(text, start.start())[0]
        except (ValueError, RecursionError) as error:
            problem = error
    raise ValueError(f"not JSON: {problem}")


def object_of(**fields: Any) -> dict[str, Any]:
    """The schema of an object with just these fields, as strict structured output wants it."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def check(value: Any, schema: Schema) -> Any:
    """The value, if it fits the schema; ValueError says where it does not.

    Knows the keywords that strict structured output allows: type, enum, const, properties,
    required, additionalProperties: false, items, minItems, maxItems, minimum, maximum, anyOf,
    $ref into $defs.  Others are left to the server.
    """
    _check(value, schema, schema, "$")
    return value


def _check(value: Any, schema: Schema, root: Schema, at: str) -> None:
    if "$ref" in schema:
        schema = _definition(schema["$ref"], root)
    if "anyOf" in schema:
        _any_of(value, schema["anyOf"], root, at)
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else kind
    if kinds and not any(_is(value, one) for one in kinds):
        raise ValueError(f"{at}: {value!r} is not of type {' or '.join(kinds)}")
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if allowed is not None and value not in allowed:
        raise ValueError(f"{at}: {value!r} is none of {allowed!r}")
    if isinstance(value, dict):
        _check_object(value, schema, root, at)
    elif isinstance(value, list):
        _check_size(len(value), "items", schema.get("minItems"), schema.get("maxItems"), at)
        for place, item in enumerate(value):
            _check(item, schema.get("items", {}), root, f"{at}[{place}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _check_size(value, "", schema.get("minimum"), schema.get("maximum"), at)


def _check_object(value: dict[str, Any], schema: Schema, root: Schema, at: str) -> None:
    properties = schema.get("properties", {})
    missing = [key for key in schema.get("required", ()) if key not in value]
    if missing:
        raise ValueError(f"{at}: {missing[0]!r} is missing")
    unknown = [key for key in value if key not in properties]
    if unknown and schema.get("additionalProperties") is False:
        raise ValueError(f"{at}: {unknown[0]!r} is not one of {sorted(properties)}")
    for key in value.keys() & properties.keys():
        _check(value[key], properties[key], root, f"{at}.{key}")


def _check_size(size: float, unit: str, low: float | None, high: float | None, at: str) -> None:
    if (low is not None and size < low) or (high is not None and size > high):
        bounds = f"{'-inf' if low is None else low} to {'inf' if high is None else high}"
        raise ValueError(f"{at}: {size} {unit}".rstrip() + f" is outside {bounds}")


def _any_of(value: Any, schemas: list[Schema], root: Schema, at: str) -> None:
    problems = []
    for one in schemas:
        try:
            return _check(value, one, root, at)
        except ValueError as error:
            problems.append(str(error))
    raise ValueError("; ".join(problems))


def _definition(pointer: str, root: Schema) -> Schema:
    found: Any = root
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) or (
        kind == "integer" and isinstance(value, float) and value.is_integer()
    )
