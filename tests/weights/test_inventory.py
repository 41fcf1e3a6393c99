"""What lies in a models folder, and removing it."""

from pathlib import Path

import pytest

from tests.weights.conftest import Puller, checkpoint
from tests.weights.hub import Fault, Hub
from webapp.errors import Conflict
from webapp.weights.catalogue import CHECKPOINTS, chosen_name
from webapp.weights.inventory import Removal, holdings, installed_names, remove, shared_parts
from webapp.weights.locking import locked
from webapp.weights.meter import Meter
from webapp.weights.source import SourceFailed
from webapp.weights.transfer import MAX_FRUITLESS


def names(models_dir: Path) -> set[str]:
    return {path.name for path in models_dir.iterdir()} - {".locks"}


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    held = holdings(tmp_path / "none")
    assert [holding.checkpoint for holding in held] == list(CHECKPOINTS)
    assert not any(holding.is_installed or holding.disk_bytes for holding in held)
    assert held[0].missing[-1] == "musicgen-small/state_dict.bin"
    assert shared_parts(tmp_path / "none") == ()


def test_disk_use_is_told(hub: Hub, puller: Puller, models_dir: Path) -> None:
    puller.pull()
    small = holdings(models_dir)[0]
    assert small.is_installed
    files = [content for name, content in hub.files.items() if "musicgen-small" in name]
    assert small.disk_bytes > sum(map(len, files))
    assert [name for name, size in shared_parts(models_dir) if size > 75_000] == ["t5-base"]


def test_shared_parts_stay_while_others_need_them(puller: Puller, models_dir: Path) -> None:
    for name in ("musicgen-small", "musicgen-medium", "audiogen-medium"):
        puller.pull(name)
    assert remove(checkpoint("musicgen-small"), models_dir).kept == ("t5-base",)
    assert names(models_dir) == {"musicgen-medium", "t5-base", "audiogen-medium", "t5-large"}
    assert installed_names(models_dir) == {"musicgen-medium", "audiogen-medium"}
    gone = remove(checkpoint("musicgen-medium"), models_dir)
    assert gone.kept == ()
    assert gone.freed_bytes > 300_000
    assert names(models_dir) == {"audiogen-medium", "t5-large"}


def test_a_model_on_its_way_keeps_its_parts(hub: Hub, puller: Puller, models_dir: Path) -> None:
    puller.pull()
    hub.faults = [Fault(after=1000), *[Fault(status=503)] * (MAX_FRUITLESS + 1)]
    with pytest.raises(SourceFailed):
        puller.pull("musicgen-medium")
    assert remove(checkpoint("musicgen-small"), models_dir).kept == ("t5-base",)
    # What has arrived of it can be thrown away as well.
    assert remove(checkpoint("musicgen-medium"), models_dir).freed_bytes >= 1000
    assert names(models_dir) == set()


def test_unpublished_models_keep_every_part(puller: Puller, models_dir: Path) -> None:
    puller.pull()
    own = models_dir / "mine"
    own.mkdir()
    for file in ("state_dict.bin", "compression_state_dict.bin"):
        (own / file).touch()
    assert remove(checkpoint("musicgen-small"), models_dir).kept == ("t5-base",)
    assert names(models_dir) == {"mine", "t5-base"}


def test_what_is_not_of_the_model_stays(puller: Puller, models_dir: Path, tmp_path: Path) -> None:
    puller.pull()
    (models_dir / "musicgen-small/notes.txt").write_text("mine")
    remove(checkpoint("musicgen-small"), models_dir)
    assert [path.name for path in (models_dir / "musicgen-small").iterdir()] == ["notes.txt"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "state_dict.bin").touch()
    (models_dir / "musicgen-large").symlink_to(elsewhere)
    assert remove(checkpoint("musicgen-large"), models_dir) == Removal(0, ())
    assert (elsewhere / "state_dict.bin").exists()


def test_nothing_to_remove(puller: Puller, models_dir: Path) -> None:
    with pytest.raises(Conflict, match="not installed"):
        remove(checkpoint("musicgen-small"), models_dir)
    puller.pull()
    with locked(models_dir, "musicgen-small"), pytest.raises(Conflict, match="another process"):
        remove(checkpoint("musicgen-small"), models_dir)


def test_what_serves_a_model() -> None:
    assert chosen_name("music", "", ["musicgen-large", "musicgen-medium"]) == "musicgen-medium"
    assert chosen_name("music", "", ["musicgen-medium", "musicgen-small"]) == "musicgen-small"
    assert (
        chosen_name("music", "facebook/musicgen-large", ["musicgen-large", "musicgen-small"])
        == "musicgen-large"
    )
    assert chosen_name("music", "musicgen-large", ["musicgen-small"]) is None
    assert chosen_name("audio", "musicgen-large", ["musicgen-large"]) is None
    assert chosen_name("magnet", "", ["musicgen-small"]) is None


def test_speed_is_that_of_the_last_seconds() -> None:
    now_s = 0.0
    meter = Meter(lambda: now_s)
    meter.add(1000)
    assert meter.bytes_per_s == 0
    now_s = 1.0
    meter.add(1000)
    assert meter.bytes_per_s == 2000
    for _ in range(20):
        now_s += 1
        meter.add(50)
    assert 45 <= meter.bytes_per_s <= 60
    now_s += 1000
    assert meter.bytes_per_s < 2
