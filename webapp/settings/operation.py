"""The settings of where things are, who reaches them, and what works."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from webapp.settings.kinds import Count, Seconds

CHECKPOINT = (
    "Checkpoint that serves `{}`: a published name, a folder in the models folder, or the path of a folder;"
    " empty for the default one if it is there, else the smallest that is."
)


class OperationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The first part of the settings: addresses, folders, databases, engines, logs."""

    host: Annotated[str, Meta(min_length=1, description="Address the web server listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the web server; 0 takes a free one.")] = (
        5309
    )
    data_dir: Annotated[
        str, Meta(min_length=1, description="Folder for the database, sounds and secrets.")
    ] = "./data"
    cache_dir: Annotated[
        str,
        Meta(
            description="Folder for what can be made again, such as compiled code; empty for `cache` in the"
            " data folder."
        ),
    ] = ""
    database_url: Annotated[
        str, Meta(description="`postgresql://…` for PostgreSQL; empty for SQLite in the data folder.")
    ] = ""
    storage_url: Annotated[
        str,
        Meta(
            description="`s3://bucket/prefix` for sounds in an object store, with credentials from where the"
            " AWS tools find theirs ([storage](storage.md)); empty for the data folder."
        ),
    ] = ""
    storage_redirect: Annotated[
        bool,
        Meta(
            description="Whether `/audio` sends readers to the object store, by an address that is good for"
            " a while: `true` or `false`."
        ),
    ] = False
    database_connect_s: Annotated[
        Seconds, Meta(description="Longest wait for a connection to PostgreSQL, in seconds.")
    ] = 5.0
    database_lock_s: Annotated[
        Seconds, Meta(description="Longest wait for what others have locked in PostgreSQL, in seconds.")
    ] = 5.0
    database_statement_s: Annotated[
        Seconds,
        Meta(description="Longest run of a PostgreSQL statement, in seconds; not in migrations and backups."),
    ] = 15.0
    database_connections: Annotated[
        int,
        Meta(
            ge=2,
            le=200,
            description="Most connections of one process to PostgreSQL, besides one for events.",
        ),
    ] = 10
    database_listen_url: Annotated[
        str,
        Meta(
            description="The same database without a pooler between, for events, migrations and backups; with"
            " it, `SOUNDLOOM_DATABASE_URL` may lead to a PgBouncer that pools transactions."
        ),
    ] = ""
    workers: Annotated[Count, Meta(description="Local workers that `serve` supervises; 0 for none.")] = 1
    speech_workers: Annotated[
        Count,
        Meta(description="Local speech workers that `serve` supervises; none when there are no workers."),
    ] = 1
    voice: Annotated[
        str,
        Meta(
            min_length=1,
            description="Voice that speaks where none is asked for; eSpeak NG's while it is not there.",
        ),
    ] = "hibari-heart"
    engine: Annotated[
        Literal["auto", "audiocraft", "sketch"],
        Meta(description="What generates: `auto`, `audiocraft` or `sketch`."),
    ] = "auto"
    device: Annotated[str, Meta(description="Device for models: `auto`, `cpu`, `cuda:0`, `mps`.")] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16", "int8"],
        Meta(
            description="Number format of models: `auto`, `float32`, `bfloat16`, `float16` or `int8`;"
            " `auto` is `float16` on CUDA and the quickest there is elsewhere, if the model's weights"
            " allow it."
        ),
    ] = "auto"
    threads: Annotated[
        int, Meta(ge=0, le=1024, description="Processor threads for models; 0 for what torch chooses.")
    ] = 0
    models_dir: Annotated[
        str, Meta(description="Folder for models' weights; empty for `models` in the data folder.")
    ] = ""
    models_url: Annotated[
        str,
        Meta(
            min_length=1,
            description="Where published weights are fetched from: a hub, a mirror of one (`https://…`, with"
            " `user:password@` if need be) or a folder (`file://…` or a path).",
        ),
    ] = "https://huggingface.co"
    music_checkpoint: Annotated[str, Meta(description=CHECKPOINT.format("music"))] = ""
    audio_checkpoint: Annotated[str, Meta(description=CHECKPOINT.format("audio"))] = ""
    magnet_checkpoint: Annotated[str, Meta(description=CHECKPOINT.format("magnet"))] = ""
    model_idle_s: Annotated[
        float,
        Meta(
            ge=0,
            le=31_536_000,
            description="Seconds without use after which a model is unloaded; 0 for never.",
        ),
    ] = 600.0
    model_memory_reserve_mb: Annotated[
        Count,
        Meta(
            description="Memory, in MB, kept free for generating when models are loaded, on device and host."
        ),
    ] = 1_000
    secret_key: Annotated[
        str,
        Meta(
            description="Key that seals what clients pass on, such as cursors; empty for one that is made and"
            " kept in the data folder. Web processes with data folders of their own need the same one."
        ),
    ] = ""
    metrics_token: Annotated[
        str,
        Meta(
            description="Bearer token that opens `/metrics` to Prometheus, at least 16 characters; admins'"
            " tokens open it too."
        ),
    ] = ""
    public_url: Annotated[
        str,
        Meta(description="Address people use, when behind a proxy, with its path; `https`: Secure cookies."),
    ] = ""
    mark_prompts: Annotated[
        bool,
        Meta(description="Whether sound files hold the prompts that they were made from: `true` or `false`."),
    ] = True
    embedding: Annotated[
        bool,
        Meta(
            description="Whether other sites may show published sounds, by `/embed` and `/oembed`, and use"
            " files in their pages: `true` or `false`."
        ),
    ] = False
    cors_origins: Annotated[
        str,
        Meta(
            description="Comma-separated origins whose pages may use the API with a token, from a browser;"
            " `*` for all."
        ),
    ] = ""
    allowed_hosts: Annotated[
        str,
        Meta(description="Comma-separated host names answered to, besides loopback and the listen address."),
    ] = ""
    trusted_proxies: Annotated[
        str,
        Meta(description="Comma-separated proxies (addresses or networks) whose `X-Forwarded-For` counts."),
    ] = ""
    registration: Annotated[
        Literal["open", "closed"], Meta(description="Whether anyone may create an account.")
    ] = "open"
    language: Annotated[
        str,
        Meta(
            pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$",
            description="Language of the pages: `en`, or one with catalogues in the folder `locale`.",
        ),
    ] = "en"
    log_format: Annotated[
        Literal["text", "json"], Meta(description="Log lines for people or for machines.")
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe line that is logged.")
    ] = "info"
