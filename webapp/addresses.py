"""Addresses with a user name and a password in them, and keeping what is secret out of texts.

Drivers and libraries quote the piece of an address that they do not understand, and where a password holds
a character with a meaning of its own, that piece is a part of the password. So addresses are looked at here
first, in words that quote nothing.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

ESCAPES: Final = "in a user name or password write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23, % as %25"
HIDDEN: Final = "…"
# Shorter ones would take harmless pieces of words with them.
SHORTEST_SECRET: Final = 4

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.]+)?\]|[^\[\]:@]*)(?::(?P<port>[0-9]*))?")
_UNPRINTABLE: Final = re.compile(r"[\s\x00-\x1f\x7f]")
# What looks like a secret wherever it stands: a user and password of an address, a token of the API, and the
# secret of a set-up link.
_SECRETS: Final = (
    r"(?<=://)[^\s/@]+@",
    r"(?<![A-Za-z0-9_])sl_[A-Za-z0-9_-]{16,}",
    r"(?<=[?&]token=)[A-Za-z0-9_-]{16,}",
)
# Each of those holds one of these, which are found sooner.
_SIGNS: Final = ("://", "sl_", "token=")


def what_is_wrong(address: str) -> str:
    """Why a text is no address of the kind `scheme://user:password@host:port/path?query`; empty if it is."""
    if _UNPRINTABLE.search(address):
        return "it has a blank or an unprintable character in it"
    if "#" in address:
        return f"it has a # in it; {ESCAPES}"
    try:
        wrong = _what_is_wrong(urlsplit(address))
    except ValueError:
        wrong = "it cannot be taken apart"
    return f"{wrong}; {ESCAPES}" if wrong else ""


def without_credentials(address: str) -> str:
    """The address as it may be shown: without user, password, query and fragment."""
    if what_is_wrong(address):
        return HIDDEN
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def passwords_in(address: str) -> tuple[str, ...]:
    """Return the secret parts of an address, as written and as decoded."""
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^:@/]*:(?P<password>.*)@", address)
    texts = [found["password"]] if found else []
    texts += re.findall(r"[?&](?:ssl)?password=([^&#]*)", address)
    return tuple(dict.fromkeys([*texts, *map(unquote, texts)]))


class Redactor:
    """Takes secrets out of a text: given ones, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        given = sorted({text for text in secrets if len(text) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._signs = (*given, *_SIGNS)
        self._pattern = re.compile("|".join([*map(re.escape, given), *_SECRETS]))

    def __call__(self, text: str) -> str:
        for sign in self._signs:
            if sign in text:
                return self._pattern.sub(HIDDEN, text)
        return text


def _what_is_wrong(parts: SplitResult) -> str:
    at_signs = parts.netloc.count("@")
    if at_signs > 1 or "@" in parts.path or ("@" in parts.query and parts.netloc and not at_signs):
        return "it has an @ in the wrong place"
    for host in parts.netloc.rpartition("@")[2].split(","):
        match = _HOST.fullmatch(host)
        if match is None or not _is_port(match["port"]):
            return "it has no valid host and port"
    query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    if not all(_is_port(port) for value in query.get("port", []) for port in value.split(",")):
        return "its port is no number"
    return ""


def _is_port(text: str | None) -> bool:
    return not text or (text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65_536)
