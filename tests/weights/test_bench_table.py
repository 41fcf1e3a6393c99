"""The table of full-size checkpoints: what is kept of earlier runs, and how it is written."""

from benchmarks.bench_models import BEGIN, DOCUMENT, END, Row, merged, table
from webapp.weights.catalogue import CHECKPOINTS


def row(name: str, **fields: str | float | None) -> Row:
    measured: Row = {
        "checkpoint": name,
        "device": "GPU",
        "precision": "float16",
        "duration_s": 10.0,
        "taken": "2026-11-22",
        "load_s": 3.0,
        "first_clip_s": 2.5,
        "clip_s": 2.0,
        "host_peak_mb": 3400.0,
        "gpu_peak_mb": 5000.0,
    }
    return measured | fields


def test_a_new_row_replaces_only_its_own() -> None:
    large, small = row("musicgen-large"), row("musicgen-small")
    rows = merged(merged([], large), small)
    # In the order of the catalogue.
    assert rows == [small, large]
    assert [checkpoint.name for checkpoint in CHECKPOINTS].index("musicgen-large") > 0
    again = row("musicgen-small", clip_s=1.0)
    assert merged(rows, again) == [again, large]
    assert len(merged(rows, row("musicgen-small", precision="float32"))) == 3
    assert len(merged(rows, row("musicgen-small", device="CPU"))) == 3


def test_the_table_says_what_did_not_fit() -> None:
    failed: Row = {
        "checkpoint": "musicgen-large", "duration_s": 10.0, "taken": "2026-11-22", "error": "out of memory"
    }  # fmt: skip
    lines = table([row("musicgen-small", at_once=8, at_once_s=4.0), failed]).splitlines()
    assert lines[2] == (
        "| musicgen-small | GPU | float16 | 3.0 s | 2.5 s | 10 s in 2.0 s | 5.00 | 8 in 4.0 s | 3.4 GB"
        " | 5.0 GB | 2026-11-22 |"
    )
    assert "| out of memory |" in lines[3]
    assert len({line.count("|") for line in lines}) == 1


def test_the_document_has_a_place_for_it() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)
