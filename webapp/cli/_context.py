"""Code that the commands share: short-lived services, passwords, and prompts at a terminal."""

import asyncio
import getpass
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from webapp.database import MigrationFailed
from webapp.database.faults import DATABASE_ERRORS
from webapp.errors import DatabaseAway, InvalidRequest, StorageAway, Unavailable
from webapp.policy.accounts.credentials import MAX_PASSWORD_BYTES, checked_password
from webapp.services.container import Services, open_services
from webapp.settings import load_settings

T = TypeVar("T")

MAX_AUTHOR_CHARACTERS: Final = 32
EXIT_ORPHANED: Final = 75
BYTE_ORDER_MARK: Final = "\ufeff"


def with_services(work: Callable[[Services], Awaitable[T]], *, begins_anew: bool = False) -> T:
    """Run `work` over the services of this data folder, whose database is brought up to date first.

    A database that is away is waited for, but not for ever. With `begins_anew`, an empty one will do even
    where sounds are.
    """

    async def run() -> T:
        async with open_services(load_settings(), begins_anew=begins_anew) as services:
            return await work(services)

    try:
        return asyncio.run(run())
    except DatabaseAway as error:
        raise Unavailable(f"The database cannot be used: {error.reason or error.message}") from error
    except StorageAway as error:
        raise Unavailable(f"The storage cannot be used: {error.reason or error.message}") from error
    except (MigrationFailed, *DATABASE_ERRORS) as error:
        raise Unavailable(f"The database cannot be used: {error}") from error


def read_password(*, from_stdin: bool) -> str:
    """A new password, from the first line of standard input or typed twice at a terminal.

    Raises InvalidRequest, also for what cannot be a password. It is never an argument: those can be seen
    by everyone on a machine.
    """
    if from_stdin:
        return checked_password(_first_line())
    if not sys.stdin.isatty():
        raise InvalidRequest("Give the password on standard input, with --password-stdin")
    password = checked_password(getpass.getpass("Password: "))
    if getpass.getpass("Again: ") != password:
        raise InvalidRequest("The two passwords differ")
    return password


def end_with_parent() -> None:
    """From now on, end this process at once when standard input ends: whoever started it is gone."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(EXIT_ORPHANED)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def operator() -> str:
    """Who uses the command, for the ledger; the colon keeps it apart from every username."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        user = str(os.getuid())
    return f"shell:{user}"[:MAX_AUTHOR_CHARACTERS]


def _first_line() -> str:
    # A password may be shorter in the form that is hashed, but not by more than this.
    limit = 3 * MAX_PASSWORD_BYTES
    line = sys.stdin.buffer.readline(limit + 1)
    if len(line) > limit:
        raise InvalidRequest("Password is too long")
    try:
        # Windows' editors begin UTF-8 with a mark that nobody can type at a sign-in. Files that were put
        # together have several.
        return line.decode().lstrip(BYTE_ORDER_MARK).removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The password is not UTF-8 text") from error
