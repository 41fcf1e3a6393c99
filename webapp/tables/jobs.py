"""The queue: jobs, the workers that take them, and the row that orders every change."""

from piccolo.columns import BigInt, Boolean, DoublePrecision, ForeignKey, Integer, OnDelete, Text, Varchar
from piccolo.table import Table

from webapp.tables.accounts import Account


class QueueState(Table, tablename="queue_state"):
    """The queue as a whole; exactly one row, with id 1.

    Every transition locks this row first, so transitions happen one after the other and limits that
    span rows hold exactly. Its version grows with every change that anybody can see.
    """

    id = Integer(primary_key=True)
    version = BigInt(default=0)
    next_sequence = BigInt(default=1)
    is_paused = Boolean(default=False)


class Job(Table):
    """One request for a sound, from submission to its end."""

    job_id = Varchar(length=12, primary_key=True)
    # Order of submission; breaks ties between equal times.
    sequence = BigInt(unique=True)
    # The sequence of the first of several variations that were asked for at once.
    variation_of = BigInt(null=True, default=None)
    # The sound that it continues, from which second on, and as JSON the sounds before that one.
    continues = Varchar(length=20, null=True, default=None)
    continues_from_s = DoublePrecision(null=True, default=None)
    lineage = Text(default="[]")
    account = ForeignKey(Account, on_delete=OnDelete.cascade)
    generation_id = Varchar(length=20, unique=True)
    # queued | processing | completed | failed | cancelled
    status = Varchar(length=12, default="queued")
    created_ms = BigInt()

    prompt = Text()
    model = Varchar(length=16)
    duration_s = DoublePrecision()
    is_loopable = Boolean(default=False)
    seed = BigInt()
    seed_was_given = Boolean(default=False)
    temperature = DoublePrecision(null=True, default=None)
    top_k = Integer(null=True, default=None)
    top_p = DoublePrecision(null=True, default=None)
    guidance = DoublePrecision(null=True, default=None)
    # The sound whose melody it follows: see webapp.policy.library.sound_sources.
    melody_from = Varchar(length=40, null=True, default=None)
    # Where the trace of the request that asked for it goes on; empty without traces.
    trace = Varchar(length=64, default="")

    # Place in line: see webapp.policy.queue.ordering.
    tier = Varchar(length=16)
    priority = Integer()
    starves_ms = BigInt(null=True, default=None)
    skipped_ms = BigInt(null=True, default=None)
    # Whether it stands in front because an admin put it there, and not because somebody paid.
    is_moved = Boolean(default=False)

    # The lease: who holds the job, until when, and the fencing number of the claim.
    worker_id = Varchar(length=64, null=True, default=None)
    lease_expires_ms = BigInt(null=True, default=None)
    fence = BigInt(default=0)
    started_ms = BigInt(null=True, default=None)
    # What the job is or was generated on: speed is measured by model and device.
    device = Varchar(length=64, null=True, default=None)
    # Version of the queue at the claim: the order in which processing jobs started.
    start_order = BigInt(null=True, default=None)

    progress_pct = Integer(default=0)
    retry_count = Integer(default=0)
    lost_workers = Integer(default=0)
    error = Text(null=True, default=None)
    # What can be heard before it is finished: see webapp.policy.queue.live_sound.
    discarded_takes = Integer(default=0)
    is_audible = Boolean(default=False)
    stream_formats = Integer(default=0)
    interruption = Text(default="")
    finished_ms = BigInt(null=True, default=None)


class Sound(Table):
    """The sound of a completed job: the facts about its files."""

    generation_id = Varchar(length=20, primary_key=True)
    job = ForeignKey(Job, on_delete=OnDelete.cascade, unique=True)
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    # The folder of the files: one per claim, so that a worker that lost its lease cannot touch
    # the files of the one that took over.
    storage_key = Varchar(length=64)
    created_ms = BigInt()
    engine = Varchar(length=32)
    engine_label = Varchar(length=100)
    checkpoint = Varchar(length=200, default="")
    license = Varchar(length=100, default="")
    seed = BigInt()
    duration_s = DoublePrecision()
    sample_rate = Integer()
    channels = Integer()
    loudness_lufs = DoublePrecision(null=True, default=None)
    true_peak_dbtp = DoublePrecision(null=True, default=None)
    quality_score = Integer()
    # JSON list of plain sentences.
    quality_reasons = Text(default="[]")
    # JSON list of waveform peaks, -127 to 127, low and high in turn.
    peaks = Text(default="[]")
    bytes_total = BigInt()
    # JSON: what an engine that reads prompts by rules made of this one; empty where it does not, or is older.
    reading = Text(default="")
    # JSON: begin, end and text of each sentence; empty where nothing is spoken.
    captions = Text(default="")


class SoundMaterial(Table, tablename="sound_material"):
    """The material that the engine of a sound keeps to continue it: see webapp.engines.continuation."""

    sound = ForeignKey(Sound, on_delete=OnDelete.cascade, primary_key=True)
    # In base 64: some kB.
    data = Text()


class Worker(Table):
    """A running worker process, as it last reported itself."""

    worker_id = Varchar(length=64, primary_key=True)
    host = Varchar(length=255)
    pid = Integer()
    device = Varchar(length=64)
    # starting | idle | busy | stopping
    state = Varchar(length=12, default="starting")
    started_ms = BigInt()
    heartbeat_ms = BigInt(index=True)
    # JSON: what each model's engine, label and state are on this worker, and the GPU's figures.
    report = Text(default="{}")
    # Whether models need loading there, and those that need none, as of the last claim.
    has_affinity = Boolean(default=False)
    ready_music = Boolean(default=False)
    ready_audio = Boolean(default=False)
    ready_magnet = Boolean(default=False)
    # How many jobs were preferred for that since a model was last loaded: see webapp.policy.queue.ordering.
    affinity_streak = Integer(default=0)
    # The models that it can make, with commas between them; NULL for every model.
    makes = Text(null=True, default=None)
    # It finishes what it has and takes no more.
    is_draining = Boolean(default=False)
    # sound: takes jobs. speech: speaks texts.
    kind = Varchar(length=8, default="sound")
    # JSON: the voices of a speech worker.
    voices = Text(default="[]")
    # JSON: what it measures of itself; see webapp.services.workers.metrics.
    metrics = Text(default="[]")


class ModelWish(Table, tablename="model_wish"):
    """An operator's request to every worker about one model: see webapp.services.workers.control."""

    model = Varchar(length=16, primary_key=True)
    # load | unload, or empty; each is done once, told apart by its number.
    action = Varchar(length=8, default="")
    number = BigInt(default=0)
    is_pinned = Boolean(default=False)
