"""What an account may take along tells what it did in the library too."""

import json

from tests.factories import MakeAccount
from tests.library.conftest import MakeSound
from webapp.policy.library.fields import PlaylistChange, SoundChange
from webapp.services.container import Services


async def test_an_account_takes_along_what_it_did_in_the_library(
    services: Services, make_account: MakeAccount, make_sound: MakeSound
) -> None:
    ann, bob = await make_account("ann"), await make_account("bob")
    mine = await make_sound(ann, "my rain", is_public=False, title="Mine", tags=("wet",))
    seen, taken_back = await make_sound(bob, "seen"), await make_sound(bob, "not any more")
    library = services.library
    playlist = await library.playlists.create(ann, PlaylistChange("Night"))
    for sound_id in (taken_back, seen, mine):
        await library.votes.vote(ann, sound_id, 1)
        await library.favorites.add(ann, sound_id)
        await library.playlists.add_track(ann, playlist.playlist_id, sound_id)
    await library.publishing.change(bob, taken_back, SoundChange(is_public=False))

    exported = await services.accounts.registry.export(ann.account_id)

    assert [(item["generation_id"], item["title"], item["is_public"]) for item in exported["library"]] == [
        (mine, "Mine", False)
    ]
    for part in ("votes", "favorites", "playlist_tracks"):
        assert [entry["generation_id"] for entry in exported[part]] == [seen, mine], part
    assert [(entry["name"], entry["is_shared"]) for entry in exported["playlists"]] == [("Night", False)]
    assert exported["spoken_texts"] == []
    assert taken_back not in json.dumps(exported)
