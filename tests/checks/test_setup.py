"""Set-up does what is needed, once and in order; front-end files come with their manifest."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.browser import find_browser, find_downloaded
from tools.frontend import lay_out, package_name
from tools.setup_env import DEFAULT_TORCH, Step, read_stamps, run_steps, torch_key

ROOT = Path(__file__).resolve().parents[2]


class Recorder:
    """Steps that note their name when they run; a broken one fails instead."""

    def __init__(self, stamps_path: Path) -> None:
        self.stamps_path = stamps_path
        self.ran: list[str] = []
        self.broken = ""

    def step(self, name: str, key: str, *made: Path) -> Step:
        return Step(name, key, self.runner(name), made)

    def runner(self, name: str) -> Callable[[], None]:
        def run() -> None:
            if name == self.broken:
                raise OSError(name)
            self.ran.append(name)

        return run

    def set_up(self, *steps: Step) -> list[str]:
        self.ran = []
        run_steps(list(steps), read_stamps(self.stamps_path), self.stamps_path)
        return self.ran


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "stamps.json")


def test_what_is_done_is_not_done_again(recorder: Recorder) -> None:
    steps = [recorder.step("torch", "1"), recorder.step("requirements", "1")]
    assert recorder.set_up(*steps) == ["torch", "requirements"]
    assert recorder.set_up(*steps) == []


def test_a_changed_step_is_redone_with_all_that_follow(recorder: Recorder) -> None:
    before = [recorder.step(name, "1") for name in ("torch", "requirements", "project")]
    recorder.set_up(*before)
    assert recorder.set_up(before[0], recorder.step("requirements", "2"), before[2]) == [
        "requirements",
        "project",
    ]


def test_set_up_goes_on_where_it_failed(recorder: Recorder) -> None:
    steps = [recorder.step("torch", "1"), recorder.step("requirements", "1")]
    recorder.broken = "requirements"
    with pytest.raises(OSError, match="requirements"):
        recorder.set_up(*steps)
    recorder.broken = ""
    assert recorder.set_up(*steps) == ["requirements"]


def test_a_step_whose_product_was_deleted_is_redone(recorder: Recorder, tmp_path: Path) -> None:
    made = tmp_path / "manifest.json"
    made.touch()
    step = recorder.step("front-end files", "1", made)
    recorder.set_up(step)
    made.unlink()
    assert recorder.set_up(step) == ["front-end files"]


@pytest.mark.parametrize("damage", ["", "{", "[]"])
def test_a_damaged_record_means_that_nothing_is_done(recorder: Recorder, damage: str) -> None:
    recorder.set_up(recorder.step("torch", "1"))
    recorder.stamps_path.write_text(damage, encoding="utf-8")
    assert recorder.set_up(recorder.step("torch", "1")) == ["torch"]


def test_a_chosen_torch_is_kept_and_a_default_follows_ours() -> None:
    assert torch_key("", {}) == f"default {DEFAULT_TORCH}"
    assert torch_key("", {"torch": "default torch==0.1"}) == f"default {DEFAULT_TORCH}"
    assert torch_key("", {"torch": "chosen torch==2.11.0"}) == "chosen torch==2.11.0"
    assert torch_key("none", {"torch": "chosen torch==2.11.0"}) == "chosen none"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    package = tmp_path / "node_modules/@scope/player"
    (package / "dist").mkdir(parents=True)
    (package / "package.json").write_text('{"name": "@scope/player", "version": "1.2.3", "license": "MIT"}')
    (package / "LICENSE.md").write_text("free")
    (package / "dist/player.js").write_text("play()")
    return tmp_path / "node_modules"


def test_front_end_files_are_laid_out_with_digests_and_licences(packages: Path, tmp_path: Path) -> None:
    vendor = tmp_path / "static/vendor"
    vendor.mkdir(parents=True)
    (vendor / "old.js").touch()
    lay_out(packages, vendor, ["@scope/player/dist/player.js"])
    assert sorted(path.name for path in vendor.iterdir()) == ["licences", "manifest.json", "player.js"]
    assert (vendor / "licences/@scope-player/LICENSE.md").read_text(encoding="utf-8") == "free"
    assert json.loads((vendor / "manifest.json").read_text(encoding="utf-8")) == {
        "player.js": {
            "sha256": hashlib.sha256(b"play()").hexdigest(),
            "package": "@scope/player",
            "version": "1.2.3",
            "licence": "MIT",
        }
    }


def test_a_missing_front_end_file_leaves_the_old_ones(packages: Path, tmp_path: Path) -> None:
    vendor = tmp_path / "static/vendor"
    lay_out(packages, vendor, ["@scope/player/dist/player.js"])
    with pytest.raises(FileNotFoundError):
        lay_out(packages, vendor, ["@scope/player/dist/gone.js"])
    assert (vendor / "player.js").exists()


def test_what_is_served_is_what_package_json_lists() -> None:
    listed = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["soundloom"]["static/vendor"]
    manifest = json.loads((ROOT / "static/vendor/manifest.json").read_text(encoding="utf-8"))
    assert [name.rsplit("/", 1)[-1] for name in listed] == list(manifest)
    for name, about in manifest.items():
        content = (ROOT / "static/vendor" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["sha256"]


@pytest.mark.parametrize(
    ("file", "package"), [("htmx.org/dist/htmx.min.js", "htmx.org"), ("@scope/player/x.js", "@scope/player")]
)
def test_the_package_of_a_file(file: str, package: str) -> None:
    assert package_name(file) == package


def test_a_named_browser_is_taken_and_a_wrong_name_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "my-chromium"
    browser.touch(mode=0o755)
    monkeypatch.setenv("CHROMIUM", str(browser))
    assert find_browser() == browser
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="CHROMIUM names"):
        find_browser()


def test_no_browser_is_found_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tools.browser.MAC_APPLICATIONS", ())
    assert find_browser() is None


def test_a_downloaded_browser_is_found(tmp_path: Path) -> None:
    chrome = tmp_path / ".cache/ms-playwright/chromium-1/chrome-linux/chrome"
    chrome.parent.mkdir(parents=True)
    chrome.touch(mode=0o755)
    assert find_downloaded(tmp_path) == chrome
