"""Reads forms: what people typed, as text."""

from collections.abc import Mapping
from typing import Any, Final

from webapp.errors import InvalidRequest
from webapp.http.requests.body import read_form_fields
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.texts import _
from webapp.policy.generation import DEFAULT_DURATION_S, DEFAULT_MODEL, MAX_TAKES

Fields = Mapping[str, str]
TAKES: Final = tuple(str(number + 1) for number in range(MAX_TAKES))
OFFERED_TAKES: Final = ("1", "2", "4", "8")


async def read_form(request: PageRequest) -> dict[str, str]:
    """The fields of a submitted form, none for an empty body; of a repeated one, the last.

    Raises UnsupportedMediaType for anything but a plain form: there is nothing to upload here; and what
    else `read_form_fields` raises.
    """
    return dict(await read_fields(request))


async def read_fields(request: PageRequest) -> list[tuple[str, str]]:
    """`read_form`, with every value of a repeated field."""
    if "content-type" not in request.headers and request.headers.get("content-length", "0") == "0":
        return []
    return await read_form_fields(request)


def generation_body(fields: Fields) -> dict[str, Any]:
    """A form's fields as the values that the generation API takes.

    Empty fields are left out. Raises InvalidRequest, naming the field, for a number that is none.
    """
    body: dict[str, Any] = {
        "prompt": fields.get("prompt", ""),
        "model": fields.get("model") or DEFAULT_MODEL,
        "loopable": fields.get("loopable") == "on",
        "duration": _number(fields, "duration", _("Duration"))
        if fields.get("duration")
        else DEFAULT_DURATION_S,
    }
    for name, spoken in (("seed", _("Seed")), ("top_k", _("Top k"))):
        if fields.get(name, "").strip():
            body[name] = _whole_number(fields, name, spoken)
    for name, spoken in (
        ("temperature", _("Temperature")),
        ("top_p", _("Top p")),
        ("guidance", _("Guidance")),
    ):
        if fields.get(name, "").strip():
            body[name] = _number(fields, name, spoken)
    if fields.get("melody_upload"):
        body["melody_from"] = {"upload_id": fields["melody_upload"]}
    return body


def continuation_body(fields: Fields, sound_id: str) -> dict[str, Any]:
    """The fields of the form under a sound as the values that the generation API takes.

    Empty fields are left out. Raises InvalidRequest, naming the field, for a number that is none.
    """
    source: dict[str, Any] = {"generation_id": sound_id}
    if fields.get("from_s", "").strip():
        source["from_s"] = _number(fields, "from_s", _("Go on from"))
    body: dict[str, Any] = {"continue_from": source}
    if fields.get("prompt", "").strip():
        body["prompt"] = fields["prompt"]
    if fields.get("duration", "").strip():
        body["duration"] = _number(fields, "duration", _("New length"))
    return body


def takes_wanted(fields: Fields) -> int:
    """Return how many takes a form asks for, one where it does not say. Raises InvalidRequest."""
    text = fields.get("takes", "").strip() or "1"
    if text not in TAKES:
        raise InvalidRequest(_("Variations must be 1 to %(most)s", most=MAX_TAKES), field="takes")
    return int(text)


def _number(fields: Fields, name: str, spoken: str) -> float:
    try:
        return float(fields[name])
    except ValueError:
        raise InvalidRequest(_("%(field)s must be a number", field=spoken), field=name) from None


def _whole_number(fields: Fields, name: str, spoken: str) -> int:
    text = fields[name].strip()
    # Longer ones are out of every range, and slow to convert.
    if not (text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= 20):
        raise InvalidRequest(_("%(field)s must be a whole number", field=spoken), field=name)
    return int(text)
