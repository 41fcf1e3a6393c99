"""Several sounds at once: all of a selection changes, or nothing of it."""

import asyncio

import pytest

from tests.factories import MakeAccount
from tests.library.conftest import MakeSound
from tests.stored import stored_path
from webapp.errors import LimitReached, NotAuthorized
from webapp.policy.library.fields import LibraryQuery, SoundChange
from webapp.services.container import Services

PRIVATE = SoundChange(is_public=False)
UNKNOWN = "f" * 20


async def test_a_foreign_sound_keeps_a_selection_as_it_is(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann, bob = await make_account("ann"), await make_account("bob")
    own, foreign = [await make_sound(ann) for _ in range(2)], await make_sound(bob)
    publishing, sounds = services.library.publishing, services.library.files
    files = [await sounds.audio_file(f"{sound_id}.wav") for sound_id in own]
    paths = [stored_path(services, file.key, file.name) for file in files]
    with services.bus.subscribe() as hints:
        with pytest.raises(NotAuthorized):
            await publishing.change_all(ann, [*own, foreign], PRIVATE)
        with pytest.raises(NotAuthorized):
            await publishing.delete_all(ann, [*own, foreign])
        assert hints.take() == []
    assert (await services.library.browse.public(LibraryQuery())).total == 3
    assert all(path.is_file() for path in paths)


async def test_the_limit_of_favorites_admits_all_or_none(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann = await make_account()
    sounds = [await make_sound(ann) for _ in range(2)]
    favorites = services.library.favorites
    usage = await favorites.usage(ann)
    for _ in range(usage.limit - 1):
        await favorites.add(ann, sounds[0])
    await favorites.remove(ann, sounds[0])
    with pytest.raises(LimitReached):
        await favorites.add_all(ann, sounds)
    assert (await services.library.browse.favorites(ann, LibraryQuery())).total == 0


async def test_unknown_sounds_are_skipped(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann = await make_account()
    sounds = [await make_sound(ann) for _ in range(2)]
    chosen = [sounds[1], UNKNOWN, "no id", sounds[0], sounds[0]]
    library = services.library
    assert await library.favorites.add_all(ann, chosen) == 2
    assert (await library.browse.favorites(ann, LibraryQuery())).total == 2
    assert await library.publishing.change_all(ann, chosen, PRIVATE) == 2
    assert (await library.browse.public(LibraryQuery())).total == 0
    assert await library.publishing.delete_all(ann, chosen) == 2
    assert await library.publishing.delete_all(ann, chosen) == 0
    assert not await services.storage.keys()


async def test_an_admin_deletes_sounds_of_several_owners(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    root = await make_account("root", is_admin=True)
    owners = [await make_account(name) for name in ("ann", "bob")]
    sounds = [await make_sound(owner) for owner in owners]
    assert await services.library.publishing.delete_all(root, sounds) == 2
    rows = await services.database.fetch("SELECT action FROM admin_action")
    assert [row["action"] for row in rows] == ["delete sound"] * 2


async def test_selections_that_overlap_wait_for_each_other(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann = await make_account()
    sounds = [await make_sound(ann) for _ in range(4)]
    library = services.library
    found = await asyncio.gather(
        *(library.favorites.add_all(ann, chosen) for chosen in (sounds, sounds[::-1], sounds[1:]) * 2),
        *(library.publishing.change_all(ann, chosen, PRIVATE) for chosen in (sounds[::-1], sounds) * 3),
        *(library.favorites.add(ann, sound_id) for sound_id in sounds),
    )
    assert found[:12] == [4, 4, 3, 4, 4, 3, *[4] * 6]
    assert (await library.browse.favorites(ann, LibraryQuery())).total == 4
