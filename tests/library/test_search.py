"""Full text: what is found and in which order, the same on both databases, whatever is asked."""

import asyncio
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.factories import MakeAccount
from tests.library.conftest import MakeSound
from webapp.policy.library.fields import LibraryQuery
from webapp.policy.library.search import query_words, search_words
from webapp.services.container import Services
from webapp.tables import LibraryItem

PROMPTS = (
    "calm rain on a tin roof",
    "Café del mar, naïve piano",
    "静かな雨の音楽",
    "музыка дождя",
    "heavy storm with rainfall",
    "OR AND NOT NEAR",
    "🎵 whistle 100% real_name c:\\tmp 'quoted' \"double\"",
    "a",
)


@pytest.fixture
async def prompts(services: Services, make_account: MakeAccount, make_sound: MakeSound) -> tuple[str, ...]:
    """A published sound of each prompt, oldest first."""
    ann = await make_account()
    for prompt in PROMPTS:
        await make_sound(ann, prompt)
    return PROMPTS


async def _found(services: Services, text: str) -> list[str]:
    page = await services.library.browse.public(LibraryQuery(search=text, per_page=100))
    assert page.total == len(page.items)
    return [item.prompt for item in page.items]


FOUND: Final[tuple[tuple[str, list[int]], ...]] = (
    ("rain", [4, 0]),
    ("RAIN roof", [0]),
    ("rainf", [4]),
    ("cafe NAIVE", [1]),
    ("CAFÉ", [1]),
    ("雨", [2]),
    ("音楽", [2]),
    ("楽音", []),
    ("ДОЖД", [3]),
    ("🎵", [6]),
    ("or", [5]),
    ("rain OR storm", []),
    ("NOT", [5]),
    ("near(rain)", []),
    ("r*", [6, 4, 0]),
    ("*", []),
    ("%", []),
    ('"', []),
    ("'); DROP TABLE sound; --", []),
    ("\0", []),
    ("words:rain", []),
    ("100%", [6]),
    ("a " * 5_000, [7, 5, 0]),
    ("x" * 10_000, []),
    ("absent", []),
)


async def test_what_is_found(services: Services, prompts: tuple[str, ...]) -> None:
    for text, numbers in FOUND:
        assert await _found(services, text) == [prompts[number] for number in numbers], text[:40]


async def test_titles_come_before_the_rest_and_newest_first_within(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann = await make_account()
    for prompt, title in (("one", "Rain"), ("rain two", None), ("three", "Rainy day"), ("rain four", None)):
        await make_sound(ann, prompt, title=title)
    assert await _found(services, "rain") == ["three", "one", "rain four", "rain two"]
    parts = []
    for page in range(1, 6):
        query = LibraryQuery(search="rain", page=page, per_page=1)
        parts += [item.prompt for item in (await services.library.browse.public(query)).items]
    assert parts == ["three", "one", "rain four", "rain two"]
    plays_first = LibraryQuery(search="rain", sort="created")
    newest = await services.library.browse.public(plays_first)
    assert [item.prompt for item in newest.items] == ["rain four", "three", "rain two", "one"]


async def test_any_text_finds_what_the_words_say(services: Services, prompts: tuple[str, ...]) -> None:
    """The databases are held against a plain reading of the words; no text is an error."""
    loop = asyncio.get_running_loop()

    def expected(text: str) -> list[str]:
        asked = query_words(text)
        return [
            prompt
            for prompt in reversed(prompts)
            if asked and all(any(word.startswith(part) for word in search_words(prompt)) for part in asked)
        ]

    texts = st.text(max_size=40) | st.text(alphabet="\"'*():^-+%_\\&|!<>~ raiNo雨éß🎵\0", max_size=12)

    @settings(
        max_examples=150,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        database=None,
    )
    @given(texts)
    @example("'" * 1_000)
    @example("\\' | rain:*")
    @example('"rain" NEAR("a" "b", 2)')
    def holds(text: str) -> None:
        if not text.strip():
            return  # nothing is asked for
        found = asyncio.run_coroutine_threadsafe(_found(services, text.strip()), loop).result(30)
        assert found == expected(text)

    await asyncio.to_thread(holds)


async def test_deleted_and_renamed_words_leave_the_index(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann = await make_account()
    sound_id = await make_sound(ann, "first", title="alpha", tags=("beta",))
    assert await _found(services, "alpha") == await _found(services, "bet") == ["first"]
    await services.library.publishing.delete(ann, sound_id)
    assert await _found(services, "first") == []
    if services.database.dialect == "sqlite":
        rows = await services.database.fetch("SELECT COUNT(*) AS n FROM library_search_docsize")
        assert rows == [{"n": 0}]


async def test_sounds_from_before_the_library_are_found(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    """The migration's own statements, over sounds whose rows in the library are taken away."""
    from webapp.tables.piccolo_migrations import m0006_library_search as migration  # noqa: PLC0415 test only

    ann = await make_account()
    first = await make_sound(ann, "Über rain", model="audio")
    second = await make_sound(ann, "storm")
    await LibraryItem.delete(force=True)
    await migration.fill()
    page = await services.library.browse.own(ann, LibraryQuery())
    assert [(item.sound_id, item.is_public, item.model) for item in page.items] == [
        (second, False, "music"),
        (first, False, "audio"),
    ]
    assert (await services.library.browse.own(ann, LibraryQuery(search="uber"))).total == 1
