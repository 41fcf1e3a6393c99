"""Counters under many writers at once: exact, on both databases."""

import asyncio

from tests.factories import MakeAccount
from tests.library.conftest import MakeSound
from webapp.errors import NotFound
from webapp.policy.library.fields import LibraryQuery, PlaylistChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

WRITERS = 64


async def _accounts(make_account: MakeAccount) -> list[Identity]:
    return [await make_account(f"user{number}") for number in range(WRITERS)]


async def test_votes_favorites_and_plays_at_once(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    accounts = await _accounts(make_account)
    library = services.library
    sounds = [await make_sound(accounts[0]) for _ in range(2)]

    async def one(number: int, identity: Identity) -> None:
        for sound_id in sounds if number % 2 else reversed(sounds):
            for vote in (1, -1, 0, 1 if number % 4 else -1):
                await library.votes.vote(identity, sound_id, vote)
            await library.favorites.add(identity, sound_id)
            await library.plays.played(identity, "192.0.2.1", sound_id)
            await library.plays.played(identity, "192.0.2.1", sound_id)

    await asyncio.gather(*(one(number, identity) for number, identity in enumerate(accounts)))
    for sound_id in sounds:
        item = await library.browse.item(None, sound_id)
        assert (item.upvotes, item.downvotes, item.plays) == (48, 16, WRITERS)
    for identity in accounts:
        assert (await library.browse.favorites(identity, LibraryQuery())).total == 2


async def test_one_account_voting_at_once_has_one_vote(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann = await make_account()
    sound_id = await make_sound(ann)
    votes = [1, -1, 0] * 20
    await asyncio.gather(*(services.library.votes.vote(ann, sound_id, vote) for vote in votes))
    item = await services.library.browse.item(ann, sound_id)
    rows = await services.database.fetch("SELECT vote FROM sound_vote")
    assert (item.upvotes, item.downvotes) == (rows.count({"vote": 1}), rows.count({"vote": -1}))
    assert len(rows) <= 1


async def test_votes_of_a_deleted_account_go_with_it(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann, bob = await make_account("ann"), await make_account("bob")
    sound_id = await make_sound(ann)
    await services.library.votes.vote(ann, sound_id, 1)
    await services.library.votes.vote(bob, sound_id, 1)
    await services.database.fetch("DELETE FROM account WHERE id = {}", bob.account_id)
    assert (await services.library.browse.item(None, sound_id)).upvotes == 1


async def test_tracks_added_at_once_are_all_there_once(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann = await make_account()
    sounds = [await make_sound(ann) for _ in range(8)]
    playlists = services.library.playlists
    made = await playlists.create(ann, PlaylistChange("all"))
    await asyncio.gather(*(playlists.add_track(ann, made.playlist_id, sound_id) for sound_id in sounds * 8))
    _, tracks = await playlists.get(ann, made.playlist_id)
    assert sorted(item.sound_id for item in tracks) == sorted(sounds)


async def test_a_sound_that_goes_meanwhile_is_unknown(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann, bob = await make_account("ann"), await make_account("bob")
    library = services.library
    playlist = (await library.playlists.create(bob, PlaylistChange("all"))).playlist_id
    for _ in range(8):
        sound_id = await make_sound(ann)
        answers = await asyncio.gather(
            library.votes.vote(bob, sound_id, 1),
            library.favorites.add(bob, sound_id),
            library.publishing.delete(ann, sound_id),
            library.plays.played(bob, "192.0.2.1", sound_id),
            library.playlists.add_track(bob, playlist, sound_id),
            return_exceptions=True,
        )
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        assert all(isinstance(failure, NotFound) for failure in failures), failures
    assert (await library.playlists.get(bob, playlist))[1] == []
