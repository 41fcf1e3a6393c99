"""Identifiers and secrets as a dependency: services are given a source of them."""

import hashlib
import random
import secrets
from typing import Protocol

SEED_BITS = 31


class Ids(Protocol):
    """Makes new identifiers; every call gives another one."""

    def job_id(self) -> str: ...

    def generation_id(self) -> str: ...

    def secret(self) -> str: ...

    def seed(self) -> int: ...


class RandomIds:
    """Identifiers nobody can guess, from the operating system's randomness."""

    def job_id(self) -> str:
        """12 lower-case hex digits; public, so it protects nothing."""
        return secrets.token_hex(6)

    def generation_id(self) -> str:
        """20 hex digits; names a sound's files and is what protects them."""
        return secrets.token_hex(10)

    def secret(self) -> str:
        """A bearer secret with 256 bits of randomness, safe in URLs and headers."""
        return secrets.token_urlsafe(32)

    def seed(self) -> int:
        """A seed for a generation, 0 ≤ seed < 2**31."""
        return secrets.randbits(SEED_BITS)


class SeededIds:
    """A repeatable sequence of identifiers, for tests and simulations; protects nothing."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatability is the point here

    def job_id(self) -> str:
        return f"{self._random.getrandbits(48):012x}"

    def generation_id(self) -> str:
        return f"{self._random.getrandbits(80):020x}"

    def secret(self) -> str:
        return f"{self._random.getrandbits(256):064x}"

    def seed(self) -> int:
        return self._random.getrandbits(SEED_BITS)


def secret_hash(secret: str) -> str:
    """SHA-256 of a random secret, in hex: what is stored in its place.

    The secret has 256 bits of randomness, so a slow password hash would add nothing.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
