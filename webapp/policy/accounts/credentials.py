"""The allowed form of usernames and passwords."""

import re
import unicodedata
from typing import Final

from webapp.errors import InvalidRequest
from webapp.policy.accounts.common_passwords import is_common

MIN_USERNAME_CHARACTERS: Final = 3
MAX_USERNAME_CHARACTERS: Final = 32
MIN_PASSWORD_CHARACTERS: Final = 10
MAX_PASSWORD_BYTES: Final = 1_024
# Before normalisation: a text of 1,024 bytes in NFC has at most three times as many when decomposed (UAX
# #15). Longer ones are not normalised, since that takes quadratic time.
MAX_TYPED_PASSWORD_BYTES: Final = 3 * MAX_PASSWORD_BYTES
MAX_LABEL_CHARACTERS: Final = 100

# ASCII only: with letters that look the same, one account could impersonate another.
USERNAME_PATTERN: Final = rf"^[A-Za-z0-9._-]{{{MIN_USERNAME_CHARACTERS},{MAX_USERNAME_CHARACTERS}}}$"
_USERNAME: Final = re.compile(USERNAME_PATTERN.removesuffix("$") + r"\Z")


def checked_username(value: object) -> str:
    """Return the username unchanged. Raises InvalidRequest if it is malformed."""
    username = checked_text(value, "Username", "username")
    if not _USERNAME.match(username):
        raise InvalidRequest(
            f"Username must be {MIN_USERNAME_CHARACTERS} to {MAX_USERNAME_CHARACTERS} letters, digits, dots, "
            "underscores or hyphens",
            field="username",
        )
    return username


def checked_password(value: object, *, field: str = "password") -> str:
    """Return a new password unchanged.

    Raises InvalidRequest if it is too short, too long, too common or no text.
    """
    password = checked_text(value, "Password", field)
    if is_overlong_password(password):
        raise InvalidRequest("Password is too long", field=field)
    normal = normal_password(password)
    if len(normal) < MIN_PASSWORD_CHARACTERS:
        raise InvalidRequest(f"Password must be at least {MIN_PASSWORD_CHARACTERS} characters", field=field)
    if "\0" in password or any(unicodedata.category(character) == "Cs" for character in password):
        raise InvalidRequest("Password contains characters that are not allowed", field=field)
    if len(normal.encode()) > MAX_PASSWORD_BYTES:
        raise InvalidRequest("Password is too long", field=field)
    if is_common(normal):
        raise InvalidRequest("Password is too common; choose one that is harder to guess", field=field)
    return password


def checked_label(value: object) -> str:
    """Validate a token's label: one line; empty if missing. Raises InvalidRequest."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest("Label must be text", field="label")
    label = value.strip()
    if len(label) > MAX_LABEL_CHARACTERS:
        raise InvalidRequest(f"Label must be at most {MAX_LABEL_CHARACTERS} characters", field="label")
    if not is_plain_line(label):
        raise InvalidRequest("Label contains characters that are not allowed", field="label")
    return label


def checked_text(value: object, name: str, field: str) -> str:
    """Return a value that must be a non-empty string. Raises InvalidRequest, with `name` in the text."""
    if value is None or value == "":
        raise InvalidRequest(f"{name} is required", field=field)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be text", field=field)
    return value


def is_plain_line(text: str) -> bool:
    """Return whether `text` holds neither control characters, bidi overrides nor lone surrogates."""
    return not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text)


def username_key(username: str) -> str:
    """Return the key by which usernames are unique: the username in lower case."""
    return username.lower()


def is_overlong_password(password: str) -> bool:
    """Return whether a password is too long in any normalisation."""
    return (
        len(password) > MAX_TYPED_PASSWORD_BYTES
        or len(password.encode("utf-8", "surrogatepass")) > MAX_TYPED_PASSWORD_BYTES
    )


def normal_password(password: str) -> str:
    """Return the form in which a password is hashed.

    NFC, so that every keyboard gives the same (RFC 8265).
    """
    return unicodedata.normalize("NFC", password)
