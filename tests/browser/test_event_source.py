"""A browser's own EventSource on a job: with the session, to the end, and not for ever."""

from playwright.sync_api import Page

from tests.browser.pages import Credentials
from tests.browser.sounds import musician
from tools.throwaway_server import ThrowawayServer

# Resolves when the browser has given the stream up for good, which it does at 204.
FOLLOW = """path => new Promise(resolve => {
  const told = [];
  let opened = 0;
  const source = new EventSource(path);
  source.addEventListener("job", event => told.push(JSON.parse(event.data).status));
  source.addEventListener("open", () => { opened += 1; });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) resolve({ told, opened });
  });
})"""


def test_it_follows_a_job_and_stops_after_the_end(page: Page, server: ThrowawayServer) -> None:
    with musician(server.address, "follower") as follower:
        Credentials(page).sign_in("follower")
        job = follower.api.post("/generate", json={"prompt": "rain", "duration": 1}).json()
        seen = page.evaluate(FOLLOW, f"/job/{job['job_id']}/events")
    assert seen["told"][-1] == "completed"
    assert seen["told"].count("completed") == 1
    assert seen["opened"] == 1
