"""Sources that break, lie, are busy or are not there."""

import hashlib
from pathlib import Path

import pytest

from tests.weights.conftest import Puller
from tests.weights.hub import Fault, Hub, running_hub
from webapp.errors import NotFound
from webapp.weights.inventory import holdings, installed_names
from webapp.weights.source import SourceFailed
from webapp.weights.sources import open_source
from webapp.weights.transfer import MAX_FRUITLESS

WEIGHTS = "facebook/musicgen-small/state_dict.bin"
CODEC = "facebook/musicgen-small/compression_state_dict.bin"


def is_whole(models_dir: Path, hub: Hub) -> bool:
    return "musicgen-small" in installed_names(models_dir) and all(
        (models_dir / name.partition("/")[2]).read_bytes() == hub.files[name] for name in (WEIGHTS, CODEC)
    )


def test_a_broken_connection_is_gone_on_from(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.faults = [Fault(after=30_000), Fault(after=20_000)]
    assert puller.pull()
    assert is_whole(models_dir, hub)
    ranges = [headers.get("range") for headers in hub.gets("compression_state_dict.bin")]
    assert ranges == [None, "bytes=30000-", "bytes=50000-"]
    assert puller.waits == [1.0, 1.0]


def test_the_next_command_goes_on_too(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.faults = [Fault(after=30_000), *[Fault(status=503)] * (MAX_FRUITLESS + 1)]
    with pytest.raises(SourceFailed, match=r"answered 503.*What has arrived is kept"):
        puller.pull()
    assert installed_names(models_dir) == frozenset()
    small = holdings(models_dir)[0]
    assert (small.arrived_bytes, small.is_installed) == (30_000, False)
    hub.served.clear()
    again = Puller(hub.base, models_dir)
    assert again.pull()
    assert is_whole(models_dir, hub)
    assert [headers.get("range") for headers in hub.gets("compression_state_dict.bin")] == ["bytes=30000-"]
    # What was there already counts as done, and not as speed.
    first = next(progress for progress in again.progress if progress.state == "fetching")
    assert first.done_bytes >= 30_000
    assert first.bytes_per_s == 0


def test_waits_grow_and_do_what_the_source_asks_for(hub: Hub, puller: Puller) -> None:
    hub.faults = [
        *[Fault(status=503)] * 3,
        Fault(status=429, retry_after=40),
        Fault(status=503, retry_after=900),
    ]
    puller.pull()
    assert puller.waits == [1.0, 2.0, 4.0, 40.0, 60.0]


def test_a_source_that_ignores_ranges_starts_over(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.faults = [Fault(after=30_000), Fault(ignores_range=True)]
    puller.pull()
    assert is_whole(models_dir, hub)


def test_a_source_that_always_breaks_at_the_same_place_is_given_up(hub: Hub, puller: Puller) -> None:
    hub.faults = [Fault(after=30_000, ignores_range=True) for _ in range(20)]
    with pytest.raises(SourceFailed, match="ended too early"):
        puller.pull()
    assert len(hub.gets()) == MAX_FRUITLESS + 2


def test_wrong_bytes_are_thrown_away(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.faults = [Fault(corrupts=True)]
    puller.pull()
    assert is_whole(models_dir, hub)
    assert len(hub.gets("compression_state_dict.bin")) == 2


def test_a_wrong_part_does_not_spoil_the_rest(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.faults = [Fault(after=30_000, corrupts=True)]
    puller.pull()
    assert is_whole(models_dir, hub)
    # Seen only at the end; then all of it is fetched anew.
    ranges = [headers.get("range") for headers in hub.gets("compression_state_dict.bin")]
    assert ranges == [None, "bytes=30000-", None]


def test_bytes_that_stay_wrong_are_never_installed(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.faults = [Fault(corrupts=True)] * 2
    with pytest.raises(SourceFailed, match="does not match its published checksum"):
        puller.pull()
    assert holdings(models_dir)[0].disk_bytes == 0


def test_small_files_are_checked_as_git_does(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.faults = [Fault(), *[Fault(corrupts=True)] * 2]
    with pytest.raises(SourceFailed, match=r"config\.json from 127\.0\.0\.1 does not match"):
        puller.pull()
    assert not (models_dir / "t5-base/config.json").exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(content_length=5), "announced 100000 bytes, and now sends 5"),
        (Fault(content_length=200_000), "announced 100000 bytes, and now sends 200000"),
        (Fault(chunked_extra=b"more"), "more than the 100000 bytes"),
        (Fault(encoding="gzip"), "compressed on the way"),
        (Fault(content_range="bytes 7-99999/100000"), "another part"),
        (Fault(status=401), r"does not give out .* \(401\)"),
        (Fault(status=418), "answered 418"),
    ],
)
def test_sources_that_lie_or_refuse(hub: Hub, puller: Puller, fault: Fault, words: str) -> None:
    hub.faults = [fault]
    with pytest.raises(SourceFailed, match=words):
        puller.pull()


def test_a_range_that_was_not_asked_for_is_refused(hub: Hub, puller: Puller) -> None:
    hub.faults = [Fault(after=1000), Fault(content_range="bytes 0-99999/100000", ignores_range=True)]
    with pytest.raises(SourceFailed, match="another part"):
        puller.pull()


def test_what_is_not_there(hub: Hub, puller: Puller) -> None:
    del hub.files[WEIGHTS]
    with pytest.raises(NotFound, match=r"127\.0\.0\.1 has no /facebook/musicgen-small/"):
        puller.pull()
    assert hub.gets() == []


def test_nobody_there(puller: Puller, models_dir: Path) -> None:
    nobody = Puller("http://127.0.0.1:9", models_dir)
    with pytest.raises(SourceFailed, match="Is this machine offline"):
        nobody.pull()
    assert nobody.waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_redirections_without_end(hub: Hub, puller: Puller) -> None:
    hub.says_digests = False
    hub.redirect_to = f"{hub.base}/{CODEC.replace('/compression', '/resolve/main/compression')}"
    with pytest.raises(SourceFailed, match="redirects without end"):
        puller.pull()


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_redirections_to_elsewhere(hub: Hub, puller: Puller, target: str) -> None:
    hub.redirect_to = target
    with pytest.raises(SourceFailed, match="no secure connection"):
        puller.pull()


def test_a_plain_mirror_without_digests(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.has_store, hub.etag = False, '"one"'
    hub.faults = [Fault(after=30_000)]
    puller.pull()
    assert is_whole(models_dir, hub)
    asked = [
        (headers.get("range"), headers.get("if-range"))
        for method, path, headers in hub.asked
        if method == "GET" and path.endswith("compression_state_dict.bin")
    ]
    assert asked == [(None, None), ("bytes=30000-", '"one"')]


def test_a_mirror_whose_file_changes_on_the_way(hub: Hub, puller: Puller, models_dir: Path) -> None:
    hub.has_store, hub.etag = False, '"one"'
    hub.faults = [Fault(after=30_000), *[Fault(status=503)] * (MAX_FRUITLESS + 1)]
    with pytest.raises(SourceFailed):
        puller.pull()
    hub.files[CODEC] = bytes(len(hub.files[CODEC]))
    hub.etag = '"two"'
    puller.pull()
    assert is_whole(models_dir, hub)


def test_nothing_is_gone_on_from_when_nobody_can_tell_what_it_is(
    hub: Hub, puller: Puller, models_dir: Path
) -> None:
    hub.has_store = False
    hub.faults = [Fault(after=30_000), *[Fault(status=503)] * (MAX_FRUITLESS + 1)]
    with pytest.raises(SourceFailed):
        puller.pull()
    hub.served.clear()
    puller.pull()
    assert is_whole(models_dir, hub)
    assert not any("range" in headers for headers in hub.gets())


def test_a_password_is_for_its_own_server(hub: Hub, models_dir: Path) -> None:
    with running_hub() as store:
        store.files = dict(hub.files)
        hub.store_base = store.base
        Puller(hub.base.replace("//", "//ann:p%40ss@"), models_dir).pull()
        assert is_whole(models_dir, hub)
        assert {headers.get("authorization") for _, _, headers in hub.asked} == {"Basic YW5uOnBAc3M="}
        assert store.asked
        assert not any("authorization" in headers for _, _, headers in store.asked)
    for file in models_dir.rglob("*.json"):
        assert "p@ss" not in file.read_text()
        assert "p%40ss" not in file.read_text()


def test_a_length_is_needed(hub: Hub, puller: Puller) -> None:
    hub.has_store, hub.says_length = False, False
    with pytest.raises(SourceFailed, match="does not say how long"):
        puller.pull()


def test_what_the_hub_says_is_understood(hub: Hub) -> None:
    remote = open_source(hub.base).describe("facebook/musicgen-small", "state_dict.bin", "")
    assert remote.sha256 == hashlib.sha256(hub.files[WEIGHTS]).hexdigest()
    assert remote.size_bytes == len(hub.files[WEIGHTS])
