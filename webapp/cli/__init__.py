"""The `soundloom` command."""

import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import msgspec

from webapp.addresses import Redactor, passwords_in
from webapp.cli.parser import build_parser
from webapp.errors import DatabaseUnusable, ProductError, SettingsError
from webapp.settings import PREFIX, Settings
from webapp.surroundings import UNSHOWN, give_up_output, prepare

if TYPE_CHECKING:
    from argparse import Namespace

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
# As a shell tells of a program that a closed pipe ended.
EXIT_UNREAD: Final = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused, 2 wrong usage or settings.

    What went wrong is one line on standard error; standard output has only what was asked for. Where nobody
    reads it to its end, as in `soundloom voices list | head -1`, the command ends without a word.
    """
    if argv is None:
        prepare(_cache_path())
    sys.excepthook = _report_unexpected
    try:
        return _run(argv)
    except BrokenPipeError:
        give_up_output()
        return EXIT_UNREAD


def _cache_path() -> Path:
    """Where caches go, read before the settings are checked: everything else comes after."""
    names = ("data_dir", "cache_dir")
    given = {name: os.environ.get(f"{PREFIX}{name.upper()}", "").strip() for name in names}
    return msgspec.convert({name: text for name, text in given.items() if text}, Settings).cache_path


def _run(argv: Sequence[str] | None) -> int:
    """Raises BrokenPipeError only for standard output."""
    try:
        arguments = build_parser().parse_args(argv)
        code = _command(arguments.command)(arguments)
        sys.stdout.flush()
    except SystemExit as exit_:
        # How argparse ends after a usage error, --help and --version.
        return EXIT_USAGE if exit_.code else 0
    except SettingsError as error:
        return _failed(str(error), EXIT_USAGE)
    except DatabaseUnusable as error:
        return _failed(str(error), EXIT_REFUSED)
    except ProductError as error:
        return _failed(error.message, EXIT_REFUSED)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _is_unread():
            raise
        _finish_output()
        where = f": {error.filename}" if error.filename else ""
        return _failed(f"{error.strerror or error}{where}", EXIT_REFUSED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code


def _command(name: str) -> "Callable[[Namespace], int]":
    """The function behind `module:function`; only the module that is needed is imported."""
    module, _, function = name.partition(":")
    command: Callable[[Namespace], int] = getattr(import_module(f"webapp.cli.{module}"), function)
    return command


def _is_unread() -> bool:
    """Return whether standard output is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _finish_output() -> None:
    """Write what is left for standard output; where that fails, keep the end of the process from trying."""
    try:
        sys.stdout.flush()
    except OSError:
        give_up_output()


def _failed(message: str, code: int) -> int:
    encoding = sys.stderr.encoding or "utf-8"
    text = f"soundloom: {_redactor()(message)}"
    print(text.encode(encoding, UNSHOWN).decode(encoding), file=sys.stderr)
    return code


def _redactor() -> Redactor:
    """Takes out what this command was given of secrets, be the settings wrong."""
    addresses = (os.environ.get(PREFIX + name, "") for name in ("DATABASE_URL", "MODELS_URL"))
    secrets = [text for address in addresses for text in passwords_in(address)]
    return Redactor([*secrets, os.environ.get(f"{PREFIX}SECRET_KEY", ""), os.environ.get("PGPASSWORD", "")])


def _report_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print what Python prints for an error that nobody caught, without secrets."""
    print(_redactor()("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr, end="")
