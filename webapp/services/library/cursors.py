"""Cursors as clients pass them on: sealed, so that nobody can read or forge one.

A cursor holds a row id, which would show how many sounds others made in between.
"""

import base64
import binascii
import hashlib
import struct
from typing import Final

from webapp.errors import InvalidRequest
from webapp.policy.library.fields import Cursor

_FORM: Final = struct.Struct(">Bdq")
_TAG_BYTES: Final = 12


class Cursors:
    """Seals cursors with a key. The same cursor always gives the same text, so that responses can be cached.

    The tag is a keyed digest of the content and of its list; the content is encrypted with a stream made from
    the tag.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def written(self, cursor: Cursor, list_name: str) -> str:
        """Write a cursor as letters, digits, `-` and `_`. It is valid in this list only."""
        content = _FORM.pack(cursor.stage, cursor.value, cursor.row_id)
        tag = self._tag(content, list_name)
        return base64.urlsafe_b64encode(tag + self._hidden(content, tag)).decode().rstrip("=")

    def read(self, text: str, list_name: str) -> Cursor:
        """Read a cursor that was written for this list. Raises InvalidRequest."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise _not_ours() from error
        tag, hidden = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
        if len(hidden) != _FORM.size:
            raise _not_ours()
        content = self._hidden(hidden, tag)
        if self._tag(content, list_name) != tag:
            raise _not_ours()
        return Cursor(*_FORM.unpack(content))

    def _tag(self, content: bytes, list_name: str) -> bytes:
        sealed = content + list_name.encode()
        return hashlib.blake2b(sealed, digest_size=_TAG_BYTES, key=self._key, person=b"cursor tag").digest()

    def _hidden(self, content: bytes, tag: bytes) -> bytes:
        stream = hashlib.blake2b(tag, digest_size=len(content), key=self._key, person=b"cursor stream")
        return bytes(one ^ other for one, other in zip(content, stream.digest(), strict=True))


def _not_ours() -> InvalidRequest:
    return InvalidRequest("Cursor is not one of this list", field="cursor")
