"""All three models through HTTP, from a second to three minutes, to a file that is what it says.

Half a minute is several windows of audio and magnet; three minutes are as long as a sound may be.
"""

import io

import pytest
import soundfile

from tests.models_e2e.conftest import CHECKPOINTS, TINY
from tests.running import Client

pytestmark = pytest.mark.slow

FRAME_S = 0.1


@pytest.mark.parametrize(
    ("model", "duration_s"),
    [("music", 1), ("music", 180), ("audio", 1), ("audio", 30), ("magnet", 1), ("magnet", 30)],
)
def test_a_sound_of_every_model_and_length(client: Client, model: str, duration_s: int) -> None:
    job = client.wait_for(
        client.submit("calm rain", model=model, duration=duration_s, seed=5), "completed", "failed"
    )
    assert job["status"] == "completed", job
    assert (job["engine"], job["checkpoint"]) == ("audiocraft", CHECKPOINTS[model])
    content = client.http.get(job["audio_url"]).raise_for_status().content
    sound, rate = soundfile.read(io.BytesIO(content), always_2d=True)
    assert rate == TINY[model].sample_rate
    assert abs(len(sound) / rate - duration_s) <= FRAME_S
    assert sound.shape[1] == 1
    assert abs(sound).max() > 0.01, "it is not silent"
