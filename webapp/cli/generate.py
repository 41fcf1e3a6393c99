"""`soundloom generate`: a sound without a server, a database or an account."""

import asyncio
import logging
import os
import shutil
import tempfile
from argparse import Namespace
from pathlib import Path

from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.finish import FinishedAudio, finish
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, EngineError, ModelLoadError
from webapp.engines.batch import generate_all
from webapp.errors import InvalidRequest, ProductError
from webapp.ids import RandomIds
from webapp.policy.generation import GenerationChoice, parse_generation
from webapp.services.library.upload_decoder import UploadDecoder
from webapp.settings import load_settings
from webapp.worker.engine_set import NO_WEIGHTS, EngineSet
from webapp.worker.making import generation_request
from webapp.worker.melodies import first_minute


def generate(arguments: Namespace) -> int:
    """Write one sound to a file and print what it is, or explain how the prompt is read."""
    choice = parse_generation(_body(arguments))
    path = Path(arguments.output) if arguments.output else None
    audio_format = _format(path) if path else None
    if path and not path.parent.is_dir():
        raise InvalidRequest(f"There is no folder {path.parent}")
    seed = RandomIds().seed() if choice.seed is None else choice.seed
    melody = _melody(Path(arguments.melody_from)) if arguments.melody_from else None
    if arguments.explain:
        return _explain(choice, seed)
    if path is None or audio_format is None:
        raise InvalidRequest("Name a file to write with --output, or ask for --explain")
    # What the models' manager logs for servers is told in one line here.
    logging.getLogger("webapp.engines").addHandler(logging.NullHandler())
    try:
        finished, label = _make(choice, seed, melody)
    except ModelLoadError as error:
        raise ProductError(f"{error.user_message}: {error}") from error
    except EngineError as error:
        raise ProductError(error.user_message) from error
    _write(path, finished, audio_format, seed)
    print(
        f"{path}: {finished.waveform.duration_s:g} s, {label}, seed {seed}, quality {finished.report.score}"
    )
    return 0


def _explain(choice: GenerationChoice, seed: int) -> int:
    """Print what the engine makes of the prompt, and make no sound."""
    engines = EngineSet.from_settings(load_settings())
    understanding = engines.explain(generation_request(choice, seed))
    if understanding is None:
        print(f"{engines.info(choice.model).label} does not tell how it reads a prompt.")
        return 0
    for text, meaning in understanding.understood:
        print(f"{text} -> {meaning}")
    for line in understanding.outline:
        print(line)
    return 0


def _body(arguments: Namespace) -> dict[str, object]:
    """The arguments as the fields of a request, so that the same checks apply."""
    fields = {"prompt": arguments.prompt, "loopable": arguments.loopable}
    optional = {"duration": arguments.duration, "model": arguments.model, "seed": arguments.seed}
    return fields | {name: value for name, value in optional.items() if value is not None}


def _format(path: Path) -> AudioFormat:
    try:
        return AudioFormat(path.suffix.removeprefix(".").lower())
    except ValueError as error:
        known = ", ".join(f".{audio_format}" for audio_format in AudioFormat)
        raise InvalidRequest(f"The file's name must end in one of {known}") from error


def _melody(path: Path) -> Waveform:
    """Read a sound of any kind that the server takes in, in a process with the same limits."""
    if not path.is_file():
        raise InvalidRequest(f"There is no file {path}")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "arriving.in"), Path(folder, "sound.flac")
        shutil.copyfile(path, source)
        asyncio.run(UploadDecoder().decode(source, target))
        return first_minute(target)


def _make(choice: GenerationChoice, seed: int, melody: Waveform | None) -> tuple[FinishedAudio, str]:
    settings = load_settings()
    engines = EngineSet.from_settings(settings)
    if choice.model not in engines.status():
        raise ModelLoadError(engines.refusals().get(choice.model, NO_WEIGHTS))
    info = engines.info(choice.model)
    if choice.duration_s > info.max_duration_s:
        raise InvalidRequest(f"Duration must be at most {info.max_duration_s:g} seconds")
    if melody is not None and not info.melody:
        raise InvalidRequest(f"{info.label} cannot follow a melody with the model {choice.model}")
    request = generation_request(choice, seed, melody)
    (waveform,) = generate_all(engines, [request], lambda _index, _share: None, CancelToken())
    finished = finish(
        waveform,
        duration_s=choice.duration_s,
        loopable=choice.is_loopable,
        target_lufs=settings.target_lufs,
    )
    return finished, info.label


def _write(path: Path, finished: FinishedAudio, audio_format: AudioFormat, seed: int) -> None:
    """Write aside and rename, so that a file which was there is replaced by a whole one or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    aside = Path(name)
    try:
        write_audio(aside, finished.waveform, audio_format, dither_seed=seed)
        aside.chmod(0o666 & ~_umask())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
