"""The form in which a request names a sound to work from: an upload, or a generation."""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from webapp.errors import InvalidRequest

SourceKind: TypeAlias = Literal["upload", "generation"]

_ID: Final = re.compile(r"[0-9a-f]{20}")
_MEMBERS: Final[dict[str, SourceKind]] = {"upload_id": "upload", "generation_id": "generation"}


@dataclass(frozen=True, slots=True)
class SoundSource:
    """A sound that a request names. Whether it is there and may be used is for the services to say."""

    kind: SourceKind
    id: str

    @property
    def text(self) -> str:
        """Return the source as a row stores it."""
        return f"{self.kind}/{self.id}"


def source_of_text(text: str | None) -> SoundSource | None:
    """Read a source as a row stores it; None where there is none."""
    if not text:
        return None
    kind, _, identity = text.partition("/")
    return SoundSource("upload" if kind == "upload" else "generation", identity)


def parse_source(value: object, field: str) -> SoundSource | None:
    """Read `{"upload_id": …}` or `{"generation_id": …}`; None where the field is absent or null.

    Raises InvalidRequest for anything but exactly one of the two. An id of another form than ours is that of
    no sound: it is refused like one.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _malformed(field)
    named = {name: value[name] for name in _MEMBERS if value.get(name) is not None}
    if len(named) != 1:
        raise _malformed(field)
    ((name, identity),) = named.items()
    if not isinstance(identity, str):
        raise InvalidRequest(f"{name} must be text", field=field)
    # Ids of ours alone reach the database, which does not take every text.
    return SoundSource(_MEMBERS[name], identity if _ID.fullmatch(identity) else "")


def _malformed(field: str) -> InvalidRequest:
    return InvalidRequest(f"{field} must be an object with either upload_id or generation_id", field=field)
