"""Pulling from a hub that behaves, and from folders."""

import json
import pickle
import threading
import zipfile
from pathlib import Path

import pytest

from tests.weights.conftest import Puller, checkpoint
from tests.weights.hub import COMMIT, Hub
from webapp.errors import Conflict, NotFound, StorageFull
from webapp.weights.inventory import holdings, installed_names
from webapp.weights.layout import missing_files, named_codec
from webapp.weights.locking import locked
from webapp.weights.manifest import read_manifest
from webapp.weights.pull import Progress
from webapp.weights.source import SourceFailed
from webapp.weights.sources import open_source


def files_in(models_dir: Path) -> set[str]:
    return {
        path.relative_to(models_dir).as_posix()
        for path in models_dir.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


WHOLE = {
    "musicgen-small/state_dict.bin",
    "musicgen-small/compression_state_dict.bin",
    "musicgen-small/soundloom.json",
    "t5-base/config.json",
    "t5-base/tokenizer.json",
    "t5-base/model.safetensors",
    "t5-base/soundloom.json",
}


def test_all_files_of_a_model_are_fetched(hub: Hub, puller: Puller, models_dir: Path) -> None:
    assert puller.pull()
    assert files_in(models_dir) == WHOLE
    assert missing_files(checkpoint("musicgen-small"), models_dir) == ()
    assert (models_dir / "musicgen-small/state_dict.bin").read_bytes() == hub.files[
        "facebook/musicgen-small/state_dict.bin"
    ]
    manifest = read_manifest(models_dir / "musicgen-small")
    assert (manifest.repository, manifest.source) == ("facebook/musicgen-small", "127.0.0.1")
    assert (manifest.revision, manifest.licence, manifest.accepted_by) == (COMMIT, "CC-BY-NC 4.0", "ann")
    assert manifest.files["state_dict.bin"].checked == "sha256"
    text = read_manifest(models_dir / "t5-base")
    assert text.licence == "Apache 2.0"
    assert text.files["config.json"].checked == "git_sha1"


def test_a_pull_sticks_to_one_revision(hub: Hub, puller: Puller) -> None:
    puller.pull()
    looked = [path for method, path, _ in hub.asked if method == "HEAD" and "musicgen" in path]
    assert looked == [
        "/facebook/musicgen-small/resolve/main/compression_state_dict.bin",
        f"/facebook/musicgen-small/resolve/{COMMIT}/state_dict.bin",
    ]


def test_a_second_pull_fetches_nothing(hub: Hub, puller: Puller) -> None:
    puller.pull()
    hub.served.clear()
    assert not puller.pull()
    assert hub.gets() == []


def test_shared_parts_are_fetched_once(hub: Hub, puller: Puller) -> None:
    puller.pull()
    hub.served.clear()
    assert puller.pull("musicgen-medium")
    assert len(hub.gets()) == 2
    assert hub.gets("model.safetensors") == []


def test_a_damaged_file_is_fetched_again(hub: Hub, puller: Puller, models_dir: Path) -> None:
    puller.pull()
    weights = models_dir / "musicgen-small/state_dict.bin"
    right = weights.read_bytes()
    # Laid there by hand: no record says what they are.
    (models_dir / "musicgen-small/soundloom.json").unlink()
    weights.write_bytes(bytes(len(right)))
    assert puller.pull()
    assert weights.read_bytes() == right
    weights.write_bytes(right[:1000])
    assert puller.pull()
    assert weights.read_bytes() == right


def test_a_model_is_there_only_when_all_of_it_is(puller: Puller, models_dir: Path) -> None:
    seen: list[bool] = []
    puller.on_report = lambda _: seen.append("musicgen-small" in installed_names(models_dir))
    puller.pull()
    assert not any(seen)
    assert "musicgen-small" in installed_names(models_dir)


def test_progress_counts_everything(hub: Hub, puller: Puller) -> None:
    puller.pull()
    moving = [progress for progress in puller.progress if progress.state == "fetching"]
    done = [progress.done_bytes for progress in moving]
    assert done == sorted(done)
    needed = sum(
        len(content) for name, content in hub.files.items() if "musicgen-small" in name or "t5-base" in name
    )
    assert moving[-1].done_bytes == moving[-1].total_bytes == needed
    assert {progress.total_bytes for progress in moving} == {needed}
    assert moving[-1].bytes_per_s > 0
    assert moving[-1].eta_s == 0
    assert Progress("fetching", "x", 250, 1000, 50).eta_s == 15


def test_a_codec_that_is_only_named_comes_too(hub: Hub, puller: Puller, models_dir: Path) -> None:
    pointer = models_dir.parent / "pointer.bin"
    with zipfile.ZipFile(pointer, "w") as archive:
        named = {"pretrained": "facebook/encodec_32khz", "exported": True, "version": "1.3.0"}
        archive.writestr("archive/data.pkl", pickle.dumps(named))
    hub.put("facebook/musicgen-small", **{"compression_state_dict.bin": pointer.read_bytes()})
    with pytest.raises(NotFound, match="encodec_32khz"):
        puller.pull()
    assert "musicgen-small" not in installed_names(models_dir)
    hub.put("facebook/encodec_32khz", **{"config.json": b"{}", "model.safetensors": b"codec" * 100})
    assert puller.pull()
    assert (models_dir / "encodec_32khz/model.safetensors").stat().st_size == 500
    assert "musicgen-small" in installed_names(models_dir)
    (models_dir / "encodec_32khz/config.json").unlink()
    assert holdings(models_dir)[0].missing == ("encodec_32khz/config.json",)


def test_a_pointer_is_read_without_running_it(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "codec.bin"
    contents: list[object] = [{"pretrained": Evil()}, {"pretrained": "facebook/.."}, [], {"best_state": {}}]
    for content in contents:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(content))
        assert named_codec(path) in ("", "touch", "pathlib")
    assert not (tmp_path / "ran").exists()
    path.write_bytes(b"no archive")
    assert named_codec(path) == ""
    assert named_codec(tmp_path / "none") == ""


@pytest.mark.parametrize("layout", ["facebook/musicgen-small", "musicgen-small"])
@pytest.mark.parametrize("is_url", [True, False])
def test_a_folder_serves_as_well(
    hub: Hub, models_dir: Path, tmp_path: Path, layout: str, *, is_url: bool
) -> None:
    copy = tmp_path / "a copy"
    for name, content in hub.files.items():
        repository, _, file = name.rpartition("/")
        path = copy / (repository if "/" in layout else repository.rpartition("/")[2]) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    local = Puller(copy.as_uri() if is_url else str(copy), models_dir)
    assert local.pull()
    assert files_in(models_dir) == WHOLE
    assert read_manifest(models_dir / "musicgen-small").files["state_dict.bin"].checked == "size"
    assert hub.asked == []


def test_another_models_folder_is_checked_against_its_record(
    puller: Puller, models_dir: Path, tmp_path: Path
) -> None:
    puller.pull()
    second = Puller(str(models_dir), tmp_path / "second")
    assert second.pull()
    assert read_manifest(tmp_path / "second/musicgen-small").files["state_dict.bin"].checked == "sha256"
    weights = models_dir / "musicgen-small/state_dict.bin"
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(SourceFailed, match="does not match"):
        Puller(str(models_dir), tmp_path / "third").pull()
    assert installed_names(tmp_path / "third") == frozenset()


@pytest.mark.parametrize(
    "address", ["ftp://example.org/x", "https://", "file://elsewhere/x", "/no/such/folder"]
)
def test_addresses_that_are_no_source(address: str) -> None:
    with pytest.raises(SourceFailed):
        open_source(address)


def test_one_puller_at_a_time(puller: Puller, models_dir: Path) -> None:
    with locked(models_dir, "musicgen-small"), pytest.raises(Conflict, match="another process"):
        puller.pull()
    assert puller.pull()


def test_a_pull_waits_for_a_shared_part_that_another_one_brings(
    hub: Hub, puller: Puller, models_dir: Path, tmp_path: Path
) -> None:
    Puller(hub.base, tmp_path / "other").pull()
    hub.served.clear()
    is_waiting = threading.Event()

    def note(progress: Progress) -> None:
        if progress.state == "waiting":
            is_waiting.set()

    puller.on_report = note
    with locked(models_dir, "t5-base"):
        pulling = threading.Thread(target=puller.pull)
        pulling.start()
        assert is_waiting.wait(30)
        (tmp_path / "other/t5-base").rename(models_dir / "t5-base")
    pulling.join(30)
    assert "musicgen-small" in installed_names(models_dir)
    assert hub.gets("model.safetensors") == []
    assert puller.progress[-1].done_bytes == puller.progress[-1].total_bytes


def test_a_full_disk_is_told_before_anything_is_fetched(hub: Hub, puller: Puller) -> None:
    puller.reserve_bytes = 10**18
    with pytest.raises(StorageFull, match="not enough disk space"):
        puller.pull()
    assert hub.gets() == []


def test_a_disk_that_fills_up_on_the_way_is_noticed(
    hub: Hub, puller: Puller, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.weights.transfer.CHECK_DISK_EVERY_BYTES", 1000)

    def fills_up(progress: Progress) -> None:
        if progress.state == "fetching":
            monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))

    puller.on_report = fills_up
    with pytest.raises(StorageFull, match="What has arrived is kept"):
        puller.pull()
    monkeypatch.undo()
    puller.on_report = lambda _: None
    assert puller.pull()


def test_a_record_that_cannot_be_read_is_no_record(tmp_path: Path) -> None:
    for text in ("", "[]", "{", json.dumps({"files": {"x": {"y": 1}}}), json.dumps({"unknown": 1})):
        (tmp_path / "soundloom.json").write_text(text)
        assert read_manifest(tmp_path).files == {}
