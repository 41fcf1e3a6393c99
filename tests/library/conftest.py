"""Sounds in the library, for tests of the services and over the API."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.api.conftest import ann, anybody, app, hand, make_user  # noqa: F401 fixtures, found by their names here
from tests.factories import FACTS, choice
from webapp.policy.library.fields import SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

MakeSound = Callable[..., Awaitable[str]]
FILES = ("sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "spectrogram.png")
WORKER = "b" * 12


@pytest.fixture
def make_sound(services: Services) -> MakeSound:
    """Makes finished sounds: `await make_sound(identity, "rain", is_public=True)`; returns their ids."""

    async def make(
        owner: Identity,
        prompt: str = "rain",
        *,
        is_public: bool = True,
        title: str | None = None,
        tags: tuple[str, ...] | None = None,
        duration_s: float = 8.0,
        model: str = "music",
        **facts: Any,
    ) -> str:
        await services.queue.submissions.submit(owner, choice(prompt, duration_s=duration_s, model=model))
        claim = await services.queue.leases.claim(WORKER)
        assert claim is not None
        staged = services.storage.staging_folder()
        for name in FILES:
            (staged / name).write_bytes(name.encode())
        await services.storage.publish(claim.storage_key, staged)
        await services.queue.leases.complete(claim, replace(FACTS, duration_s=duration_s, **facts))
        change = SoundChange(title=title, tags=tags, is_public=is_public)
        await services.library.publishing.change(owner, claim.generation_id, change)
        return claim.generation_id

    return make
