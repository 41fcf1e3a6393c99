"""Puts right what the framework writes awkwardly in the description of the API.

Generators of clients make types with unwieldy names, or none, of choices with one form, of bodies without a
name, and of parameters that may be null, which no address can say.
"""

from collections.abc import Iterator
from typing import Any, Final

# A part of the description: objects, lists and plain values.
Described = Any
_CHOICES: Final = ("oneOf", "anyOf")
_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")


def tidied_description(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description with simple choices, named bodies, and parameters that are never null."""
    tidy: dict[str, Any] = _tidied(description)
    schemas = tidy["components"].setdefault("schemas", {})
    for operation in _operations(tidy):
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = _never_null(parameter["schema"])
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            if title := media["schema"].get("title"):
                schemas[title] = media["schema"]
                media["schema"] = {"$ref": f"#/components/schemas/{title}"}
    return tidy


def _operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in description["paths"].values():
        yield from (item[method] for method in _METHODS if method in item)


def _tidied(described: Described) -> Described:
    if isinstance(described, list):
        return [_tidied(one) for one in described]
    if not isinstance(described, dict):
        return described
    tidy = {name: _tidied(value) for name, value in described.items()}
    for choice in _CHOICES:
        forms = tidy.get(choice)
        if not isinstance(forms, list):
            continue
        if len(forms) == 1:
            del tidy[choice]
            tidy = {**forms[0], **tidy}
        elif "format" in tidy:
            # It is that of the form that is text.
            text_format = {"format": tidy.pop("format")}
            tidy[choice] = [{**one, **text_format} if one.get("type") == "string" else one for one in forms]
    return tidy


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    schema = dict(schema)
    if isinstance(schema.get("type"), list):
        (schema["type"],) = [one for one in schema["type"] if one != "null"]
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    for choice in _CHOICES:
        if choice in schema:
            forms = [form for form in schema.pop(choice) if form.get("type") != "null"]
            schema = {**forms[0], **schema} if len(forms) == 1 else {**schema, choice: forms}
    return schema
