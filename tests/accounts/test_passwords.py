"""The real password hash, in parameters quick enough for a test."""

import pytest

from webapp.services.accounts.passwords import Argon2Hash, PasswordHasher, Verdict


@pytest.fixture
def quick() -> Argon2Hash:
    return Argon2Hash(memory_kib=64, passes=1)


def test_it_is_argon2id_in_parameters_of_today() -> None:
    stored = Argon2Hash().hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=3,p=1$")
    assert len(stored) <= 255


@pytest.mark.parametrize("password", ["", "\0", "\ud800", "x" * 100_000])
def test_whatever_is_tried_gets_an_answer(quick: Argon2Hash, password: str) -> None:
    assert not quick.verify(quick.hash("correct horse"), password)


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$broken"])
def test_a_broken_stored_hash_matches_nothing(quick: Argon2Hash, stored: str) -> None:
    assert not quick.verify(stored, "correct horse")


def test_a_decoy_is_checked_like_a_hash_of_today_and_matches_nothing(quick: Argon2Hash) -> None:
    decoy, stored = quick.decoy(), quick.hash("correct horse")
    assert decoy != quick.decoy()
    assert decoy.rsplit("$", 2)[0] == stored.rsplit("$", 2)[0]
    assert [len(part) for part in decoy.split("$")] == [len(part) for part in stored.split("$")]
    assert not quick.needs_rehash(decoy)
    assert not quick.verify(decoy, "correct horse")


async def test_other_parameters_are_noticed(quick: Argon2Hash) -> None:
    hasher = PasswordHasher(Argon2Hash(memory_kib=64, passes=2))
    async with hasher.slot() as slot:
        old = quick.hash("correct horse")
        verdict = await slot.verify(old, "correct horse")
        assert verdict.rehashed is not None
        assert await slot.verify(verdict.rehashed, "correct horse") == Verdict(is_right=True)
        assert await slot.verify(old, "wrong horse") == Verdict(is_right=False)
        assert await slot.verify(None, "correct horse") == Verdict(is_right=False)


async def test_what_is_too_long_is_wrong_unread_and_takes_as_long() -> None:
    tried: list[tuple[str, str]] = []

    class Watched(Argon2Hash):
        def verify(self, stored: str, password: str) -> bool:
            tried.append((stored, password))
            return super().verify(stored, password)

    quick = Watched(memory_kib=64, passes=1)
    stored = quick.hash("correct horse")
    async with PasswordHasher(quick).slot() as slot:
        assert await slot.verify(stored, "\u0f73" * 32_000) == Verdict(is_right=False)
        assert await slot.verify(stored, "correct horse") == Verdict(is_right=True)
    assert [password for _, password in tried] == ["", "correct horse"]
    assert tried[0][0] != stored
