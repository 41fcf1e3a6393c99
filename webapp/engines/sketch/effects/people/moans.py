"""Human sounds without words: clearing the throat, and weeping."""

from webapp.engines.sketch.effects.synthesis.calls import Syllable, call
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.synthesis.vocal import Formant, Glottis

_AHEM = (
    Syllable(
        0.16,
        ((0, 105), (0.5, 120), (1, 95)),
        ((0, 0), (0.2, 1), (0.7, 0.7), (1, 0)),
        (((520, 600), 140), ((1150, 1250), 200), ((2500,), 350)),
        Glottis(0.72, 0.55, 0.05, 0.7, 55),
        wait_s=0.06,
    ),
    Syllable(
        0.4,
        ((0, 112), (0.4, 100), (1, 82)),
        ((0, 0), (0.1, 1), (0.5, 0.6), (1, 0)),
        (((600, 450), 140), ((1200, 1050), 200), ((2500,), 350)),
        Glottis(0.7, 0.5, 0.05, 0.6, 50),
    ),
)
_SOB_THROAT: tuple[Formant, ...] = (((620, 720, 560), 150), ((1500, 1350, 1400), 220), ((2800,), 380))
_SOB = (
    *(
        Syllable(
            0.2,
            ((0, hz * 0.92), (0.3, hz), (1, hz * 0.8)),
            ((0, 0), (0.25, 1), (1, 0)),
            _SOB_THROAT,
            Glottis(0.78, 0.35, 0.025, 0.1, 45),
            wait_s=0.06,
            loudness=loud,
        )
        for hz, loud in ((330, 0.6), (345, 0.75), (325, 0.7))
    ),
    Syllable(
        0.9,
        ((0, 340), (0.2, 395), (0.6, 340), (1, 250)),
        ((0, 0), (0.1, 1), (0.6, 0.7), (1, 0)),
        _SOB_THROAT,
        Glottis(0.8, 0.25, 0.02, 0.1, 45),
        vibrato=(6.5, 0.03),
        tremor=(6.5, 0.5),
    ),
)

EFFECTS = (
    event_effect(
        "throat", "human", "Somebody clears the throat", call(*_AHEM, span=1.25), 0.7, Pacing((2.2, 1.2), 0.2)
    ),
    event_effect("sob", "human", "Somebody weeps", call(*_SOB, span=1.3), 1.9, Pacing((2.6, 1.9), 0.2)),
)
