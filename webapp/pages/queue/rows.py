"""The queue's jobs, models and workers as a viewer sees them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from webapp.pages.frame import words
from webapp.pages.frame.texts import N_, Texts, _, counted, forms
from webapp.pages.queue.contexts import Counts, ModelLine, QueueRow, WorkerLine
from webapp.policy.generation import MODELS
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.job_actions import AdminAction, JobState, possible_actions
from webapp.policy.queue.skip_prices import SkipPrice, skip_cost
from webapp.services.accounts.identity import Identity
from webapp.services.admin.queue_overview import GoneJob
from webapp.services.queue.views import QueuedJob, QueueSnapshot
from webapp.services.workers.status import StatusReport
from webapp.services.workers.workers import WorkerInfo

REASONS: Final = Texts(
    {
        "moved": N_("Moved ahead by an admin"),
        "skipped": N_("Paid to skip ahead"),
        "starving": N_("Waited past its limit"),
        "loaded": N_("Its model is loaded"),
    }
)
WORKER_STATES: Final = Texts(
    {
        "starting": N_("Starting"),
        "idle": N_("Ready, waiting for work"),
        "busy": N_("Generating"),
        "draining": N_("Draining: takes no more jobs"),
        "stopping": N_("Stopping"),
    }
)


def queue_row(
    job: QueuedJob,
    viewer: Identity | None,
    now_ms: int,
    prices: Sequence[SkipPrice],
    owner: str | None = None,
    balance: int = 0,
) -> QueueRow:
    """One line of the queue; `owner` is for admins, `balance` the viewer's Aura."""
    is_own = viewer is not None and job.account_id == viewer.account_id
    is_admin = viewer is not None and viewer.is_admin
    return QueueRow(
        job_id=job.job_id,
        position=job.position,
        status=job.status,
        model=job.model,
        duration_s=job.duration_s,
        tier=job.tier,
        created_ms=job.created_ms,
        progress_pct=job.progress_pct,
        expected_start=_expected_start(job, now_ms),
        start=job.start,
        sure_start_ms=words.sure_start_ms(job.start, now_ms),
        reason=reason_words(job),
        starves_ms=job.starves_ms if job.reason == "tier" and _has_jobs_ahead(job) else None,
        is_own=is_own,
        skip_place=job.skip_place,
        skip_cost=skip_cost(job.duration_s, prices),
        prompt=job.prompt if is_own or is_admin else None,
        variation=job.variation if is_own or is_admin else "",
        owner=owner if is_admin else None,
        actions=_actions(job) if is_admin else (),
        balance=balance if is_own else 0,
        is_audible=is_own and job.status == "processing" and job.live.is_audible,
    )


def _gpu(figures: dict[str, Any]) -> str:
    used, total = f"{figures['memory_used_gb']:g}", f"{figures['memory_total_gb']:g}"
    return _("%(name)s, %(used)s of %(total)s GB", name=figures["name"], used=used, total=total)


def gone_row(job: GoneJob, viewer: Identity, now_ms: int) -> QueueRow:
    """One line of the jobs that failed or were cancelled, as an admin sees it."""
    actions: tuple[AdminAction, ...] = ()
    if job.can_return:
        actions = ("retry",) if job.status == "failed" else ("restore",)
    ended = f"{words.STATUS_NAMES[job.status]} {words.ago(job.finished_ms, now_ms)}"
    return QueueRow(
        job_id=job.job_id,
        position=None,
        status=job.status,
        model=job.model,
        duration_s=job.duration_s,
        tier=job.tier,
        created_ms=job.created_ms,
        progress_pct=0,
        expected_start="–",
        reason=job.error or ended,
        is_own=job.account_id == viewer.account_id,
        skip_place=None,
        skip_cost=0,
        prompt=job.prompt,
        owner=job.owner,
        variation=job.variation,
        actions=actions,
    )


def queue_counts(snapshot: QueueSnapshot) -> Counts:
    """The numbers above the queue."""
    waiting = [job.model for job in snapshot.jobs if job.status == "queued"]
    return Counts(
        processing=len(snapshot.jobs) - len(waiting),
        waiting=len(waiting),
        waiting_by_model=tuple(sorted(Counter(waiting).items())),
        is_paused=snapshot.is_paused,
    )


