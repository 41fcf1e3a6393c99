"""Locates the files that belong to the product and are no Python."""

from pathlib import Path
from typing import Final

import webapp

PACKAGE: Final = Path(webapp.__file__).resolve().parent


def asset_folder() -> Path:
    """Return the folder of `templates`, `static`, `locale` and `requirements`.

    In an installed wheel it lies inside the package; in a checkout it is the top folder.
    """
    installed = PACKAGE / "_assets"
    return installed if installed.is_dir() else PACKAGE.parent
