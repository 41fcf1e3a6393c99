"""Lists and searches over made-up sounds, held against a plain reading of them: both databases agree."""

import asyncio
import random
from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import MakeAccount
from tests.library.conftest import MakeSound
from webapp.policy.library.fields import LibraryQuery, Sort
from webapp.policy.library.search import query_words, search_words
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

WORDS: Final = (
    "rain",
    "rainfall",
    "Café",
    "naïve",
    "静かな雨",
    "дождь",
    "🎵",
    "Straße",
    "ÆØÅ",
    "नमस्ते",
    "100%",
)
ORDERS: Final[tuple[Sort | None, ...]] = (None, "created", "plays", "duration")
SOUNDS: Final = 24
EXAMPLES: Final = 60


@dataclass(frozen=True, slots=True)
class Made:
    """A sound as the plain reading sees it; numbers grow with time."""

    number: int
    sound_id: str
    owner: Identity
    title: str
    prompt: str
    plays: int
    duration_s: float
    is_listed: bool

    def matches(self, words: list[str], text: str) -> bool:
        return all(any(word.startswith(part) for word in search_words(text)) for part in words)

    def rank(self, words: list[str], sort: Sort | None) -> tuple[float, ...]:
        """What lists are ordered by, highest first."""
        if sort == "plays":
            return (self.plays, self.number)
        if sort == "duration":
            return (self.duration_s, self.number)
        in_title = sort is None and bool(words) and self.matches(words, self.title)
        return (in_title, self.number)


@pytest.fixture
async def made(services: Services, make_account: MakeAccount, make_sound: MakeSound) -> list[Made]:
    chance = random.Random(5)
    owners = [await make_account("ann"), await make_account("bob")]
    sounds = []
    for number in range(SOUNDS):
        title, prompt = (" ".join(chance.choices(WORDS, k=chance.randrange(least, 4))) for least in (0, 1))
        owner, duration_s, plays = chance.choice(owners), float(chance.randrange(2, 4)), chance.randrange(3)
        is_public, is_hidden = chance.random() < 0.7, chance.random() < 0.1
        sound_id = await make_sound(owner, prompt, title=title, is_public=is_public, duration_s=duration_s)
        await services.database.fetch(
            "UPDATE library_item SET plays = {}, is_hidden = {} WHERE sound = {}", plays, is_hidden, sound_id
        )
        is_listed = is_public and not is_hidden
        sounds.append(Made(number, sound_id, owner, title, prompt, plays, duration_s, is_listed))
    return sounds


def _expected(
    made: list[Made], reader: Identity | None, text: str, sort: Sort | None, longest_s: float | None
) -> list[str]:
    words = query_words(text)
    found = [
        sound
        for sound in made
        if (sound.is_listed if reader is None else sound.owner == reader)
        and (longest_s is None or sound.duration_s <= longest_s)
        and (not text or (bool(words) and sound.matches(words, f"{sound.title}\n{sound.prompt}")))
    ]
    return [sound.sound_id for sound in sorted(found, key=lambda one: one.rank(words, sort), reverse=True)]


@pytest.mark.parametrize("are_many", [False, True])
async def test_lists_are_what_a_plain_reading_finds(
    services: Services, made: list[Made], monkeypatch: pytest.MonkeyPatch, *, are_many: bool
) -> None:
    """In every order, for everybody and for one account, page by page; by either way of reading."""
    if are_many:
        monkeypatch.setattr("webapp.services.library.browse.MANY", 1)
    loop, browse = asyncio.get_running_loop(), services.library.browse

    async def listed(reader: Identity | None, query: LibraryQuery) -> tuple[list[str], int]:
        page = await (browse.public(query) if reader is None else browse.own(reader, query))
        return [item.sound_id for item in page.items], page.total

    queries = st.lists(
        st.sampled_from(WORDS).flatmap(lambda word: st.integers(1, len(word)).map(lambda end: word[:end])),
        max_size=2,
    ).map(" ".join)

    @settings(
        max_examples=EXAMPLES,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        database=None,
    )
    @given(
        queries,
        st.sampled_from(ORDERS),
        st.sampled_from([None, 2.0]),
        st.booleans(),
        st.integers(1, 3),
        st.sampled_from([3, 100]),
    )
    def holds(
        text: str, sort: Sort | None, longest_s: float | None, is_own: bool, page: int, per_page: int
    ) -> None:
        reader = made[0].owner if is_own else None
        query = LibraryQuery(page, per_page, search=text or None, sort=sort, max_duration_s=longest_s)
        whole = _expected(made, reader, text, sort, longest_s)
        found = asyncio.run_coroutine_threadsafe(listed(reader, query), loop).result(30)
        assert found == (whole[(page - 1) * per_page : page * per_page], len(whole))

    await asyncio.to_thread(holds)
