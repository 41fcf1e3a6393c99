"""`soundloom voices …`."""

import sys
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from webapp.cli._context import operator, with_services
from webapp.cli._progress import gigabytes, output
from webapp.cli._table import print_table
from webapp.clock import SystemClock
from webapp.engines.speech import hibari_published, kokoro_published
from webapp.engines.speech.base import Refused, Voice
from webapp.engines.speech.engine import SpeechEngine
from webapp.engines.speech.installed import NO_PIPER as NO_PIPER_REASON
from webapp.engines.speech.installed import InstalledVoices
from webapp.engines.speech.piper_voices import is_installed, voices_in
from webapp.errors import InvalidRequest
from webapp.services.container import Services, make_data_folder
from webapp.settings import load_settings
from webapp.weights.known_voices import KnownVoice, KnownVoicePull, remove_known_voice
from webapp.weights.pull import PullEnvironment
from webapp.weights.sources import open_source
from webapp.weights.voices import VoiceFiles, VoicePull, existing_voice_files, remove_voice, voice_files

COLUMNS = ("VOICE", "LANGUAGE", "QUALITY", "NAME", "LICENCE", "COMMERCIAL USE")
COMMERCIAL_USE = {True: "yes", False: "no", None: "unclear"}
EXIT_REFUSED = 1
MB = 1_000_000
NO_PIPER = "Piper is not installed, so its voices do not speak yet: pip install piper-tts (GPL-3.0)"


def show(_arguments: Namespace) -> int:
    """List the voices that a speech worker on this machine has."""
    folder = load_settings().voices_path
    engine = SpeechEngine(folder)
    engine.close()
    idle = [] if is_installed() else voices_in(folder)
    print_table(COLUMNS, [_row(voice) for voice in (*engine.voices, *idle)])
    _tell_refused([one for one in engine.refused if one.reason != NO_PIPER_REASON])
    if idle:
        print(NO_PIPER, file=sys.stderr)
    return 0


def _tell_refused(refused: Iterable[Refused]) -> None:
    for one in refused:
        name = one.name.encode(errors="backslashreplace").decode()
        print(f"soundloom: the voice {name} cannot speak: {one.reason}", file=sys.stderr)


def pull(arguments: Namespace) -> int:
    """Fetch voices, once their licence is accepted."""
    with output("text") as told:
        settings = load_settings()
        known = _known(settings.voices_path)
        voices = [known.get(name) or voice_files(name, settings.voices_path) for name in arguments.names]
        source = open_source(arguments.source or settings.models_url)
        if not settings.models_dir:
            # Where everything is kept private.
            make_data_folder(settings)
        environment = PullEnvironment(
            settings.disk_reserve_mb * MB, time.sleep, time.monotonic, SystemClock().now_ms, operator()
        )
        for voice in voices:
            if voice.is_installed:
                told.ended("installed", f"{voice.name} was installed already")
                continue
            voice_pull = (
                KnownVoicePull(voice, source, environment, told.tell)
                if isinstance(voice, KnownVoice)
                else VoicePull(voice, source, environment, told.tell)
            )
            card = voice_pull.fetch_licence_card()
            if not arguments.accept_licence:
                _ask_for_acceptance(voice.name, card)
            voice_pull.run()
            told.ended("installed", f"{voice.name} is installed in {voice.folder}")
    if not is_installed() and any(isinstance(voice, VoiceFiles) for voice in voices):
        print(NO_PIPER, file=sys.stderr)
        return told.exit_code
    of_these = [one for one in _refused_in(settings.voices_path) if one.name in arguments.names]
    _tell_refused(of_these)
    return EXIT_REFUSED if of_these else told.exit_code


def _known(folder: Path) -> dict[str, KnownVoice]:
    """Return the published voices by id whose files are known beforehand."""
    return hibari_published.fetchable_voices(folder) | kokoro_published.fetchable_voices(folder)


def _refused_in(folder: Path) -> list[Refused]:
    return InstalledVoices(folder).scan(has_piper=True)[1]


def take_away(arguments: Namespace) -> int:
    """Delete voices, and their samples."""
    folder = load_settings().voices_path
    known = _known(folder)
    for voice in [known.get(name) or existing_voice_files(name, folder) for name in arguments.names]:
        freed_bytes = (
            remove_known_voice(voice, known.values())
            if isinstance(voice, KnownVoice)
            else remove_voice(voice)
        )
        with_services(_forgets(voice.name))
        print(f"{voice.name} is removed; {gigabytes(freed_bytes)} freed")
    return 0


def _forgets(name: str) -> Callable[[Services], Awaitable[None]]:
    async def forget(services: Services) -> None:
        await services.speech.requests.forget_sample(name)

    return forget


def _ask_for_acceptance(name: str, card: str) -> None:
    """Show the card, and ask whoever is at the terminal. Raises InvalidRequest when it is not accepted."""
    print(f"{name}:\n{card}", file=sys.stderr)
    if not sys.stdin.isatty():
        raise InvalidRequest("Nothing was fetched: accept the voice's licence with --accept-licence")
    print("Do you accept its licence? [yes/no] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidRequest("Nothing was fetched: the licence was not accepted")


def _row(voice: Voice) -> tuple[str, ...]:
    allowed = COMMERCIAL_USE[voice.commercial_use]
    return voice.voice_id, voice.language, voice.quality, voice.name, voice.license, allowed
