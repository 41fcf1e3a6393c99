"""Password hashing: deliberately slow, so it runs off the event loop and only a few at a time."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION, Type

from webapp.policy.accounts.credentials import is_overlong_password, normal_password

T = TypeVar("T")

# Two at a time, with MEMORY_KIB each: bounds the memory that concurrent sign-ins can make the server use.
SLOTS: Final = 2
MEMORY_KIB: Final = 19_456
PASSES: Final = 3
LANES: Final = 1


class SlowHash(Protocol):
    """A slow password hash. Calls block, and come from several threads."""

    def hash(self, password: str) -> str: ...

    def verify(self, stored: str, password: str) -> bool: ...

    def needs_rehash(self, stored: str) -> bool:
        """Check whether `stored` was made with other parameters than a new hash would be."""
        ...

    def decoy(self) -> str:
        """Return a hash with the current parameters that no password matches; cheap to make."""
        ...


class Argon2Hash:
    """argon2id (RFC 9106); the default parameters are OWASP's lightest in memory, with one pass more."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES, lanes: int = LANES) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes, type=Type.ID
        )

    def hash(self, password: str) -> str:
        return self._argon2.hash(_encoded(password))

    def verify(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, _encoded(password))
        except (VerificationError, InvalidHashError):
            return False

    def needs_rehash(self, stored: str) -> bool:
        return self._argon2.check_needs_rehash(stored)

    def decoy(self) -> str:
        made = self._argon2
        parameters = f"m={made.memory_cost},t={made.time_cost},p={made.parallelism}"
        salt, digest = (
            base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
            for size in (made.salt_len, made.hash_len)
        )
        return f"$argon2id$v={ARGON2_VERSION}${parameters}${salt}${digest}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check, with a new hash if the stored one has outdated parameters."""

    is_right: bool
    rehashed: str | None = None


class PasswordHasher:
    """Runs a slow hash on its own threads.

    Use it as `async with hasher.slot() as slot: await slot.verify(...)`. Taking the slot first lets a
    caller count an attempt at the moment it is made. Do not wait for a slot inside a database transaction.
    """

    def __init__(self, algorithm: SlowHash | None = None, *, slots: int = SLOTS) -> None:
        self._algorithm = Argon2Hash() if algorithm is None else algorithm
        self._free = asyncio.Semaphore(slots)
        # The threads bound the memory even when callers give up: a running hash cannot be stopped.
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="passwords")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator["PasswordSlot"]:
        """Wait for a free slot and hold it for the block."""
        async with self._free:
            yield PasswordSlot(self._algorithm, self._threads)


class PasswordSlot:
    """Permission to hash, for as long as the slot is held."""

    def __init__(self, algorithm: SlowHash, threads: ThreadPoolExecutor) -> None:
        self._algorithm = algorithm
        self._threads = threads

    async def hash(self, password: str) -> str:
        """Return the hash to store for a password."""
        return await self._run(lambda: self._algorithm.hash(normal_password(password)))

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """Check a password. None for `stored` (no account) is wrong and takes as long as any other.

        The same goes for an overlong password, which is not hashed.
        """
        if is_overlong_password(password):
            stored, password = None, ""
        hashed = self._algorithm.decoy() if stored is None else stored
        is_right = await self._run(lambda: self._algorithm.verify(hashed, normal_password(password)))
        if stored is None or not is_right:
            return Verdict(is_right=False)
        rehashed = await self.hash(password) if self._algorithm.needs_rehash(hashed) else None
        return Verdict(is_right=True, rehashed=rehashed)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _encoded(password: str) -> bytes:
    # A password with a lone surrogate cannot be set, but can be tried.
    return password.encode("utf-8", "surrogatepass")
