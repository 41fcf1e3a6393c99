"""The API's description, OpenAPI 3.1, as what the page shows of it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from webapp.pages.api_docs.samples import Call, Sample, samples_of
from webapp.pages.api_docs.schemas import SchemaReader

# The order of a first visit; sections that are not named here follow.
SECTIONS: Final = (
    "Generation", "Queue", "Files", "Speech", "Status", "Accounts", "Library", "Playlists", "Moderation",
)  # fmt: skip
METHODS: Final = ("get", "post", "put", "patch", "delete")
PATH_EXAMPLES: Final = {
    "job_id": "a1b2c3d4e5f6",
    "sound_id": "0f1e2d3c4b5a69788796",
    "playlist_id": "6978879605f41e2d3c4b",
    "token_id": "3",
    "voice": "hibari-heart",
    "filename": "0f1e2d3c4b5a69788796",
}
FILE_ENDINGS: Final = {"audio": ".wav", "image": ".png", "application/zip": ".zip"}
IN_WORDS: Final = {"path": "in the address", "query": "query", "header": "header", "body": "body"}


@dataclass(frozen=True, slots=True)
class Field:
    """Something a request takes."""

    name: str
    place: str
    kind: str
    bounds: str
    is_required: bool
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A possible answer. `example` is a body as it is sent, empty for none."""

    status: str
    description: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint. `auth` is `required`, `optional` or `none`."""

    anchor: str
    method: str
    path: str
    title: str
    paragraphs: tuple[str, ...]
    auth: str
    fields: tuple[Field, ...]
    answers: tuple[Answer, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Endpoints that belong together."""

    anchor: str
    title: str
    operations: tuple[Operation, ...]


def sections_of(document: Mapping[str, Any], server: str) -> tuple[Section, ...]:
    """Every endpoint of an OpenAPI document, for a server at this address (no slash at its end)."""
    reader = SchemaReader(document)
    by_tag: dict[str, list[Operation]] = {}
    for path, method, described in _operations(document):
        operation = _operation(reader, path, method, described, server)
        by_tag.setdefault((described.get("tags") or ["Other"])[0], []).append(operation)
    order = [*(tag for tag in SECTIONS if tag in by_tag), *sorted(by_tag.keys() - set(SECTIONS))]
    return tuple(Section(_anchor(tag), tag, tuple(sorted(by_tag[tag], key=_place))) for tag in order)


def _place(operation: Operation) -> tuple[int, str, int]:
    """A list before its entries, and before what is done to them."""
    return operation.path.count("/"), operation.path, METHODS.index(operation.method.lower())


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _operation(
    reader: SchemaReader, path: str, method: str, described: Mapping[str, Any], server: str
) -> Operation:
    auth = _auth(described)
    return Operation(
        anchor=_anchor(f"{method} {path}"),
        method=method.upper(),
        path=path,
        title=described.get("summary", ""),
        paragraphs=tuple(
            " ".join(text.split()) for text in described.get("description", "").split("\n\n") if text.strip()
        ),
        auth=auth,
        fields=(*_parameters(reader, described), *_body_fields(reader, described)),
        answers=tuple(_answers(reader, described)),
        samples=samples_of(_call(reader, path, method, described, server, has_token=auth != "none")),
    )


def _auth(described: Mapping[str, Any]) -> str:
    ways = described.get("security") or []
    if not ways:
        return "none"
    return "optional" if {} in ways else "required"


def _parameters(reader: SchemaReader, described: Mapping[str, Any]) -> Iterator[Field]:
    for parameter in described.get("parameters", ()):
        schema = parameter.get("schema", {})
        text = parameter.get("description") or reader.resolved(schema).get("description", "")
        yield _field(
            reader, parameter["name"], parameter["in"], schema, parameter.get("required", False), text
        )


def _body_fields(reader: SchemaReader, described: Mapping[str, Any]) -> Iterator[Field]:
    for media_type in described.get("requestBody", {}).get("content", {}).values():
        for name, schema, is_required in reader.fields(media_type.get("schema", {})):
            text = schema.get("description") or reader.resolved(schema).get("description", "")
            yield _field(reader, name, "body", schema, is_required, text)


def _field(
    reader: SchemaReader, name: str, place: str, schema: Mapping[str, Any], is_required: bool, text: str
) -> Field:
    default = reader.resolved(schema).get("default")
    return Field(
        name=name,
        place=IN_WORDS[place],
        kind=reader.type_words(schema),
        bounds=reader.range_words(schema),
        is_required=is_required,
        default="" if default is None else json.dumps(default),
        description=text,
    )


def _answers(reader: SchemaReader, described: Mapping[str, Any]) -> Iterator[Answer]:
    for status, answer in sorted(described.get("responses", {}).items()):
        example = ""
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if status.startswith("2") and schema:
            example = json.dumps(reader.example(schema), ensure_ascii=False, indent=2)
        yield Answer(status, answer.get("description", ""), example)


def _call(
    reader: SchemaReader,
    path: str,
    method: str,
    described: Mapping[str, Any],
    server: str,
    *,
    has_token: bool,
) -> Call:
    media_types = [
        name
        for status, answer in described.get("responses", {}).items()
        if status.startswith("2")
        for name in answer.get("content", {})
    ]
    ending = next((end for kind, end in FILE_ENDINGS.items() for name in media_types if kind in name), "")
    values = {**PATH_EXAMPLES, "filename": PATH_EXAMPLES["filename"] + ending}
    return Call(
        method=method.upper(),
        url=server + re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[1]), path),
        has_token=has_token,
        body=_body(reader, described),
        query=_query(reader, described),
        answer=_kind_of_answer(media_types, ending),
        file_name=f"sound{ending}",
    )


def _query(reader: SchemaReader, described: Mapping[str, Any]) -> dict[str, str]:
    """Query parameters that have to be there."""
    return {
        parameter["name"]: str(reader.example(parameter.get("schema", {})))
        for parameter in described.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    }


def _kind_of_answer(media_types: list[str], ending: str) -> str:
    if "text/event-stream" in media_types:
        return "events"
    if ending:
        return "file"
    return "json" if media_types else "nothing"


def _body(reader: SchemaReader, described: Mapping[str, Any]) -> object:
    content = described.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    examples = content.get("examples") or {}
    if examples:
        return next(iter(examples.values()))["value"]
    fields = reader.fields(content.get("schema", {}))
    chosen = [field for field in fields if field[2]] or fields
    return {name: reader.example(schema) for name, schema, _ in chosen}


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
