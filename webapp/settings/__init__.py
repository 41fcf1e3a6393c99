"""The settings of one process: their fields, and how they are read from the environment."""

from webapp.settings.fields import Settings
from webapp.settings.loading import PREFIX, check_device, load_settings

__all__ = ["PREFIX", "Settings", "check_device", "load_settings"]
