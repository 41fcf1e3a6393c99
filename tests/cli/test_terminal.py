"""Commands with somebody at a terminal."""

import getpass
import io
import sys
from pathlib import Path

import pytest

from webapp.cli import main


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOUNDLOOM_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Passwords that are typed when asked for, in their order."""
    answers: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: answers.pop(0))
    monkeypatch.setattr(sys, "stdin", Terminal())
    return answers


def test_a_password_is_typed_twice(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    typed[:] = ["correct horse", "correct horse"]
    assert main(["user", "create", "ada"]) == 0
    typed[:] = ["battery staple", "battery stable"]
    assert main(["user", "passwd", "ada"]) == 1
    assert capsys.readouterr().err == "soundloom: The two passwords differ\n"


def test_a_password_that_is_too_short_is_not_asked_for_again(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    typed[:] = ["short", "never asked for"]
    assert main(["user", "create", "ada"]) == 1
    assert typed == ["never asked for"]
    assert "at least 10 characters" in capsys.readouterr().err


def test_deleting_asks_for_the_name(
    typed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed[:] = ["correct horse", "correct horse"]
    main(["user", "create", "ada"])
    monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
    assert main(["user", "delete", "ada"]) == 1
    assert capsys.readouterr().err == "soundloom: Nothing was deleted\n"
    monkeypatch.setattr(sys, "stdin", Terminal("ada\n"))
    assert main(["user", "delete", "ada"]) == 0
    assert main(["user", "delete", "ada", "--yes"]) == 1
    assert "There is no account of that name" in capsys.readouterr().err
