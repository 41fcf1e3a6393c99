"""Cursors as clients pass them on: sealed, so that they tell nothing and nobody makes one up.

What is in them, the number of a row, would tell how many sounds others made in between.
"""

import base64
import binascii
import hashlib
import struct
from typing import Final

from webapp.errors import InvalidRequest
from webapp.policy.library import Cursor

_FORM: Final = struct.Struct(">Bdq")
_TAG_BYTES: Final = 12


class Cursors:
    """Seals cursors with a key, always the same one in the same way, so that answers can be kept.

    The tag is a keyed digest of the content and of the list that it is for, and the content is hidden under
    a stream made of the tag.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def written(self, cursor: Cursor, list_name: str) -> str:
        """The cursor as a text of letters, digits, `-` and `_`. In another list it would be another place."""
        content = _FORM.pack(cursor.stage, cursor.value, cursor.row_id)
        tag = self._tag(content, list_name)
        return base64.urlsafe_b64encode(tag + self._hidden(content, tag)).decode().rstrip("=")

    def read(self, text: str, list_name: str) -> Cursor:
        """The cursor that was written so, for this list. Raises InvalidRequest."""
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
        told = content + list_name.encode()
        return hashlib.blake2b(told, digest_size=_TAG_BYTES, key=self._key, person=b"cursor tag").digest()

    def _hidden(self, content: bytes, tag: bytes) -> bytes:
        stream = hashlib.blake2b(tag, digest_size=len(content), key=self._key, person=b"cursor stream")
        return bytes(one ^ other for one, other in zip(content, stream.digest(), strict=True))


def _not_ours() -> InvalidRequest:
    return InvalidRequest("Cursor is not one of this list", field="cursor")
