"""A wheel built from this checkout serves from an environment and a folder of its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.pages import GENERATED_MS, OpenPage
from tests.running import PASSWORD, Installation

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an empty environment that the wheel and its locked requirements went into."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, *PIP, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), ".")
    (wheel,) = folder.glob("soundloom-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"))
    own = str(folder / "venv/bin/python")
    # What is imported is compiled then.
    install = (sys.executable, *PIP, "--python", own, "install", "--no-compile", "--no-deps")
    run(*install, "--require-hashes", "-r", str(ROOT / "requirements/runtime.txt"), cwd=folder)
    run(*install, str(wheel), cwd=folder)
    return own


@pytest.fixture
def elsewhere(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation whose processes run in a folder that holds nothing of the checkout."""
    monkeypatch.chdir(tmp_path)
    installation = Installation(tmp_path / "data")
    installation.python = python
    yield installation
    installation.end()


def test_the_package_does_not_come_from_the_checkout(python: str, tmp_path: Path) -> None:
    where = run(python, "-c", "import webapp; print(webapp.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where


def test_an_installed_wheel_has_its_locks(python: str, tmp_path: Path) -> None:
    ask = (
        "from webapp.assets import asset_folder; print(*asset_folder().glob('requirements/*.txt'), sep='\\n')"
    )
    names = {Path(line).name for line in run(python, "-c", ask, cwd=tmp_path).splitlines()}
    assert names == {"build.txt", "neural.txt"}


def test_an_installed_wheel_asks_a_server_by_the_client(python: str, elsewhere: Installation) -> None:
    at = ("--server", "http://127.0.0.1:1", "--token-stdin")
    asked = elsewhere.command("generate", "rain", "-o", "rain.wav", *at, text="token\n")
    assert (asked.returncode, asked.stderr) == (1, "soundloom: http://127.0.0.1:1/ does not answer\n")
    where = run(
        python,
        "-c",
        "import soundloom_client; print(soundloom_client.__file__)",
        cwd=elsewhere.data_dir.parent,
    )
    assert str(ROOT) not in where


def test_an_installed_wheel_makes_a_sound(elsewhere: Installation, open_page: OpenPage) -> None:
    token = elsewhere.token_by_commands()
    server = elsewhere.serve()
    page = open_page(base_url=server.url)
    page.goto("/login")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Prompt").fill("calm rain")
    page.get_by_label("Duration").fill("2")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("main audio")).to_be_attached(timeout=GENERATED_MS)
    sound = server.client(token).http.get("/api/my-generations").json()["items"][0]
    audio = server.client(token).http.get(sound["audio_url"])
    assert (audio.status_code, audio.content[:4]) == (200, b"RIFF")
