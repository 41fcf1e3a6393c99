"""`soundloom generate`: a sound without a server, a database or an account; or one that a server makes."""

import asyncio
import logging
import os
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.finish import FinishedAudio
from webapp.audio.marks import Marks
from webapp.audio.waveform import Waveform
from webapp.cli.continuing import ADDED_S, beginning_of
from webapp.cli.remote import RemoteServer
from webapp.engines.base import CancelToken, EngineError, EngineInfo, ModelLoadError
from webapp.engines.batch import generate_all
from webapp.engines.continuation import Continuation
from webapp.errors import InvalidRequest, ProductError
from webapp.ids import RandomIds
from webapp.policy.continuations import check_span
from webapp.policy.generation import GenerationChoice, parse_generation, parse_takes
from webapp.services.sources.upload_decoder import UploadDecoder
from webapp.settings import load_settings
from webapp.worker.engine_set import NO_WEIGHTS, EngineSet
from webapp.worker.making import finished_audio, generation_request
from webapp.worker.melodies import first_minute
from webapp.worker.sound_marks import marks_of


def generate(arguments: Namespace) -> int:
    """Write sounds to files and print what they are, or explain how the prompt is read."""
    if arguments.server:
        return _have_made(arguments)
    continuation = _continuation(arguments)
    choice = parse_generation(_body(arguments, continuation))
    takes = parse_takes({"takes": arguments.takes})
    path = Path(arguments.output) if arguments.output else None
    audio_format = _format(path) if path else None
    if path and not path.parent.is_dir():
        raise InvalidRequest(f"There is no folder {path.parent}")
    seed = RandomIds().seed() if choice.seed is None else choice.seed
    melody = _melody(Path(arguments.melody_from)) if arguments.melody_from else None
    if continuation is not None:
        _check_continuation(choice, continuation)
    if arguments.explain:
        return _explain(choice, seed)
    if path is None or audio_format is None:
        raise InvalidRequest("Name a file to write with --output, or ask for --explain")
    # What the models' manager logs for servers is told in one line here.
    logging.getLogger("webapp.engines").addHandler(logging.NullHandler())
    try:
        sounds, info = _make(choice.with_seed(seed).variations(takes), melody, continuation)
    except ModelLoadError as error:
        raise ProductError(f"{error.user_message}: {error}") from error
    except EngineError as error:
        raise ProductError(error.user_message) from error
    for number, (take, finished) in enumerate(sounds, start=1):
        file = _file_of(path, number, takes)
        seed = take.seed or 0
        marks = marks_of(info, take.prompt, seed, is_loop=take.is_loopable)
        _write(file, finished, audio_format, seed, marks)
        length_s, score = finished.waveform.duration_s, finished.report.score
        print(f"{file}: {length_s:g} s, {info.label}, seed {take.seed}, quality {score}")
    return 0


def _have_made(arguments: Namespace) -> int:
    """Have a server make the sounds, and write them to files."""
    if arguments.explain:
        raise InvalidRequest("--explain asks the engine here, not a server")
    path = Path(arguments.output)
    audio_format = _format(path)
    if not path.parent.is_dir():
        raise InvalidRequest(f"There is no folder {path.parent}")
    server = RemoteServer(arguments.server, sys.stdin.readline().strip() if arguments.token_stdin else "")
    fields = _body(arguments, None)
    if arguments.continue_from:
        fields["continue_from"] = {"generation_id": arguments.continue_from, "from_s": arguments.from_s}
    if arguments.takes is not None:
        fields["takes"] = arguments.takes
    jobs = server.submit(fields)
    for number, job_id in enumerate(jobs, start=1):
        job = server.finished(job_id)
        file = _file_of(path, number, len(jobs))
        server.save(job, audio_format, file)
        label, seed, score = job["engine_label"], job["seed"], job["quality_score"]
        length_s, sound_id = job["duration"], job["generation_id"]
        print(f"{file}: {length_s:g} s, {label}, seed {seed}, quality {score}, id {sound_id}")
    return 0


def _file_of(path: Path, number: int, takes: int) -> Path:
    """Return the file of one take: the one that was named, or numbered from 1."""
    return path if takes == 1 else path.with_stem(f"{path.stem}-{number}")


def _continuation(arguments: Namespace) -> Continuation | None:
    if arguments.continue_from:
        return beginning_of(Path(arguments.continue_from), arguments.from_s)
    if arguments.from_s is not None:
        raise InvalidRequest("--from needs a sound to go on from: name it with --continue-from")
    return None


def _check_continuation(choice: GenerationChoice, continuation: Continuation) -> None:
    if choice.is_loopable:
        raise InvalidRequest("A continuation cannot be loopable")
    kept_s = continuation.head.duration_s
    check_span(kept_s, kept_s, choice.duration_s)


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


def _body(arguments: Namespace, continuation: Continuation | None) -> dict[str, object]:
    """The arguments as the fields of a request, so that the same checks apply."""
    if continuation is not None and arguments.duration is None:
        arguments.duration = continuation.head.duration_s + ADDED_S
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


def _make(
    takes: Sequence[GenerationChoice], melody: Waveform | None, continuation: Continuation | None
) -> tuple[list[tuple[GenerationChoice, FinishedAudio]], EngineInfo]:
    """Return each take with its sound, and what made them; they are made side by side."""
    choice = takes[0]
    settings = load_settings()
    engines = EngineSet.from_settings(settings)
    if choice.model not in engines.status():
        raise ModelLoadError(engines.refusals().get(choice.model, NO_WEIGHTS))
    info = engines.info(choice.model)
    if choice.duration_s > info.max_duration_s:
        raise InvalidRequest(f"Duration must be at most {info.max_duration_s:g} seconds")
    if melody is not None and not info.melody:
        raise InvalidRequest(f"{info.label} cannot follow a melody with the model {choice.model}")
    if continuation is not None and not info.continues:
        raise InvalidRequest(f"The model {choice.model} cannot continue a sound")
    requests = [generation_request(take, take.seed or 0, melody, continuation) for take in takes]
    waveforms = generate_all(engines, requests, lambda _index, _share: None, CancelToken())
    sounds = [
        (take, finished_audio(take, waveform, continuation, target_lufs=settings.target_lufs))
        for take, waveform in zip(takes, waveforms, strict=True)
    ]
    return sounds, info


def _write(path: Path, finished: FinishedAudio, audio_format: AudioFormat, seed: int, marks: Marks) -> None:
    """Write aside and rename, so that a file which was there is replaced by a whole one or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    aside = Path(name)
    try:
        write_audio(
            aside,
            finished.waveform,
            audio_format,
            dither_seed=seed,
            marks=marks,
            exact_frames=finished.kept_frames,
        )
        aside.chmod(0o666 & ~_umask())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
