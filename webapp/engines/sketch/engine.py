"""The sketch engine: plain rules and arithmetic behind the engine protocol."""

from dataclasses import replace

from webapp.audio.waveform import Waveform, frame_count
from webapp.engines.base import EngineInfo, GenerationTask, RequestNotSupported, TaskSource
from webapp.engines.batch import run_task
from webapp.engines.sketch.plan import Plan
from webapp.engines.sketch.prompt import read_prompt
from webapp.engines.sketch.render import render
from webapp.engines.sketch.synthesis import SAMPLE_RATE

MODELS = ("music", "audio", "magnet")
MAX_DURATION_S = 180.0
# Room for a loop's overlap beyond the longest clip.
_MAX_RENDERED_S = MAX_DURATION_S + 10.0
_FREE_TEMPO_CHANGE, _EXACT_TEMPO_CHANGE = 0.12, 0.01


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
        )

    def load(self, model: str) -> None:
        self._require(model)

    def unload(self, model: str) -> None:
        self._require(model)

    def serve(self, model: str, source: TaskSource) -> None:
        """Render one task after the other; sampling settings have no meaning here and change nothing."""
        self._require(model)
        while tasks := source.take(1):
            for task in tasks:
                run_task(task, self._render)

    def _render(self, task: GenerationTask) -> Waveform:
        request, cancel = task.request, task.cancel
        self._require(request.model)
        if not 0 < request.duration_s <= _MAX_RENDERED_S:
            raise RequestNotSupported(f"{request.duration_s} s is outside 0 to {_MAX_RENDERED_S} s")
        if not 0 <= request.loop_overlap_s < request.duration_s:
            raise RequestNotSupported(f"an overlap of {request.loop_overlap_s} s does not fit the sound")

        def after_step(share: float) -> None:
            cancel.raise_if_cancelled()
            task.progressed(share)

        cancel.raise_if_cancelled()
        plan = read_prompt(request.prompt, request.model, request.seed)
        looped = request.loop_overlap_s > 0
        if looped:
            plan = _fitted_to_loop(plan, request.duration_s - request.loop_overlap_s)
        frames = max(1, frame_count(request.duration_s, SAMPLE_RATE))
        return render(plan, frames, with_ending=not looped, after_step=after_step)

    def _require(self, model: str) -> None:
        if model not in MODELS:
            raise RequestNotSupported(f"sketch does not serve {model!r}")


def _fitted_to_loop(plan: Plan, loop_s: float) -> Plan:
    """Bend the tempo a little so that whole bars, or at least whole beats, fill the loop."""
    limit = _EXACT_TEMPO_CHANGE if plan.exact_tempo else _FREE_TEMPO_CHANGE
    for unit_beats in (plan.beats_per_bar, 1):
        units = max(1, round(loop_s / (plan.beat_s * unit_beats)))
        tempo_bpm = units * unit_beats * 60 / loop_s
        if abs(tempo_bpm / plan.tempo_bpm - 1) <= limit:
            return replace(plan, tempo_bpm=tempo_bpm)
    return plan
