"""A Python client made by openapi-generator from the server's own description."""

import importlib
import subprocess
import sys
import time
from pathlib import Path

PACKAGE = "soundloom_generated"
SIGN_IN = {"username": "generator", "password": "of a generated account"}


def main(address: str, _token: str) -> None:
    sys.path.insert(0, str(_made(address)))
    generated = importlib.import_module(PACKAGE)
    anybody = generated.ApiClient(generated.Configuration(host=address))
    accounts = generated.AccountsApi(anybody)
    accounts.register(generated.RegisterBody(**SIGN_IN))
    token = accounts.create_token(generated.TokenBody(**SIGN_IN)).token
    client = generated.ApiClient(generated.Configuration(host=address, access_token=token))

    jobs = generated.GenerationApi(client)
    answer = jobs.generate(generated.GenerateBody(prompt="calm rain", duration=2))
    submitted = answer.actual_instance or answer
    job = _ended(jobs, submitted.job_id)
    assert job.status == "completed"
    audio = generated.FilesApi(client).get_audio(job.filename)
    assert bytes(audio[:4]) == b"RIFF"

    try:
        generated.QueueApi(client).cancel_job(submitted.job_id)
    except generated.ApiException as error:
        assert (error.status, error.data.code) == (400, "job_not_queued")
    else:
        raise AssertionError("a completed job was cancelled")

    own = generated.LibraryApi(client).list_own_sounds(search="rain")
    assert own.items[0].id == job.generation_id
    spoken = generated.SpeechApi(client).speak(generated.SpeechBody(text="Good morning."))
    assert spoken.success
    assert spoken.duration > 0.3


def _made(address: str) -> Path:
    folder = Path("openapi-generator").resolve()
    command = ["openapi-generator-cli", "generate", "-g", "python", "--package-name", PACKAGE]
    command += ["-i", f"{address}/schema/openapi.json", "-o", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def _ended(jobs: object, job_id: str) -> object:
    for _ in range(600):
        job = jobs.get_job(job_id)
        if job.status not in {"queued", "processing"}:
            return job
        time.sleep(0.2)
    raise AssertionError("the job did not end")


if __name__ == "__main__":
    main(*sys.argv[1:])
