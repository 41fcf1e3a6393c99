"""Behind a real nginx: under a path, and with nothing configured but `proxy_pass`."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.running import PASSWORD, Installation, Server
from tests.system_tools import system_tool

SITE = "sound.test"
ORIGIN = {"host": SITE, "origin": f"http://{SITE}", "accept": "text/html,*/*;q=0.8"}
START_S = 20

NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


@pytest.fixture(scope="module")
def nginx() -> str:
    """The path of nginx."""
    return system_tool("nginx", "nginx-light")


def nginx_configuration(folder: Path, site: str) -> str:
    """The whole configuration of an nginx that keeps to a folder, around what it serves."""
    return NGINX.format(user="user root;" if os.geteuid() == 0 else "", folder=folder, site=site)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxied")


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Proxy:
    """A running nginx: the addresses of its servers, in the order of their locations."""

    addresses: list[str]


def proxied(nginx: str, folder: Path, url: str, *locations: str) -> Iterator[Proxy]:
    """An nginx in front of a server, with one port for each location."""
    ports = free_ports(len(locations))
    servers = [
        f"server {{ listen 127.0.0.1:{port}; {location} }}"
        for port, location in zip(ports, locations, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    upstream = f"upstream soundloom_app {{ server {url.removeprefix('http://')}; }}"
    configuration.write_text(nginx_configuration(folder, "\n".join([upstream, *servers])))
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(configuration)])
    try:
        for port in ports:
            wait_for(port, process)
        yield Proxy([f"http://127.0.0.1:{port}" for port in ports])
    finally:
        process.terminate()
        process.wait(START_S)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, "nginx ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("nginx did not listen")


@pytest.fixture(scope="module")
def below_server(folder: Path) -> Iterator[str]:
    """Where it listens; what it prints is the public address."""
    (port,) = free_ports(1)
    installation = Installation(
        folder / "below",
        public_url=f"http://{SITE}/sound/",
        engine="sketch",
        trusted_proxies="127.0.0.1",
        port=port,
    )
    installation.token("ann", "creator", "--admin")
    process = installation.start("serve")
    try:
        assert process.stdout.readline().endswith(f"http://{SITE}/sound\n")
        yield f"http://127.0.0.1:{port}"
    finally:
        installation.end()


@pytest.fixture(scope="module")
def below_proxy(nginx: str, folder: Path, below_server: str) -> Iterator[Proxy]:
    keeps = f"location /sound/ {{ proxy_pass {below_server}; }}"
    strips = f"location /sound/ {{ proxy_pass {below_server}/; }}"
    yield from proxied(nginx, folder / "nginx-below", below_server, keeps, strips)


class TestUnderAPath:
    @pytest.mark.parametrize("which", [0, 1], ids=["keeps", "strips"])
    def test_everything_is_found_there(self, below_proxy: Proxy, which: int) -> None:
        with httpx.Client(base_url=below_proxy.addresses[which], headers=ORIGIN, timeout=30) as browser:
            signed_in = browser.post("/sound/login", data={"username": "ann", "password": PASSWORD})
            assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/sound/")
            assert "path=/sound" in signed_in.headers["set-cookie"].lower().replace(" ", "")
            job = _made(browser)
            _walk(browser)
            _follow(browser, job)

    def test_signing_in_leads_back(self, below_proxy: Proxy) -> None:
        with httpx.Client(base_url=below_proxy.addresses[1], headers=ORIGIN) as browser:
            asked = browser.get("/sound/account")
            assert asked.headers["location"] == "/sound/login?next=/account"
            fields = {"username": "ann", "password": PASSWORD, "next": "/account"}
            assert browser.post("/sound/login", data=fields).headers["location"] == "/sound/account"


def _made(browser: httpx.Client) -> str:
    """Make a sound over the API; the id of its job. Every address in the answers is the outer one."""
    fields = {"username": "ann", "password": PASSWORD}
    token = browser.post("/sound/api/auth/token", json=fields).json()["token"]
    bearer = {"authorization": f"Bearer {token}"}
    made = browser.post(
        "/sound/generate", json={"prompt": "rain", "duration": 1}, headers={**bearer, "prefer": "wait=45"}
    )
    assert made.status_code == 201, made.text
    job = made.json()
    assert made.headers["location"] == f"/sound/job/{job['job_id']}"
    while job["status"] not in {"completed", "failed"}:
        job = browser.get(made.headers["location"], headers={**bearer, "prefer": "wait=45"}).json()
        time.sleep(0.1)
    for address in (job["audio_url"], job["spectrogram_url"], *job["formats"].values()):
        assert address.startswith("/sound/")
        assert browser.get(address).status_code == 200
    sounds = browser.get("/sound/api/my-generations?per_page=1", headers=bearer)
    assert sounds.json()["items"][0]["audio_url"].startswith("/sound/audio/")
    if sounds.json()["has_more"]:
        following = re.search("<(.*)>", sounds.headers["link"])
        assert following is not None
        assert browser.get(following[1], headers=bearer).status_code == 200
    assert browser.get("/sound/schema/openapi.json").json()["servers"] == [{"url": "/sound"}]
    return str(job["job_id"])


def _walk(browser: httpx.Client) -> None:
    """Every address that a page names, and every page that they lead to, is there."""
    waiting, seen = ["/sound/"], set[str]()
    while waiting:
        address = waiting.pop()
        # Filters of a list lead to ever more of them.
        if address.partition("?")[0] in seen:
            continue
        seen.add(address.partition("?")[0])
        answer = browser.get(address, headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code in {200, 303}, f"{address}: {answer.status_code}"
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        named = [unescape(name) for name in re.findall(r'[\s](?:href|src)="([^"#]+)', answer.text)]
        posted = re.findall(r'\s(?:action|formaction|hx-[a-z]+|hx-sse:connect)="(/[^"]*)', answer.text)
        assert all(name.startswith("/sound/") for name in posted), address
        own = [name for name in named if "://" not in name]
        assert all(name.startswith("/sound/") for name in own), address
        waiting += own
    assert any("/sound/static/" in address for address in seen)
    assert any("/sound/sounds/" in address for address in seen)


def _follow(browser: httpx.Client, job_id: str) -> None:
    """Streams come through, for a page as for a program."""
    seen = browser.get(f"/sound/job/{job_id}/events", headers={"sec-fetch-site": "same-origin"})
    assert '"audio_url":"/sound/audio/' in seen.text
    with browser.stream("GET", "/sound/events?view=generate") as stream:
        assert stream.status_code == 200
        assert next(stream.iter_text())
    scripts = re.search(r'src="(/sound/static/[^"]*)js/app\.js"', browser.get("/sound/").text)
    assert scripts is not None
    assert browser.get(f"{scripts[1]}js/root.js").status_code == 200


@pytest.fixture(scope="module")
def bare_server(folder: Path) -> Iterator[Server]:
    installation = Installation(folder / "bare", workers=0)
    try:
        yield installation.serve()
    finally:
        installation.end()


@pytest.fixture(scope="module")
def bare_proxy(nginx: str, folder: Path, bare_server: Server) -> Iterator[Proxy]:
    bare = f"location / {{ proxy_pass {bare_server.url}; }}"
    named = "location / { proxy_pass http://soundloom_app; }"
    yield from proxied(nginx, folder / "nginx-bare", bare_server.url, bare, named)


class TestNothingButProxyPass:
    def test_a_refused_form_names_the_setting(self, bare_proxy: Proxy) -> None:
        fields = {"username": "bob", "password": PASSWORD}
        with httpx.Client(base_url=bare_proxy.addresses[0], headers=ORIGIN) as browser:
            assert browser.get("/register").status_code == 200
            refused = browser.post("/register", data=fields, headers={"cookie": "soundloom_session=x"})
        assert refused.status_code == 403
        assert "SOUNDLOOM_PUBLIC_URL" in refused.text

    def test_an_unknown_name_is_told_on_a_page(self, bare_proxy: Proxy) -> None:
        with httpx.Client(base_url=bare_proxy.addresses[1]) as client:
            page = client.get("/", headers=ORIGIN)
            assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
            assert "<h1>" in page.text
            for setting in ("SOUNDLOOM_PUBLIC_URL", "SOUNDLOOM_ALLOWED_HOSTS"):
                assert setting in page.text
            problem = client.get("/", headers={"accept": "application/json"})
            assert "SOUNDLOOM_ALLOWED_HOSTS" in problem.json()["detail"]
