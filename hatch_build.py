"""Puts the front end and the locks into the wheel, so that an installed Soundloom can serve."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Where the wheel keeps what lies beside the package in a checkout.
ASSETS = {
    "templates": "webapp/_assets/templates",
    "static": "webapp/_assets/static",
    "requirements/neural.txt": "webapp/_assets/requirements/neural.txt",
    "requirements/build.txt": "webapp/_assets/requirements/build.txt",
}
FETCHED = "static/vendor/manifest.json"


class AssetsHook(BuildHookInterface[Any]):
    """Maps the assets into a wheel. An editable install uses those of the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the assets to a standard wheel.

        Raises:
            FileNotFoundError: set-up has not fetched the front-end files yet.
        """
        if version == "editable" or self.target_name != "wheel":
            return
        if not (Path(self.root) / FETCHED).is_file():
            raise FileNotFoundError(f"{FETCHED} is missing: run make setup before building the wheel")
        build_data["force_include"].update(ASSETS)
