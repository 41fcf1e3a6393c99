"""Addresses that cannot be used: one clear line, and nothing of what is secret in it, nor anywhere else."""

import io
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.running import installed
from webapp.addresses import HIDDEN, Redactor, passwords_in, what_is_wrong, without_credentials
from webapp.database import engine_from
from webapp.errors import SettingsError
from webapp.logs import configure_logging
from webapp.pages.admin.server import setting_lines
from webapp.settings import Settings, load_settings
from webapp.weights.source import SourceFailed
from webapp.weights.sources import open_source

# Two words that stand on both sides of whatever cuts the address in two.
FIRST, SECOND = "hushhush", "whisper"
MALFORMED = [
    f"postgresql://u:{FIRST}#{SECOND}@h/d",
    f"postgresql://u:{FIRST}/{SECOND}@h/d",
    f"postgresql://u:{FIRST}?{SECOND}@h/d",
    f"postgresql://u:{FIRST}?{SECOND}@h:5432/d",
    f"postgresql://u:{FIRST}@{SECOND}@h/d",
    f"postgresql://u:1234#{FIRST}{SECOND}@h/d",
    f"postgresql://u:1234/{FIRST}{SECOND}@h/d",
    f"postgresql://u:{FIRST}[{SECOND}@h/d",
    f"postgresql://u:{FIRST}]{SECOND}@h/d",
    f"postgresql://u:{FIRST} {SECOND}@h/d",
    f"postgresql://u:{FIRST}\t{SECOND}@h/d",
    f"postgresql://u:{FIRST}{SECOND}@h:port/d",
    f"postgresql://u:{FIRST}{SECOND}@h:99999/d",
    f"postgresql://u:{FIRST}{SECOND}@[::1/d",
    f"postgresql://u:{FIRST}{SECOND}@h/d?sslmode",
    f"postgresql://u:{FIRST}{SECOND}@h/d?port=x",
    f"postgresql://u:{FIRST}{SECOND}@h/d#",
    f"postgresql:/u:{FIRST}{SECOND}@h/d",
    f"postgresql:u:{FIRST}{SECOND}@h/d",
    f"u:{FIRST}{SECOND}@h/d",
    f"mysql://u:{FIRST}{SECOND}@h/d",
    f"//u:{FIRST}{SECOND}@h/d",
]


def _is_quiet(text: str) -> bool:
    return FIRST not in text and SECOND not in text


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_address_is_one_line_without_secrets(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^SOUNDLOOM_DATABASE_URL [^\n]+\.$") as refusal:
        engine_from(Settings(data_dir=str(tmp_path), database_url=url))
    assert _is_quiet(str(refusal.value))
    assert refusal.value.__cause__ is None, "a traceback would quote it"


@given(st.text(min_size=1, max_size=60))
def test_any_text_is_an_address_or_not(text: str) -> None:
    for address in (text, f"postgresql://{text}", f"postgresql://u:{text}@h/d"):
        assert isinstance(what_is_wrong(address), str)
        assert isinstance(without_credentials(address), str)
        passwords_in(address)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/d",
        "postgresql:///d",
        "postgresql:///d?host=/run/postgresql",
        "postgresql://u@h",
        "postgresql://u:p%23s@h:5432/d?sslmode=require",
        "postgres://u:@one:1,two:2/d?target_session_attrs=any",
        "postgresql://u:p@[::1]:5432/d",
        "postgresql:///d?user=me@host&host=db",
    ],
)
def test_good_addresses_pass(url: str, tmp_path: Path) -> None:
    engine_from(Settings(data_dir=str(tmp_path), database_url=url))


def test_a_start_with_a_malformed_address_is_one_line(tmp_path: Path) -> None:
    for url in MALFORMED[:3]:
        with installed(tmp_path, url) as installation:
            for command in ("serve", "worker", "speech-worker"):
                refused = installation.command(command)
                assert refused.returncode == 2
                assert refused.stderr.startswith("soundloom: SOUNDLOOM_DATABASE_URL ")
                assert refused.stderr.count("\n") == 1
                assert _is_quiet(refused.stderr)


