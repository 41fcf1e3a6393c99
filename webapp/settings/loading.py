"""Reads the settings from the environment, and refuses wrong ones in one clear line."""

import os
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from webapp.addresses import what_is_wrong
from webapp.errors import SettingsError
from webapp.injected import injected
from webapp.settings.fields import Settings

PREFIX: Final = "SOUNDLOOM_"
SHORTEST_TOKEN: Final = 16


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: the process environment).

    Raises SettingsError, one line for a person, when a variable has a wrong value or no meaning.
    """
    source = os.environ if environ is None else environ
    known = set(Settings.__struct_fields__)
    foreign = injected(source, PREFIX)
    given: dict[str, str] = {}
    for variable, text in source.items():
        if not variable.startswith(PREFIX) or variable in foreign:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in known:
            raise SettingsError(f"{variable} is not a setting of Soundloom; see docs/configuration.md.")
        if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
            raise SettingsError(f"{variable} has a wrong value: it is not text in this locale's encoding.")
        if text.strip():
            given[name] = text.strip()
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        variable = PREFIX + where.rstrip("`").upper()
        raise SettingsError(f"{variable} has a wrong value: {reason}.") from error
    check_device(settings.device)
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    """Raise SettingsError for values that are wrong, or wrong beside others."""
    if "://" in settings.models_url and (wrong := what_is_wrong(settings.models_url)):
        raise SettingsError(f"SOUNDLOOM_MODELS_URL is not a valid address: {wrong}.")
    if 0 < len(settings.metrics_token) < SHORTEST_TOKEN:
        raise SettingsError(f"SOUNDLOOM_METRICS_TOKEN must have at least {SHORTEST_TOKEN} characters.")
    if settings.storage_redirect and not settings.storage_url:
        raise SettingsError("SOUNDLOOM_STORAGE_REDIRECT needs an object store in SOUNDLOOM_STORAGE_URL.")
    if settings.lease_s < 2 * settings.heartbeat_s:
        raise SettingsError(
            "SOUNDLOOM_LEASE_S must be at least twice SOUNDLOOM_HEARTBEAT_S, or every lease would lapse."
        )


def check_device(device: str) -> None:
    """Raise SettingsError for what is no name of a device."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", device):
        raise SettingsError(
            f"SOUNDLOOM_DEVICE has a wrong value: {device!r} is none of auto, cpu, mps, cuda:0, cuda:1, …."
        )
