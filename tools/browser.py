"""Find the browser that the browser tests drive.

The variable CHROMIUM names one; otherwise a Chromium or Chrome installed on the machine is taken,
then one that Playwright has downloaded.
"""

import os
import shutil
import sys
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
DOWNLOADS = (".cache/ms-playwright", "Library/Caches/ms-playwright")
HOW_TO_GET_ONE = """\
No Chromium or Chrome was found, and the browser tests need one. To get it:
  Debian, Ubuntu:   apt-get install chromium
  macOS:            brew install --cask chromium
  elsewhere:        .venv/bin/playwright install chromium
or name one: CHROMIUM=/path/to/chrome make test-browser"""


def find_browser() -> Path | None:
    """Return the executable of a Chromium or Chrome, or None when there is none.

    Raises:
        FileNotFoundError: CHROMIUM names something that is not there.
    """
    named = os.environ.get("CHROMIUM", "")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"CHROMIUM names {named}, which cannot be run.")
        return Path(found)
    for command in (*COMMANDS, *MAC_APPLICATIONS):
        found = shutil.which(command)
        if found is not None:
            return Path(found)
    return find_downloaded(Path.home())


def find_downloaded(home: Path) -> Path | None:
    """Return the newest Chromium that Playwright keeps below `home`, or None."""
    found = [
        chrome
        for folder in DOWNLOADS
        for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")
        for chrome in (home / folder).glob(pattern)
    ]
    return max(found, key=lambda chrome: chrome.stat().st_mtime, default=None)


def main(arguments: list[str]) -> int:
    """Say whether browser tests can run; with `--require`, fail when they cannot."""
    try:
        browser = find_browser()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if browser is not None:
        print(f"browser tests: {browser}")
        return 0
    print(HOW_TO_GET_ONE, file=sys.stderr)
    return 1 if "--require" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
