"""Long sounds: no click, no clipping, no offset, no dead air.

`make sketch-long` tries sixty prompts for three minutes; the suite a tenth of them, two for three minutes and
the others for one.
"""

import os

import numpy as np
import pytest

from webapp.audio.waveform import Samples
from webapp.engines.sketch.effects.render import SAMPLE_RATE
from webapp.engines.sketch.mixing import SECTION_FRAMES, render_plan
from webapp.engines.sketch.understanding.reading import read_prompt

pytestmark = [pytest.mark.share, pytest.mark.slow]

LONGEST_S, LONG_S = 180, 60
# Every tenth is part of the suite.
PROMPTS = [
    "house", "ambient", "lofi hip hop", "techno", "trance", "drum and bass", "dubstep", "synthwave",
    "hip hop", "trap", "jazz trio", "rock", "metal", "punk rock", "funk", "disco", "reggae", "ska",
    "big band", "blues", "orchestra", "country", "bluegrass", "folk", "bossa nova", "salsa", "tango",
    "waltz", "march", "baroque", "rain and thunder", "string quartet", "cinematic", "choir", "chiptune",
    "lullaby", "music box", "solo piano", "solo flute in D", "horror music", "slow piano over heavy rain",
    "ocean waves", "wind in the trees", "campfire", "city traffic", "helicopter", "applause",
    "crickets at night", "waterfall", "vacuum cleaner", "rain, then thunder, then birds",
    "a forest at dawn", "heavy rain on a tin roof", "train ride", "white noise", "dark drone", "a jungle",
    "guitar by a campfire", "ambient pads over ocean waves", "techno, then silence, then a choir",
]  # fmt: skip
# Music, and music over a sound that goes on.
IN_FULL = ("orchestra", "slow piano over heavy rain")
if os.environ.get("SKETCH_LONG"):
    TRIED = [(prompt, LONGEST_S) for prompt in PROMPTS]
else:
    TRIED = [(prompt, LONGEST_S if prompt in IN_FULL else LONG_S) for prompt in PROMPTS[::10]]


@pytest.fixture(params=TRIED, scope="module", ids=[f"{prompt} {seconds}" for prompt, seconds in TRIED])
def whole(request: pytest.FixtureRequest) -> Samples:
    prompt, seconds = request.param
    plan = read_prompt(prompt, "music", 1)
    assert not plan.is_empty
    sound = np.concatenate(list(render_plan(plan, seconds * SAMPLE_RATE, with_ending=True)), axis=1)
    assert sound.shape == (2, seconds * SAMPLE_RATE)
    return sound


def test_prompts_are_sixty() -> None:
    assert len(set(PROMPTS)) == 60
    assert sum(seconds == LONGEST_S for _, seconds in TRIED) >= len(IN_FULL)


def test_it_is_clean(whole: Samples) -> None:
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() < 1.6, "loudness is for the finishing to set, within the room of floats"
    assert np.abs(whole.mean(axis=1, dtype=np.float64)).max() < 2e-3
    # Nothing sticks to a ceiling.
    flat = whole[0]
    at_peak = np.abs(flat) > 0.9999 * np.abs(flat).max()
    assert not (at_peak[:-2] & at_peak[1:-1] & at_peak[2:]).any()


def test_there_is_no_dead_air(whole: Samples) -> None:
    seconds = whole.reshape(2, -1, SAMPLE_RATE).astype(np.float32)
    levels_db = 10 * np.log10((seconds**2).mean(axis=(0, 2)) + 1e-12)
    quiet = levels_db[:-2] < levels_db.max() - 55
    longest = max((len(run) for run in "".join("q" if q else "." for q in quiet).split(".")), default=0)
    assert longest <= 3


def test_there_are_no_clicks_between_sections(whole: Samples) -> None:
    """At the seams the wave bends no more than it does within the sections around them."""
    bends = np.abs(np.diff(whole.mean(axis=0), 2))
    seams = np.arange(SECTION_FRAMES, whole.shape[1] - SECTION_FRAMES, SECTION_FRAMES)
    at_seams = np.array([bends[seam - 3 : seam + 2].max() for seam in seams])
    around = np.array([bends[seam - 6000 : seam + 6000] for seam in seams])
    calm = np.sort(around, axis=1)[:, -60]
    # A stroke may fall on a seam by chance; clicks of a fault would be at many of them.
    assert np.mean(at_seams > 3 * calm + 1e-3) < 0.05
