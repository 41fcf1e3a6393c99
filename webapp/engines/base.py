"""The interface between the worker and an engine.

Engines are synchronous: one thread owns an engine and calls it, so that a model's state never has two
users. Every failure is one of these, and carries a text that can be shown to a person as it is::

    EngineError
    ├── GenerationCancelled   the caller asked to stop
    ├── RequestNotSupported   this engine cannot serve such a request
    ├── ModelLoadError        a model could not be made ready
    ├── EngineOutOfMemory     memory ran out; the same request may succeed later
    ├── DeviceLost            this process cannot use its device any more, and has to end
    └── GenerationFailed      anything else that went wrong while generating
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from webapp.audio.waveform import Waveform
from webapp.engines.continuation import Continuation

ProgressCallback: TypeAlias = Callable[[int, float], None]
"""Called with a request's index in its batch and the share of its work that is done, 0 to 1, never
decreasing."""


class EngineError(Exception):
    """Base of all engine failures; ``user_message`` is plain language without internals."""

    user_message = "The sound could not be generated"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.user_message)


class GenerationCancelled(EngineError):
    user_message = "Generation was cancelled"


class RequestNotSupported(EngineError):
    user_message = "This engine cannot generate such a sound"


class MelodyNotFollowed(RequestNotSupported):
    user_message = "This model cannot follow a melody"


class NoMelodyHeard(RequestNotSupported):
    user_message = "No melody could be heard in the sound that was given"


class ModelLoadError(EngineError):
    user_message = "The model could not be loaded"


class EngineOutOfMemory(EngineError):
    user_message = "GPU memory exhausted"


class DeviceLost(EngineError):
    """The device refuses all further work of this process; another process may use it."""


class GenerationFailed(EngineError):
    user_message = "Something went wrong while generating"


class CancelToken:
    """Requests a running generation to stop; may be set from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise GenerationCancelled once :meth:`cancel` was called."""
        if self._event.is_set():
            raise GenerationCancelled


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling settings for neural models; None leaves a setting to the model."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One sound to generate. The same request gives the same samples, in any batch.

    ``duration_s`` includes the overlap of a loop. A ``loop_overlap_s`` above 0 means that this many seconds
    at the end will be crossfaded into the start: the sound should then continue without an ending, and may
    make its beats fit the rest. ``melody`` is a sound whose melody the new one follows; an engine whose
    ``EngineInfo.melody`` is false raises MelodyNotFollowed.

    With a ``continuation`` the sound begins as that one does and goes on from its end; ``duration_s`` is that
    of the whole. The beginning need only resemble it: whoever finishes the sound puts the original in its
    place, and brings the rest to its level. There is no loop then.
    """

    prompt: str
    duration_s: float
    model: str
    seed: int
    sampling: Sampling = field(default_factory=Sampling)
    loop_overlap_s: float = 0.0
    melody: Waveform | None = None
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True)
class Understanding:
    """A rule-based engine's reading of a prompt.

    ``understood`` pairs chunks of the prompt, as typed, with their meanings; ``unknown`` are the words that
    changed nothing. ``outline`` describes the plan in lines for people. ``is_empty`` means that the prompt
    names nothing that the engine can make, and the sound is only a substitute.
    """

    understood: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    outline: tuple[str, ...]
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """An engine's abilities with one model, as texts for people.

    ``good_at`` is a phrase. A proposal is ``idea_form`` filled with one entry of each of ``idea_parts``; the
    engine can make every combination.
    """

    good_at: str
    idea_form: str
    idea_parts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The facts about an engine with one model.

    ``label`` names the engine wherever a person sees it. ``max_duration_s`` is the longest clip, an
    overlap not included. ``checkpoint`` names the weights, empty for an engine that has none;
    ``memory_bytes`` is roughly their size in memory, 0 if unknown. ``device`` is torch's name of the device:
    `cpu`, `cuda:0`, `mps`. ``sampling`` are the default settings, by the request's names; empty if the engine
    has none. ``precision`` is that of a loaded model, and ``precision_note`` the reason for it; empty before.
    ``abilities`` is None for an engine that does not describe them. ``melody``: it can follow a melody;
    ``melody_note`` is what limits that, empty if nothing does. ``continues``: it can continue a sound;
    ``streams``: its chunks come while it generates.
    """

    engine: str
    label: str
    model: str
    max_duration_s: float
    sample_rate: int
    channels: int
    licence: str
    max_batch: int
    needs_load: bool
    checkpoint: str = ""
    memory_bytes: int = 0
    device: str = "cpu"
    sampling: Mapping[str, float] = field(default_factory=dict)
    precision: str = ""
    precision_note: str = ""
    abilities: Abilities | None = None
    melody: bool = False
    melody_note: str = ""
    continues: bool = False
    streams: bool = False


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where an engine finds its models, and how it computes.

    ``checkpoints`` names a checkpoint for a model; a model that is not in it gets the default one.
    ``threads`` is how many threads an engine may use, 0 for its own choice.
    """

    models_dir: Path = Path("models")
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0


