"""Accounts, tokens and Aura from the shell."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.cli.conftest import Soundloom
from webapp.services.container import Services, open_services
from webapp.settings import load_settings

PASSWORD = "correct horse"
T = TypeVar("T")


def _ask(work: Callable[[Services], Awaitable[T]]) -> T:
    """What the services say of the data folder that the commands worked on."""

    async def run() -> T:
        async with open_services(load_settings()) as services:
            return await work(services)

    return asyncio.run(run())


def _create(soundloom: Soundloom, name: str, *options: str) -> None:
    made = soundloom("user", "create", name, *options, "--password-stdin", stdin=PASSWORD + "\n")
    assert (made.code, made.out, made.err) == (0, "", "")


def _rows(soundloom: Soundloom) -> list[list[str]]:
    listed = soundloom("user", "list")
    assert (listed.code, listed.err) == (0, "")
    return [line.split() for line in listed.out.splitlines()]


@pytest.fixture(autouse=True)
def _on_each_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("SOUNDLOOM_DATABASE_URL", database_url)
    if not database_url:
        request.getfixturevalue("migrated_data_dir")


def test_an_account_from_beginning_to_end(soundloom: Soundloom, data_dir: Path) -> None:
    _create(soundloom, "Ada", "--tier", "creator", "--aura", "50", "--admin")
    assert data_dir.stat().st_mode & 0o777 == 0o700
    header, row = _rows(soundloom)
    assert header == ["NAME", "TIER", "ADMIN", "DISABLED", "AURA", "CREATED"]
    assert row[:5] == ["Ada", "creator", "yes", "no", "50"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", row[5])

    assert soundloom("user", "set", "ada", "--tier", "premium", "--no-admin").code == 0
    assert _rows(soundloom)[1][:3] == ["Ada", "premium", "no"]
    assert soundloom("user", "set", "ada", "--admin").code == 0
    assert _rows(soundloom)[1][:3] == ["Ada", "premium", "yes"]
    assert soundloom("user", "disable", "ada").code == 0
    assert _rows(soundloom)[1][3] == "yes"
    assert soundloom("user", "enable", "ada").code == 0
    assert soundloom("user", "delete", "ada").code == 0
    assert _rows(soundloom) == [header]


def test_the_password_is_the_first_line_and_can_be_set_anew(soundloom: Soundloom) -> None:
    soundloom("user", "create", "ada", "--password-stdin", stdin="correct horse\r\nsecond line\n")
    identity = _ask(lambda services: services.accounts.registry.authenticate("ada", PASSWORD, address="-"))
    assert identity.username == "ada"
    session = _ask(lambda services: services.accounts.sessions.create(identity.account_id))
    changed = soundloom("user", "passwd", "ada", "--password-stdin", stdin="battery staple")
    assert (changed.code, changed.out, changed.err) == (0, "", "")
    assert (
        _ask(lambda services: services.accounts.registry.authenticate("ada", "battery staple", address="-"))
        == identity
    )
    assert _ask(lambda services: services.accounts.sessions.resolve(session)) is None


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfcorrect horse\n",
        b"\xef\xbb\xbfcorrect horse\r\n",
        b"\xef\xbb\xbfcorrect horse",
        b"\xef\xbb\xbf\xef\xbb\xbfcorrect horse\n",
        b"correct horse\n\n\n",
        b"correct horse\r",
    ],
)
def test_a_password_from_an_editor_is_the_one_that_is_typed(soundloom: Soundloom, text: bytes) -> None:
    made = soundloom("user", "create", "ada", "--password-stdin", stdin=text)
    assert (made.code, made.err) == (0, "")
    _ask(lambda services: services.accounts.registry.authenticate("ada", PASSWORD, address="-"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "Password is required"),
        (b"\xef\xbb\xbf\n", "Password is required"),
        (b"\ncorrect horse\n", "Password is required"),
        (b"correct h\xf6rse\n", "The password is not UTF-8 text"),
        ("correct horse\n".encode("utf-16"), "The password is not UTF-8 text"),
        ("correct horse\n".encode("utf-16-be"), "Password contains characters that are not allowed"),
        (b"x" * 5_000, "Password is too long"),
        ("\u96e8".encode() * 2_000, "Password is too long"),
    ],
)
def test_what_cannot_be_a_password_is_refused_in_one_line(
    soundloom: Soundloom, text: bytes, words: str
) -> None:
    refused = soundloom("user", "create", "ada", "--password-stdin", stdin=text)
    assert refused.code == 1
    assert refused.err == f"soundloom: {words}\n"
    assert len(_rows(soundloom)) == 1


def test_a_token_and_nothing_else_is_printed(soundloom: Soundloom) -> None:
    _create(soundloom, "ada")
    created = soundloom("token", "create", "ADA", "--label", "laptop")
    assert (created.code, created.err) == (0, "")
    assert re.fullmatch(r"sl_[\w-]{43}\n", created.out)
    identity = _ask(lambda services: services.accounts.tokens.identity_for(created.out.strip()))
    assert identity is not None
    assert identity.username == "ada"
    soundloom("token", "create", "ada", "--days", "0")
    tokens = _ask(lambda services: services.accounts.tokens.list(identity.account_id))
    assert [(token.label, token.expires_ms is None) for token in tokens] == [("", True), ("laptop", False)]


def test_aura_is_granted_with_reason_and_author(soundloom: Soundloom) -> None:
    _create(soundloom, "ada", "--aura", "5")
    assert soundloom("aura", "grant", "ada", "10", "--reason", "Thank you").out == "15\n"
    assert soundloom("aura", "grant", "ada", "-4", "--reason", "Mistake").out == "11\n"
    account = _ask(lambda services: services.accounts.registry.find("ada"))
    lines = _ask(lambda services: services.accounts.aura.ledger(account.account_id))
    assert [(line.kind, line.amount, line.reason) for line in lines] == [
        ("adjustment", -4, "Mistake"),
        ("grant", 10, "Thank you"),
        ("grant", 5, "Opening balance"),
    ]
    assert all(line.author is not None and line.author.startswith("shell:") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        ("user create ada --password-stdin", PASSWORD, "That username is taken"),
        ("user create ab --password-stdin", PASSWORD, "Username must be 3 to 32 letters, digits, dots,"),
        ("user create bob --password-stdin", "short", "Password must be at least 10 characters"),
        ("user create bob --password-stdin", "", "Password is required"),
        ("user create bob --password-stdin", b"\xff" * 12, "The password is not UTF-8 text"),
        ("user create bob --password-stdin", "x" * 5000, "Password is too long"),
        ("user create bob", PASSWORD, "Give the password on standard input, with --password-stdin"),
        ("user create bob --tier gold --password-stdin", PASSWORD, "Tier must be one of free, supporter,"),
        ("user create bob --aura -1 --password-stdin", PASSWORD, "Aura must not be negative"),
        ("user create bob --aura 9999999999 --password-stdin", PASSWORD, "Amount must be"),
        ("user set ada", "", "Nothing to change: give --tier, --admin or --no-admin"),
        ("user set ada --tier gold --admin", "", "Tier must be one of free, supporter,"),
        ("user set nobody --admin", "", "There is no account of that name"),
        ("user passwd nobody --password-stdin", PASSWORD, "There is no account of that name"),
        ("user disable nobody", "", "There is no account of that name"),
        ("user delete nobody", "", "There is no account of that name"),
        ("token create nobody", "", "There is no account of that name"),
        ("token create ada --days -1", "", "Days must be 0 to 36500"),
        ("aura grant nobody 1 --reason x", "", "There is no account of that name"),
        ("aura grant ada 0 --reason x", "", "Amount must be"),
        ("aura grant ada -1 --reason x", "", "Insufficient Aura balance"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    soundloom: Soundloom, arguments: str, stdin: str | bytes, message: str
) -> None:
    _create(soundloom, "ada")
    before = _rows(soundloom)
    refused = soundloom(*arguments.split(), stdin=stdin)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"soundloom: {message}")
    assert refused.err.count("\n") == 1
    assert _rows(soundloom) == before
