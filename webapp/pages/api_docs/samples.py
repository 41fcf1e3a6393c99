"""Code to copy: one request in curl, Python and JavaScript."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

# Stands in the code for a token, until there is one to fill in.
TOKEN: Final = "YOUR_TOKEN"  # noqa: S105 - a placeholder


@dataclass(frozen=True, slots=True)
class Call:
    """A request as an example. `answer` is what comes back: JSON, events, a file, or nothing."""

    method: str
    url: str
    has_token: bool = False
    body: object = None
    query: Mapping[str, str] = field(default_factory=dict)
    answer: str = "json"
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The code of a call in one language."""

    language: str
    label: str
    code: str


def samples_of(call: Call) -> tuple[Sample, ...]:
    """The call in each language."""
    return tuple(Sample(language, label, write(call)) for language, label, write in _LANGUAGES)


def _curl(call: Call) -> str:
    words = ["curl"]
    if call.answer == "events":
        words.append("--no-buffer")
    if call.method != "GET":
        words += ["-X", call.method]
    lines = [" ".join([*words, shlex.quote(_address(call))])]
    if call.has_token:
        lines.append(f"-H 'Authorization: Bearer {TOKEN}'")
    if call.body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(_json(call.body))}"]
    if call.answer == "file":
        lines.append(f"-o {call.file_name}")
    return " \\\n  ".join(lines)


def _python(call: Call) -> str:
    arguments = [json.dumps(call.url)]
    if call.query:
        arguments.append(f"params={_literal(dict(call.query))}")
    if call.has_token:
        arguments.append(f'headers={{"Authorization": "Bearer {TOKEN}"}}')
    if call.body is not None:
        arguments.append(f"json={_literal(call.body)}")
    if call.answer == "events":
        arguments.append("stream=True")
    inside = "".join(f"    {argument},\n" for argument in arguments)
    request = f"requests.{call.method.lower()}(\n{inside})"
    end = _PYTHON_ENDS[call.answer](call)
    return f"import requests\n\nresponse = {request}\nresponse.raise_for_status()\n{end}"


_PYTHON_ENDS: Final[dict[str, Callable[[Call], str]]] = {
    "json": lambda _call: "print(response.json())",
    "nothing": lambda _call: "print(response.status_code)",
    "events": lambda _call: (
        'for line in response.iter_lines(decode_unicode=True):\n    if line.startswith("data:"):\n'
        '        print(line.removeprefix("data:").strip())'
    ),
    "file": lambda call: f'with open("{call.file_name}", "wb") as file:\n    file.write(response.content)',
}


def _javascript(call: Call) -> str:
    options = [] if call.method == "GET" else [f'method: "{call.method}"']
    headers = {"Authorization": f"Bearer {TOKEN}"} if call.has_token else {}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    if headers:
        options.append(f"headers: {_json(headers)}")
    if call.body is not None:
        options.append(f"body: JSON.stringify({_json(call.body)})")
    inside = "".join(f"  {option},\n" for option in options)
    request = f"fetch({json.dumps(_address(call))}" + (f", {{\n{inside}}})" if options else ")")
    return (
        f"const response = await {request};\n"
        "if (!response.ok) throw new Error((await response.json()).error);\n" + _JAVASCRIPT_ENDS[call.answer]
    )


_JAVASCRIPT_ENDS: Final = {
    "json": "console.log(await response.json());",
    "nothing": "console.log(response.status);",
    "events": (
        "const events = response.body.pipeThrough(new TextDecoderStream());\n"
        "for await (const text of events) console.log(text);"
    ),
    "file": "const sound = await response.blob();\nconsole.log(sound.type, sound.size);",
}


def _address(call: Call) -> str:
    return f"{call.url}?{urlencode(call.query)}" if call.query else call.url


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _literal(value: object) -> str:
    """A JSON value as Python writes it, with the quotes that the code around it has."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(member) for member in value) + "]"
    return _json(value) if isinstance(value, str) else repr(value)


_LANGUAGES: Final[tuple[tuple[str, str, Callable[[Call], str]], ...]] = (
    ("curl", "curl", _curl),
    ("python", "Python", _python),
    ("javascript", "JavaScript", _javascript),
)
