"""The sketch engine: plain rules and arithmetic behind the engine protocol."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from webapp.audio.waveform import Samples, Waveform, frame_count
from webapp.engines.base import (
    EngineInfo,
    GenerationRequest,
    GenerationTask,
    MelodyNotFollowed,
    NoMelodyHeard,
    RequestNotSupported,
    TaskSource,
    Understanding,
)
from webapp.engines.batch import run_task
from webapp.engines.continuation import Continuation
from webapp.engines.sketch.abilities import ABILITIES
from webapp.engines.sketch.continuing import render_continued
from webapp.engines.sketch.effects.render import SAMPLE_RATE
from webapp.engines.sketch.hearing.motif import Motif, hear_motif
from webapp.engines.sketch.mixing import render_plan, section_count
from webapp.engines.sketch.music.instruments.samples import sample_library
from webapp.engines.sketch.music.request import MusicRequest
from webapp.engines.sketch.understanding.outline import outline
from webapp.engines.sketch.understanding.plan import Plan, Scene
from webapp.engines.sketch.understanding.reading import read_prompt

MODELS = ("music", "audio", "magnet")
MELODIC_MODELS = ("music", "magnet")
MAX_DURATION_S = 180.0
# Room for a loop's overlap beyond the longest clip.
_MAX_RENDERED_S = MAX_DURATION_S + 10.0


class SketchEngine:
    """Rule-based synthesis in NumPy. There is no model: nothing to download, load or unload."""

    name = "sketch"
    models = MODELS

    def info(self, model: str) -> EngineInfo:
        self._require(model)
        return EngineInfo(
            engine=self.name,
            label="sketch: rule-based, no model",
            model=model,
            max_duration_s=MAX_DURATION_S,
            sample_rate=SAMPLE_RATE,
            channels=2,
            licence="",
            max_batch=1,
            needs_load=False,
            abilities=ABILITIES[model],
            melody=model in MELODIC_MODELS,
            continues=True,
            streams=True,
        )

    def load(self, model: str) -> None:
        self._require(model)

    def unload(self, model: str) -> None:
        self._require(model)

    def explain(self, request: GenerationRequest) -> Understanding:
        plan = self._plan(request)
        return Understanding(
            understood=tuple((finding.text, finding.meaning) for finding in plan.understood),
            unknown=plan.unknown,
            outline=(*outline(plan), *_said_of_samples(plan)),
            is_empty=plan.is_empty,
        )

    def _plan(self, request: GenerationRequest) -> Plan:
        self._require(request.model)
        return read_prompt(request.prompt, request.model, request.seed)

    def serve(self, model: str, source: TaskSource) -> None:
        """Render one task after the other; sampling settings have no meaning here and change nothing."""
        self._require(model)
        while tasks := source.take(1):
            for task in tasks:
                run_task(task, self._render)

    def _render(self, task: GenerationTask) -> Waveform:
        request, cancel = task.request, task.cancel
        if not 0 < request.duration_s <= _MAX_RENDERED_S:
            raise RequestNotSupported(f"{request.duration_s} s is outside 0 to {_MAX_RENDERED_S} s")
        if not 0 <= request.loop_overlap_s < request.duration_s:
            raise RequestNotSupported(f"an overlap of {request.loop_overlap_s} s does not fit the sound")
        cancel.raise_if_cancelled()
        if request.continuation is not None:
            return _continued(task, request.continuation)
        looped = request.loop_overlap_s > 0
        plan = self._plan(request)
        if request.melody is not None:
            plan = _with_motif(plan, _heard(request.melody, request.model))
        if looped:
            plan = _fitted_to_loop(plan, request.duration_s - request.loop_overlap_s)
        frames = max(1, frame_count(request.duration_s, SAMPLE_RATE))
        total = section_count(frames)
        sections: list[Samples] = []
        for section in render_plan(plan, frames, with_ending=not looped):
            cancel.raise_if_cancelled()
            sections.append(section)
            task.streamed(Waveform(section, SAMPLE_RATE))
            task.progressed(len(sections) / total)
        return Waveform(np.concatenate(sections, axis=1), SAMPLE_RATE)

    def _require(self, model: str) -> None:
        if model not in MODELS:
            raise RequestNotSupported(f"sketch does not serve {model!r}")


def _heard(melody: Waveform, model: str) -> Motif:
    """Hear the motif of a sound. Raises MelodyNotFollowed and NoMelodyHeard."""
    if model not in MELODIC_MODELS:
        raise MelodyNotFollowed
    motif = hear_motif(melody)
    if motif is None:
        raise NoMelodyHeard
    return motif


def _with_motif(plan: Plan, motif: Motif) -> Plan:
    """Have all music of a plan play a motif; a plan without music gets some in its first scene."""
    scenes = plan.scenes or (Scene(),)
    if all(scene.music is None for scene in scenes):
        scenes = (replace(scenes[0], music=MusicRequest()), *scenes[1:])
    return replace(
        plan,
        scenes=tuple(
            replace(scene, music=replace(scene.music, motif=motif)) if scene.music else scene
            for scene in scenes
        ),
    )


def _continued(task: GenerationTask, continuation: Continuation) -> Waveform:
    def rendered(done: int, frames: int) -> None:
        task.cancel.raise_if_cancelled()
        task.progressed(done / frames)

    waveform = render_continued(task.request, continuation, rendered)
    task.streamed(Waveform(waveform.samples, waveform.sample_rate))
    return waveform


def _said_of_samples(plan: Plan) -> Iterator[str]:
    """Say it when music is played with less than it could be."""
    if any(scene.music for scene in plan.scenes) and not sample_library().has_samples:
        yield "The samples are missing, so sketch plays with its own tones alone; set-up brings them."


def _fitted_to_loop(plan: Plan, loop_s: float) -> Plan:
    """Tell the music of every scene how long the loop is, so that whole bars can fill it."""
    scenes = tuple(
        replace(scene, music=replace(scene.music, loop_s=loop_s))
        if scene.music and len(plan.scenes) == 1
        else scene
        for scene in plan.scenes
    )
    return replace(plan, scenes=scenes)
