"""Reads JSON Schema for people: what a value may be in words, and an example of it."""

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

# Deeper than anything the API answers with; a schema that refers to itself ends here.
MOST_NESTED: Final = 6
TYPE_WORDS: Final = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}
EXAMPLES_BY_TYPE: Final[dict[str, Any]] = {"string": "…", "number": 1.5, "integer": 1, "boolean": True}


class SchemaReader:
    """Reads the schemas of one OpenAPI document."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def resolved(self, schema: Schema) -> Schema:
        """The schema itself, or what it refers to; of several forms the first that is not null."""
        while True:
            if "$ref" in schema:
                schema = self._referred(schema["$ref"])
            elif forms := schema.get("anyOf") or schema.get("oneOf"):
                first = next((form for form in forms if form.get("type") != "null"), forms[0])
                schema = {
                    **{key: schema[key] for key in ("description", "default") if key in schema},
                    **first,
                }
            else:
                return schema

    def type_words(self, schema: Schema) -> str:
        """Describe a value's type: `text`, `one of music, audio`, `list of whole number`."""
        known = self.resolved(schema)
        if "enum" in known:
            return "one of " + ", ".join(str(value) for value in known["enum"] if value is not None)
        kind = known.get("type", "object")
        words = TYPE_WORDS.get(kind if isinstance(kind, str) else kind[0], "value")
        return f"list of {self.type_words(known['items'])}" if words == "list" and "items" in known else words

    def range_words(self, schema: Schema) -> str:
        """The bounds of a value: `1 to 180`, `at most 1,000 characters`; empty when there are none."""
        known = self.resolved(schema)
        low, high = known.get("minimum"), known.get("maximum")
        if low is not None and high is not None:
            return f"{low:g} to {high:,.12g}" if high < 10**9 else f"from {low:g}"
        if low is not None:
            return f"from {low:g}"
        return f"at most {known['maxLength']:,} characters" if "maxLength" in known else ""

    def fields(self, schema: Schema) -> list[tuple[str, Schema, bool]]:
        """Name, schema, and whether it must be there, of each member of an object."""
        known = self.resolved(schema)
        required = known.get("required", ())
        return [(name, member, name in required) for name, member in known.get("properties", {}).items()]

    def example(self, schema: Schema, depth: int = 0) -> object:
        """A value of this schema, from its own examples where it has some."""
        if schema.get("examples"):
            return next(iter(schema["examples"]))
        known = self.resolved(schema)
        if known.get("examples"):
            return next(iter(known["examples"]))
        for key in ("const", "default"):
            if known.get(key) is not None:
                return known[key]
        if "enum" in known:
            return known["enum"][0]
        return self._example_of_type(known, depth)

    def _example_of_type(self, known: Schema, depth: int) -> object:
        kind = known.get("type", "object")
        kind = kind if isinstance(kind, str) else kind[0]
        if kind == "array":
            return (
                [self.example(known["items"], depth + 1)] if "items" in known and depth < MOST_NESTED else []
            )
        if kind == "object":
            if depth >= MOST_NESTED:
                return {}
            return {name: self.example(member, depth + 1) for name, member, _ in self.fields(known)}
        if kind == "string" and known.get("format") == "date-time":
            return "2026-01-15T10:30:00Z"
        return EXAMPLES_BY_TYPE.get(kind)

    def _referred(self, reference: str) -> Schema:
        found: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)
