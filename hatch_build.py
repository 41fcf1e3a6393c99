"""Puts the front end, the samples and the locks into the wheel, so that an installed Soundloom can serve."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Where the wheel keeps what lies beside the package in a checkout.
ASSETS = {
    "templates": "webapp/_assets/templates",
    "static": "webapp/_assets/static",
    "samples": "webapp/_assets/samples",
    "locale": "webapp/_assets/locale",
    "requirements/neural.txt": "webapp/_assets/requirements/neural.txt",
    "requirements/build.txt": "webapp/_assets/requirements/build.txt",
    # The command line uses it; no index has to have it.
    "clients/python/src/soundloom_client": "soundloom_client",
}
FETCHED = ("static/vendor/manifest.json", "samples/manifest.json")


class AssetsHook(BuildHookInterface[Any]):
    """Maps the assets into a wheel. An editable install uses those of the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the assets to a standard wheel.

        Raises:
            FileNotFoundError: set-up has not fetched all of them yet.
        """
        if version == "editable" or self.target_name != "wheel":
            return
        missing = [name for name in FETCHED if not (Path(self.root) / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{missing[0]} is missing: run make setup before building the wheel")
        build_data["force_include"].update(ASSETS)
