"""The proxies of `docs/deploy/proxy`, as they are, with TLS, before a real server."""

import datetime as dt
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.processes.test_proxies import START_S, free_ports, nginx_configuration, wait_for
from tests.running import PASSWORD, Installation
from tests.system_tools import system_tool
from webapp.settings import Settings

DEPLOY: Final = Path(__file__).parents[2] / "docs/deploy"
SITE: Final = "sound.example.org"
# A certificate of its own, and nothing outside its folder.
CADDY_FRAME: Final = (
    "{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n}}\n{site}"
)
SETTING: Final = re.compile(r"\bSOUNDLOOM_([A-Z0-9_]+)\b")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server listens that is known by the name of the site."""
    (port,) = free_ports(1)
    installation = Installation(
        tmp_path_factory.mktemp("deployed") / "data",
        public_url=f"https://{SITE}",
        trusted_proxies="127.0.0.1",
        engine="sketch",
        port=port,
        speech_workers=0,
    )
    installation.token("ann", "creator", "--admin")
    try:
        assert SITE in installation.start("serve").stdout.readline()
        yield f"127.0.0.1:{port}"
    finally:
        installation.end()


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    """Put what this machine has in the place of what the file names, each of which it must name."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the site, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SITE)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "fullchain.pem", folder / "privkey.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, private


def _nginx(folder: Path, port: int, upstream: str) -> list[str]:
    chain, private = _certificate(folder)
    site = _replaced(
        (DEPLOY / "proxy/nginx.conf").read_text(),
        ("server 127.0.0.1:5309;", f"server {upstream};"),
        ("listen 80;", f"listen 127.0.0.1:{free_ports(1)[0]};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        (f"/etc/letsencrypt/live/{SITE}/fullchain.pem", str(chain)),
        (f"/etc/letsencrypt/live/{SITE}/privkey.pem", str(private)),
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(nginx_configuration(folder, site))
    return ["-p", str(folder), "-c", str(configuration)]


def _caddy(folder: Path, _port: int, _upstream: str) -> list[str]:
    configuration = folder / "Caddyfile"
    configuration.write_text(CADDY_FRAME.format(site=(DEPLOY / "proxy/Caddyfile").read_text()))
    return ["run", "--config", str(configuration), "--adapter", "caddyfile"]


ARGUMENTS: Final = {"nginx": _nginx, "caddy": _caddy}
PACKAGES: Final = {"nginx": "nginx-light", "caddy": "caddy"}


@dataclass(frozen=True)
class Browser:
    """Asks through the proxy, by the name of the site."""

    client: httpx.Client

    def ask(self, method: str, path: str, **named: Any) -> httpx.Response:
        return self.client.request(method, path, extensions={"sni_hostname": SITE}, **named)


@pytest.fixture(params=ARGUMENTS, scope="module")
def browser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, upstream: str
) -> Iterator[Browser]:
    found = system_tool(request.param, PACKAGES[request.param])
    folder = tmp_path_factory.mktemp(request.param)
    (port,) = free_ports(1)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [found, *ARGUMENTS[request.param](folder, port, upstream)],
            env={**os.environ, **home, "SITE": f"{SITE}:{port}", "UPSTREAM": upstream},
            stderr=log,
        )
    try:
        wait_for(port, process)
        # Each of them has signed its own certificate.
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        headers = {"host": SITE, "origin": f"https://{SITE}"}
        with httpx.Client(
            base_url=f"https://127.0.0.1:{port}", headers=headers, verify=trusting, timeout=START_S
        ) as client:
            yield Browser(client)
    finally:
        process.terminate()
        process.wait(START_S)


@pytest.fixture(scope="module")
def bearer(browser: Browser) -> dict[str, str]:
    fields = {"username": "ann", "password": PASSWORD}
    token = browser.ask("POST", "/api/auth/token", json=fields).json()["token"]
    return {"authorization": f"Bearer {token}"}


def test_one_signs_in_over_tls(browser: Browser) -> None:
    assert browser.ask("GET", "/login").headers["strict-transport-security"]
    signed_in = browser.ask("POST", "/login", data={"username": "ann", "password": PASSWORD})
    assert signed_in.status_code == 303, signed_in.text
    assert "; secure" in signed_in.headers["set-cookie"].lower()


def test_events_come_while_the_job_runs_and_pieces_of_the_sound_after(
    browser: Browser, bearer: dict[str, str]
) -> None:
    made = browser.ask("POST", "/generate", json={"prompt": "rain", "duration": 20}, headers=bearer).json()
    stream = browser.client.stream(
        "GET", f"/job/{made['job_id']}/events", headers=bearer, extensions={"sni_hostname": SITE}
    )
    with stream as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        told = events.iter_lines()
        first = next(line for line in told if line.startswith("data:"))
        # Held back by a proxy, it would come with the end of the stream.
        assert '"status":"completed"' not in first
        assert any('"status":"completed"' in line for line in told)
    job = browser.ask("GET", f"/job/{made['job_id']}", headers=bearer).json()
    piece = browser.ask("GET", job["audio_url"], headers={"range": "bytes=100-299"})
    assert piece.status_code == 206
    assert len(piece.content) == 200


def test_a_body_as_large_as_allowed_comes_through(browser: Browser, bearer: dict[str, str]) -> None:
    long = browser.ask("POST", "/generate", json={"prompt": "x" * 60_000, "duration": 1}, headers=bearer)
    assert long.status_code == 400, long.text


def test_the_server_believes_the_proxy(browser: Browser) -> None:
    """Otherwise the admin's pages say what to set."""
    browser.ask("POST", "/login", data={"username": "ann", "password": PASSWORD})
    page = browser.ask("GET", "/admin/record")
    assert page.status_code == 200
    assert "SOUNDLOOM_TRUSTED_PROXIES" not in page.text


def test_every_file_names_settings_that_there_are() -> None:
    settings = {name.upper() for name in Settings.__struct_fields__}
    named: set[str] = set()
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            named |= set(SETTING.findall(path.read_text()))
    assert {"DATABASE_URL", "STORAGE_URL", "SECRET_KEY"} <= named
    assert named <= settings
