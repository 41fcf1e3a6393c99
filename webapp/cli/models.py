"""`soundloom models …`."""

import shutil
import sys
import time
from argparse import Namespace
from pathlib import Path

from webapp.cli._context import end_with_parent, operator
from webapp.cli._progress import gigabytes, output
from webapp.cli._table import print_table
from webapp.clock import SystemClock
from webapp.errors import InvalidRequest, NotFound
from webapp.services.container import make_data_folder
from webapp.settings import Settings, load_settings
from webapp.weights.catalogue import (
    MODELS,
    TEXT_ENCODER_LICENCE,
    WEIGHTS_LICENCE,
    WEIGHTS_LICENCE_URL,
    Checkpoint,
    chosen_name,
    published,
)
from webapp.weights.inventory import Holding, holdings, remove, shared_parts
from webapp.weights.pull import Pull, PullEnvironment
from webapp.weights.sources import open_source

COLUMNS = ("NAME", "MODEL", "SIZE", "LICENCE", "ON DISK", "STATE")
MB = 1_000_000
NOT_COMMERCIAL = f"Weights under {WEIGHTS_LICENCE} are not for commercial use: {WEIGHTS_LICENCE_URL}"


def show(_arguments: Namespace) -> int:
    """List the published models, and what of them is there."""
    settings = load_settings()
    models_dir = settings.models_path
    held = holdings(models_dir)
    chosen = _chosen(settings, held)
    print_table(COLUMNS, [_row(holding, chosen) for holding in held])
    print()
    for name, size_bytes in shared_parts(models_dir):
        print(f"{name}, used by several: {gigabytes(size_bytes)}")
    print(f"{models_dir}: {gigabytes(_free_bytes(models_dir))} free")
    print(NOT_COMMERCIAL)
    return 0


def pull(arguments: Namespace) -> int:
    """Fetch models with their codecs and text encoders, once their licence is accepted."""
    if arguments.exit_with_parent:
        end_with_parent()
    with output(arguments.report) as told:
        settings = load_settings()
        checkpoints = [_published(name) for name in arguments.names]
        source = open_source(arguments.source or settings.models_url)
        held = {holding.checkpoint: holding for holding in holdings(settings.models_path)}
        lacking = [checkpoint for checkpoint in checkpoints if not held[checkpoint].is_installed]
        if lacking and not arguments.accept_licence:
            _ask_for_acceptance(lacking)
        if not settings.models_dir:
            # Where everything is kept private.
            make_data_folder(settings)
        environment = PullEnvironment(
            settings.disk_reserve_mb * MB,
            time.sleep,
            time.monotonic,
            SystemClock().now_ms,
            arguments.accepted_by or operator(),
        )
        for checkpoint in checkpoints:
            is_new = Pull(settings.models_path, source, environment, told.tell).run(checkpoint)
            told.ended(
                "installed",
                f"{checkpoint.name} is installed in {settings.models_path}"
                if is_new
                else f"{checkpoint.name} was installed already",
            )
    return told.exit_code


def take_away(arguments: Namespace) -> int:
    """Delete models; parts that others need stay."""
    with output(arguments.report) as told:
        models_dir = load_settings().models_path
        checkpoints = [_published(name) for name in arguments.names]
        if sys.stdin.isatty() and not arguments.yes:
            print(f"Delete {', '.join(arguments.names)} from {models_dir}? [yes/no] ", end="", flush=True)
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                raise InvalidRequest("Nothing was deleted")
        for checkpoint in checkpoints:
            removal = remove(checkpoint, models_dir)
            kept = f"; {', '.join(removal.kept)} stays for others" if removal.kept else ""
            told.ended(
                "absent", f"{checkpoint.name} is removed; {gigabytes(removal.freed_bytes)} freed{kept}"
            )
    return told.exit_code


def _published(name: str) -> Checkpoint:
    checkpoint = published(name)
    if checkpoint is None:
        raise NotFound(f"There is no published model {name!r}; see soundloom models list")
    return checkpoint


def _ask_for_acceptance(checkpoints: list[Checkpoint]) -> None:
    """Show the licence, and ask whoever is at the terminal. Raises InvalidRequest when it is not accepted."""
    names = ", ".join(checkpoint.name for checkpoint in checkpoints)
    encoders = ", ".join(sorted({checkpoint.text_encoder.name for checkpoint in checkpoints}))
    print(f"{names}: {WEIGHTS_LICENCE}, not for commercial use. {WEIGHTS_LICENCE_URL}", file=sys.stderr)
    print(f"{encoders}: {TEXT_ENCODER_LICENCE}.", file=sys.stderr)
    if not sys.stdin.isatty():
        raise InvalidRequest(f"Nothing was fetched: accept {WEIGHTS_LICENCE} with --accept-licence")
    print("Do you accept? [yes/no] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidRequest("Nothing was fetched: the licence was not accepted")


def _chosen(settings: Settings, held: tuple[Holding, ...]) -> frozenset[str | None]:
    if settings.engine == "sketch":
        return frozenset()
    installed = [holding.checkpoint.name for holding in held if holding.is_installed]
    asked = settings.checkpoints
    return frozenset(chosen_name(model, asked.get(model, ""), installed) for model in MODELS)


def _row(holding: Holding, chosen: frozenset[str | None]) -> tuple[str, ...]:
    checkpoint = holding.checkpoint
    return (
        checkpoint.name,
        checkpoint.model,
        f"about {gigabytes(checkpoint.download_bytes)}",
        checkpoint.licence,
        gigabytes(holding.disk_bytes) if holding.disk_bytes else "-",
        _state(holding, is_chosen=checkpoint.name in chosen),
    )


def _state(holding: Holding, *, is_chosen: bool) -> str:
    if holding.is_installed:
        state = f"installed, serves {holding.checkpoint.model}" if is_chosen else "installed"
        return f"{state}; {holding.precisions}" if holding.precisions else state
    if holding.arrived_bytes:
        return f"fetched in part: {gigabytes(holding.arrived_bytes)}"
    if holding.disk_bytes:
        return f"lacks {', '.join(holding.missing)}"
    return "not installed"


def _free_bytes(models_dir: Path) -> int:
    """Free space where the folder is or would be."""
    existing = next(folder for folder in (models_dir, *models_dir.parents) if folder.exists())
    return shutil.disk_usage(existing).free