class GenerationTask(Protocol):
    """One request that an engine runs. The engine's thread calls it; every task that was taken ends in
    one call of `finished` or `failed`."""

    @property
    def request(self) -> GenerationRequest: ...

    @property
    def cancel(self) -> CancelToken:
        """Return the token that is checked between steps; a cancelled task fails with GenerationCancelled."""
        ...

    def progressed(self, share: float) -> None:
        """Report which share of the work is done, 0 to 1, never decreasing."""
        ...

    def streamed(self, chunk: Waveform) -> None:
        """Hand over the next chunk of the sound as soon as it is final; an engine need not stream.

        The chunks of a task, joined, are the beginning of the waveform that `finished` receives.
        """
        ...

    def finished(self, waveform: Waveform) -> None:
        """Hand over the whole sound, of the request's duration to within one codec frame.

        It may be a :class:`webapp.engines.continuation.MadeWaveform`, with what a continuation will need.
        """
        ...

    def failed(self, error: EngineError) -> None:
        """End the task without a sound."""
        ...


class TaskSource(Protocol):
    """The source of the tasks of the model that an engine serves."""

    def take(self, limit: int) -> Sequence[GenerationTask]:
        """Return at most `limit` further tasks, in the order of service; maybe none. Never blocks."""
        ...


class Engine(Protocol):
    """Turns prompts into sounds."""

    @property
    def name(self) -> str: ...

    @property
    def models(self) -> tuple[str, ...]:
        """The models this engine can serve, of music, audio and magnet."""
        ...

    def info(self, model: str) -> EngineInfo:
        """Raises RequestNotSupported for a model that the engine does not serve."""
        ...

    def load(self, model: str) -> None:
        """Make ``model`` ready; does nothing if it is ready.

        Raises ModelLoadError, EngineOutOfMemory, DeviceLost.
        """
        ...

    def unload(self, model: str) -> None:
        """Release the memory of ``model``; does nothing if it is not loaded."""
        ...

    def serve(self, model: str, source: TaskSource) -> None:
        """Generate tasks of one model, until all have ended and the source gives no more.

        At most `EngineInfo.max_batch` tasks run at a time. Engines with continuous batching take further
        tasks between two steps, so they call the source often. An error of one task fails that task alone.
        Raises ModelLoadError or EngineOutOfMemory if the model cannot be loaded, before any task is taken.
        Raises DeviceLost at any time: tasks that were taken are then neither finished nor failed, and have to
        be queued again.
        """
        ...


@runtime_checkable
class ExplainsPrompts(Protocol):
    """An engine that can explain how it reads a prompt."""

    def explain(self, request: GenerationRequest) -> Understanding:
        """Explain the reading of a request's prompt. Raises RequestNotSupported."""
        ...
