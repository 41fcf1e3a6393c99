"""Every setting of the product: name, type, range, default and meaning in one folder.

Each is read from the environment variable `SOUNDLOOM_` plus its name in capitals. The table in
`docs/configuration.md` is held against this one by a test.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from webapp.addresses import passwords_in
from webapp.settings.kinds import ClipSeconds, Count, Positive, Seconds
from webapp.settings.operation import OperationSettings


class Settings(OperationSettings, frozen=True, kw_only=True):
    """Settings in force for one process, already checked: those of its operation, and the limits."""

    queue_limit: Annotated[Positive, Meta(description="Most jobs queued and processing together.")] = 100
    free_hourly: Annotated[Count, Meta(description="Generations per rolling hour, tier free.")] = 3
    supporter_hourly: Annotated[Count, Meta(description="Generations per rolling hour, tier supporter.")] = 15
    premium_hourly: Annotated[Count, Meta(description="Generations per rolling hour, tier premium.")] = 30
    creator_hourly: Annotated[
        Count, Meta(description="Generations per rolling hour, tier creator and admins.")
    ] = 60
    free_at_once: Annotated[Positive, Meta(description="Jobs waiting or running at once, tier free.")] = 2
    supporter_at_once: Annotated[
        Positive, Meta(description="Jobs waiting or running at once, tier supporter.")
    ] = 5
    premium_at_once: Annotated[
        Positive, Meta(description="Jobs waiting or running at once, tier premium.")
    ] = 10
    creator_at_once: Annotated[
        Positive, Meta(description="Jobs waiting or running at once, tier creator and admins.")
    ] = 20
    free_max_duration_s: Annotated[ClipSeconds, Meta(description="Longest clip in seconds, tier free.")] = 30
    supporter_max_duration_s: Annotated[
        ClipSeconds, Meta(description="Longest clip in seconds, tier supporter.")
    ] = 60
    premium_max_duration_s: Annotated[
        ClipSeconds, Meta(description="Longest clip in seconds, tier premium.")
    ] = 120
    creator_max_duration_s: Annotated[
        ClipSeconds, Meta(description="Longest clip in seconds, tier creator and admins.")
    ] = 180
    free_speech_hourly: Annotated[Count, Meta(description="Spoken texts per rolling hour, tier free.")] = 10
    supporter_speech_hourly: Annotated[
        Count, Meta(description="Spoken texts per rolling hour, tier supporter.")
    ] = 30
    premium_speech_hourly: Annotated[
        Count, Meta(description="Spoken texts per rolling hour, tier premium.")
    ] = 60
    creator_speech_hourly: Annotated[
        Count, Meta(description="Spoken texts per rolling hour, tier creator and admins.")
    ] = 120
    free_starves_after_s: Annotated[
        Seconds,
        Meta(description="Seconds after which a waiting job goes before better tiers, tier free."),
    ] = 1800
    supporter_starves_after_s: Annotated[
        Seconds,
        Meta(description="Seconds after which a waiting job goes before better tiers, tier supporter."),
    ] = 600
    premium_starves_after_s: Annotated[
        Seconds,
        Meta(description="Seconds after which a waiting job goes before better tiers, tier premium."),
    ] = 300
    creator_starves_after_s: Annotated[
        Seconds,
        Meta(description="Seconds after which a waiting job goes before others, tier creator and admins."),
    ] = 120
    affinity_limit: Annotated[
        Count,
        Meta(
            description="How often in a row a worker may prefer its loaded model within a tier while another"
            " model's job waits; 0 for never."
        ),
    ] = 3
    skip_cost_10s: Annotated[Count, Meta(description="Aura to skip the queue with a clip up to 10 s.")] = 1
    skip_cost_30s: Annotated[
        Count, Meta(description="Aura to skip the queue with a clip over 10 and up to 30 s.")
    ] = 3
    skip_cost_60s: Annotated[
        Count, Meta(description="Aura to skip the queue with a clip over 30 and up to 60 s.")
    ] = 5
    skip_cost_120s: Annotated[
        Count, Meta(description="Aura to skip the queue with a clip over 60 and up to 120 s.")
    ] = 10
    skip_cost_longer: Annotated[Count, Meta(description="Aura to skip the queue with a clip over 120 s.")] = (
        15
    )
    account_storage_mb: Annotated[Positive, Meta(description="Storage for one account's sounds, in MB.")] = (
        5_000
    )
    storage_mb: Annotated[Positive, Meta(description="Storage for all sounds together, in MB.")] = 100_000
    disk_reserve_mb: Annotated[
        Count, Meta(description="Free disk space, in MB, below which new jobs are refused.")
    ] = 500
    cancel_hourly: Annotated[Count, Meta(description="Cancellations per account and rolling hour.")] = 60
    skip_hourly: Annotated[Count, Meta(description="Skips per account and rolling hour.")] = 30
    vote_hourly: Annotated[Count, Meta(description="Votes per account and rolling hour.")] = 100
    favorite_hourly: Annotated[
        Count, Meta(description="Favourites added or removed per account and rolling hour.")
    ] = 100
    upload_hourly: Annotated[Count, Meta(description="Uploads of sounds per account and rolling hour.")] = 60
    uploads_kept: Annotated[
        Positive, Meta(description="Uploaded sounds kept at once per account; each is kept for a day.")
    ] = 20
    sign_in_per_account: Annotated[
        Positive, Meta(description="Failed sign-ins per account in 15 minutes before a pause.")
    ] = 10
    sign_in_per_address: Annotated[
        Positive, Meta(description="Failed sign-ins per client address in 15 minutes before a pause.")
    ] = 30
    register_per_address: Annotated[
        Positive, Meta(description="Accounts created per client address and rolling hour.")
    ] = 10

    misses_per_address: Annotated[
        Positive,
        Meta(description="Requests for files that are not there, per client address in 15 minutes."),
    ] = 300
    wrong_tokens_per_address: Annotated[
        Positive, Meta(description="Requests with a wrong token, per client address in 15 minutes.")
    ] = 300
    searches_per_address: Annotated[
        Positive,
        Meta(description="Searches of the library per client address and minute, in each server process."),
    ] = 120
    connections_per_account: Annotated[
        Positive,
        Meta(
            description="Connections held open (pages, event streams, waiting requests) per account, in each"
            " server process."
        ),
    ] = 20
    connections_per_address: Annotated[
        Positive,
        Meta(description="Connections held open per client address, in each server process."),
    ] = 40
    sound_streams_per_account: Annotated[
        Positive,
        Meta(description="Sounds listened to while they are made, per account, in each server process."),
    ] = 64

    lease_s: Annotated[Seconds, Meta(description="A worker silent for this long has lost its jobs.")] = 6.0
    heartbeat_s: Annotated[Seconds, Meta(description="How often a worker says that it is alive.")] = 1.5
    poll_s: Annotated[Seconds, Meta(description="How often work is looked for when no hint arrives.")] = 1.0
    retries: Annotated[Count, Meta(description="Further attempts after a failed one.")] = 2
    lost_workers_limit: Annotated[
        Positive, Meta(description="A job that has lost this many workers fails.")
    ] = 10
    speech_wait_s: Annotated[
        float,
        Meta(gt=0, le=600, description="Seconds that a request to speak is held before it is given up."),
    ] = 60.0
    stop_grace_s: Annotated[
        float,
        Meta(gt=0, le=6, description="Time that running work gets to finish when its worker is to stop."),
    ] = 4.0
    stall_s: Annotated[
        Seconds, Meta(description="A generation without progress for this long is given up with its worker.")
    ] = 600.0
    target_lufs: Annotated[float, Meta(ge=-40, le=-5, description="Loudness of results, in LUFS.")] = -16.0
    low_quality_below: Annotated[
        int, Meta(ge=0, le=100, description="A take scoring below this is generated again; 0 for never.")
    ] = 30

    def __repr__(self) -> str:
        """Without values: some are secret, and this may end up in a log."""
        return "Settings(…)"

    @property
    def data_path(self) -> Path:
        """The data folder as an absolute path."""
        return Path(self.data_dir).expanduser().absolute()

    @property
    def cache_path(self) -> Path:
        """The folder of what can be made again as an absolute path."""
        return Path(self.cache_dir).expanduser().absolute() if self.cache_dir else self.data_path / "cache"

    @property
    def models_path(self) -> Path:
        """The folder of models' weights as an absolute path."""
        return Path(self.models_dir).expanduser().absolute() if self.models_dir else self.data_path / "models"

    @property
    def voices_path(self) -> Path:
        """The folder of Piper voices as an absolute path."""
        return self.models_path / "voices"

    @property
    def checkpoints(self) -> dict[str, str]:
        """The checkpoints asked for by name, by model."""
        asked = {
            "music": self.music_checkpoint,
            "audio": self.audio_checkpoint,
            "magnet": self.magnet_checkpoint,
        }
        return {model: name for model, name in asked.items() if name}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Pieces of values that no text may hold."""
        return (
            self.secret_key,
            self.metrics_token,
            *passwords_in(self.database_url),
            *passwords_in(self.database_listen_url),
            *passwords_in(self.models_url),
        )

    @property
    def secure_cookies(self) -> bool:
        """Return whether people reach the server over TLS."""
        return self.public_url.startswith("https://")
