"""A password hash that is quick and counts its calls."""

import hashlib
import threading
from collections import Counter

PASSWORD = "correct horse"


class CountingHash:
    """Stores passwords as `version:digest`; remembers what it was asked, and how much at once."""

    def __init__(self) -> None:
        self.version = 1
        self.calls = Counter[str]()
        self.verified: list[str] = []
        self.most_at_once = 0
        self._running = 0
        self._lock = threading.Lock()

    def hash(self, password: str) -> str:
        self._count("hash")
        return f"{self.version}:{_digest(password)}"

    def verify(self, stored: str, password: str) -> bool:
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        self._count("verify")
        self.verified.append(stored)
        with self._lock:
            self._running -= 1
        return stored.partition(":")[2] == _digest(password)

    def needs_rehash(self, stored: str) -> bool:
        return not stored.startswith(f"{self.version}:")

    def decoy(self) -> str:
        return "decoy"

    def _count(self, name: str) -> None:
        with self._lock:
            self.calls[name] += 1


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest()