def model_lines(
    report: StatusReport, snapshot: QueueSnapshot, pinned: frozenset[str] = frozenset()
) -> tuple[ModelLine, ...]:
    """Every model that makes sounds of prompts."""
    numbers = Counter((job.model, job.status) for job in snapshot.jobs)
    last = {model: _last_start(snapshot, model) for model in MODELS}
    return tuple(
        ModelLine(
            name=model,
            state=report.models[model],
            label=engine.label if engine else "",
            waiting=numbers[model, "queued"],
            processing=numbers[model, "processing"],
            last_start=words.starting(last[model], snapshot.read_ms) if last[model] else "",
            sure_start_ms=words.sure_start_ms(last[model], snapshot.read_ms),
            is_pinned=model in pinned,
            error=engine.error if engine else "",
            memory_bytes=engine.memory_mb * 1_000_000 if engine else 0,
            needs_load=engine is not None and engine.needs_load,
        )
        for model, engine in ((model, report.engines.get(model)) for model in MODELS)
    )


def worker_lines(workers: Iterable[WorkerInfo], *, can_steer: bool = False) -> tuple[WorkerLine, ...]:
    """The workers in the order in which they started."""
    return tuple(_worker(number, worker, can_steer=can_steer) for number, worker in enumerate(workers, 1))


def _worker(number: int, worker: WorkerInfo, *, can_steer: bool) -> WorkerLine:
    return WorkerLine(
        number=number,
        device=worker.device,
        state=worker.state,
        state_text=WORKER_STATES[worker.state],
        serves=_serves(worker.report.get("models", {})),
        gpu=_gpu(gpu) if (gpu := worker.report.get("gpu")) else "",
        memory_percent=gpu.get("memory_percent") if gpu else None,
        worker_id=worker.worker_id if can_steer else None,
        place=_("%(host)s, process %(number)s", host=worker.host, number=worker.pid) if can_steer else "",
        refused=_refused(worker.report) if can_steer else (),
        kind=worker.kind,
    )


def _refused(report: Mapping[str, Any]) -> tuple[str, ...]:
    """The voices that a speech worker has and cannot speak with, in words."""
    return tuple(
        _("The voice %(name)s cannot speak: %(reason)s", name=one["name"], reason=one["reason"])
        for one in report.get("refused_voices", ())
    )


def reason_words(job: QueuedJob) -> str:
    """Why a job stands where it does, with what goes before it."""
    if job.reason is None:
        return _("Being generated")
    if job.reason != "tier":
        return REASONS[job.reason]
    ahead = job.ahead
    parts = [
        counted(number, *what)
        for number, what in (
            (
                ahead.front,
                forms(
                    "%(number)s job that skipped ahead or has waited long",
                    "%(number)s jobs that skipped ahead or have waited long",
                ),
            ),
            (ahead.better, forms("%(number)s job of a higher tier", "%(number)s jobs of higher tiers")),
            (ahead.same, forms("%(number)s job of the same tier", "%(number)s jobs of the same tier")),
        )
        if number
    ]
    if not parts:
        return _("Next to run")
    return _("After %(jobs)s.", jobs=", ".join(parts))


def _has_jobs_ahead(job: QueuedJob) -> bool:
    return any((job.ahead.front, job.ahead.better, job.ahead.same))


def _last_start(snapshot: QueueSnapshot, model: str) -> Start | None:
    starts = [job.start for job in snapshot.jobs if job.model == model and job.start]
    return max(starts, key=lambda start: start.at_ms, default=None)


def _expected_start(job: QueuedJob, now_ms: int) -> str:
    if job.status == "processing":
        return words.left(job, now_ms) or _("started")
    return _("when the queue resumes") if job.is_held else words.starting(job.start, now_ms)


def _actions(job: QueuedJob) -> tuple[AdminAction, ...]:
    state = JobState(job.status, is_front=job.priority == "skipped", is_moved=job.reason == "moved")
    return possible_actions(state)


def _serves(models: Mapping[str, Any]) -> str:
    """Return the models that a worker has ready, of those that it reports."""
    if "tts" in models:
        return words.MODEL_NAMES["voice"]
    ready = {name: entry for name, entry in models.items() if entry["state"] == "ready"}
    names = ", ".join(words.MODEL_NAMES[name] for name in ready)
    if not names:
        return _("No model loaded")
    is_loaded = any(entry.get("needs_load", True) for entry in ready.values())
    return _("%(models)s loaded", models=names) if is_loaded else names
