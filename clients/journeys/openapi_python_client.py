"""A client made by openapi-python-client from the server's own description."""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

# It knows one media type of files.
FILES = ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "image/png", "application/zip")
SIGN_IN = {"username": "generated", "password": "of a generated account"}


def main(address: str, _token: str) -> None:
    made = _made(address)
    sys.path.insert(0, str(made.parent))
    client_module = importlib.import_module("generated.client")
    models = importlib.import_module("generated.models")

    def operation(tag: str, name: str) -> object:
        return importlib.import_module(f"generated.api.{tag}.{name}")

    anybody = client_module.Client(base_url=address)
    registered = operation("accounts", "register").sync(client=anybody, body=models.RegisterBody(**SIGN_IN))
    assert registered.username == "generated", registered
    token = operation("accounts", "create_token").sync(client=anybody, body=models.TokenBody(**SIGN_IN))
    client = client_module.AuthenticatedClient(base_url=address, token=token.token)

    generate, get_job = operation("generation", "generate"), operation("generation", "get_job")
    submitted = generate.sync(client=client, body=models.GenerateBody(prompt="calm rain", duration=2))
    job = _ended(get_job, client, submitted.job_id)
    assert (job.status, job.created.year > 2000) == ("completed", True)
    audio = operation("files", "get_audio").sync(job.filename, client=client)
    assert audio.payload.read(4) == b"RIFF"

    refused = operation("queue", "cancel_job").sync_detailed(submitted.job_id, client=client)
    assert (refused.status_code, refused.parsed.code) == (400, "job_not_queued")
    assert refused.parsed.error == "Job is not in queue"

    own = operation("library", "list_own_sounds").sync(client=client, search="rain")
    assert own.items[0].id == job.generation_id
    spoken = operation("speech", "speak").sync(client=client, body=models.SpeechBody(text="Good morning."))
    assert spoken.success
    assert spoken.duration > 0.3


def _made(address: str) -> Path:
    folder, config = Path("generated").resolve(), Path("config.json")
    overrides = dict.fromkeys(FILES, "application/octet-stream")
    config.write_text(json.dumps({"content_type_overrides": overrides}))
    description = f"{address}/schema/openapi.json"
    command = ["openapi-python-client", "generate", "--url", description, "--meta", "none"]
    command += ["--output-path", str(folder), "--config", str(config), "--overwrite"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def _ended(get_job: object, client: object, job_id: str) -> object:
    for _ in range(600):
        job = get_job.sync(job_id, client=client)
        if job.status not in {"queued", "processing"}:
            return job
        time.sleep(0.2)
    raise AssertionError("the job did not end")


if __name__ == "__main__":
    main(*sys.argv[1:])