@pytest.mark.parametrize("url", [url.replace("postgresql", "https") for url in MALFORMED[:9]])
def test_the_address_of_weights_likewise(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^SOUNDLOOM_MODELS_URL [^\n]+\.$") as refusal:
        load_settings({"SOUNDLOOM_MODELS_URL": url})
    assert _is_quiet(str(refusal.value))
    with pytest.raises(SourceFailed) as failure:
        open_source(url)
    assert _is_quiet(str(failure.value))


def test_a_source_of_another_kind_is_named_without_secrets() -> None:
    with pytest.raises(SourceFailed, match="ftp://hub is neither") as failure:
        open_source(f"ftp://u:{FIRST}@hub")
    assert _is_quiet(str(failure.value))


class TestSecrets:
    """No text holds one, whoever wrote it."""

    settings = Settings(
        secret_key=f"{FIRST}-key",
        database_url=f"postgresql://u:{FIRST}%23{SECOND}@h/d?password={SECOND}",
        models_url=f"https://u:{SECOND}@hub",
    )

    def test_settings_do_not_show_them(self) -> None:
        assert _is_quiet(repr(self.settings))
        assert _is_quiet(str(self.settings))
        assert all(_is_quiet(line.value or "") for line in setting_lines(self.settings))

    @pytest.mark.parametrize("url", MALFORMED)
    def test_the_page_of_settings_does_not_show_a_malformed_address(self, url: str) -> None:
        if "://" in url:
            assert all(_is_quiet(line.value or "") for line in setting_lines(Settings(public_url=url)))

    @pytest.mark.parametrize("log_format", ["text", "json"])
    def test_the_log_leaves_them_out(self, log_format: str, caplog: pytest.LogCaptureFixture) -> None:
        stream = io.StringIO()
        before = logging.getLogger().handlers[:]
        settings = load_settings(
            {
                "SOUNDLOOM_LOG_FORMAT": log_format,
                "SOUNDLOOM_SECRET_KEY": self.settings.secret_key,
                "SOUNDLOOM_DATABASE_URL": self.settings.database_url,
            }
        )
        try:
            configure_logging(settings, stream)
            log = logging.getLogger("webapp.test")
            log.warning("cannot use %s", settings.database_url, extra={"key": settings.secret_key})
            try:
                raise RuntimeError(settings.database_url)
            except RuntimeError:
                log.exception("token sl_%s", SECOND * 5)
            log.warning("GET /setup?token=%s", FIRST * 5)
        finally:
            logging.getLogger().handlers[:] = before
        written = stream.getvalue()
        assert "cannot use" in written
        assert "RuntimeError" in written
        assert _is_quiet(written)

    def test_harmless_texts_stay_as_they_are(self) -> None:
        redact = Redactor(("", "ab"))
        for text in ("absent", "https://host/path?x=1", "sl_short", "mail me@host", "ratio 1:2@3"):
            assert redact(text) == text
        assert redact("postgresql://me:secret@host/d") == f"postgresql://{HIDDEN}host/d"


def test_an_unexpected_error_of_a_command_shows_no_secret(tmp_path: Path) -> None:
    url = f"postgresql://u:{FIRST}{SECOND}@h/d"
    code = "import sys, os, webapp.cli as cli; cli._run = lambda argv: (_ for _ in ()).throw(RuntimeError(os.environ['SOUNDLOOM_DATABASE_URL'])); cli.main([])"  # noqa: E501
    with installed(tmp_path, url) as installation:
        failed = installation.run_code(code)
    assert failed.returncode == 1
    assert "RuntimeError" in failed.stderr
    assert _is_quiet(failed.stderr.replace(code, ""))
