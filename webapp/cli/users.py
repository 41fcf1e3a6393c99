"""`soundloom user …`."""

import sys
from argparse import Namespace
from datetime import UTC, datetime

from webapp.cli._context import operator, read_password, with_services
from webapp.cli._table import print_table
from webapp.errors import InvalidRequest
from webapp.policy.accounts.credentials import checked_username
from webapp.services.accounts.views import AccountView
from webapp.services.container import Services

COLUMNS = ("NAME", "TIER", "ADMIN", "DISABLED", "AURA", "CREATED")


def create(arguments: Namespace) -> int:
    """Make an account, with the Aura it begins with, or nothing at all."""
    if arguments.aura < 0:
        raise InvalidRequest("Aura must not be negative")
    name = checked_username(arguments.name)
    password = read_password(from_stdin=arguments.password_stdin)

    async def work(services: Services) -> None:
        new = await services.accounts.registry.prepare(name, password)
        async with services.database.transaction():
            identity = await services.accounts.registry.insert(
                new, tier=arguments.tier, is_admin=arguments.admin
            )
            if arguments.aura:
                await services.accounts.aura.grant(
                    identity.account_id, arguments.aura, reason="Opening balance", author=operator()
                )

    with_services(work)
    return 0


def show(_arguments: Namespace) -> int:
    """List the accounts, one on each line."""

    async def work(services: Services) -> tuple[AccountView, ...]:
        return await services.accounts.registry.list()

    print_table(COLUMNS, [_row(account) for account in with_services(work)])
    return 0


def change(arguments: Namespace) -> int:
    """Change an account's tier or rights; both or neither."""
    if arguments.tier is None and arguments.admin is None:
        raise InvalidRequest("Nothing to change: give --tier, --admin or --no-admin")

    async def work(services: Services) -> None:
        async with services.database.transaction():
            account = await services.accounts.registry.find(arguments.name)
            if arguments.tier is not None:
                await services.accounts.registry.set_tier(account.account_id, arguments.tier)
            if arguments.admin is not None:
                await services.accounts.registry.set_admin(account.account_id, is_admin=arguments.admin)

    with_services(work)
    return 0


def set_password(arguments: Namespace) -> int:
    """Set an account's password and end its sessions."""
    password = read_password(from_stdin=arguments.password_stdin)

    async def work(services: Services) -> None:
        account = await services.accounts.registry.find(arguments.name)
        await services.accounts.registry.set_password(account.account_id, password)

    with_services(work)
    return 0


def disable(arguments: Namespace) -> int:
    """Shut an account out."""

    async def work(services: Services) -> None:
        account = await services.accounts.registry.find(arguments.name)
        await services.accounts.registry.disable(account.account_id)

    with_services(work)
    return 0


def enable(arguments: Namespace) -> int:
    """Let a disabled account in again."""

    async def work(services: Services) -> None:
        account = await services.accounts.registry.find(arguments.name)
        await services.accounts.registry.enable(account.account_id)

    with_services(work)
    return 0


def delete(arguments: Namespace) -> int:
    """Delete an account, its jobs and its sounds; at a terminal, only once its name was typed again."""
    if sys.stdin.isatty() and not arguments.yes:
        print(
            f"This deletes {arguments.name} with all jobs and sounds. Type the name to go on: ",
            end="",
            flush=True,
        )
        if sys.stdin.readline().strip() != arguments.name:
            raise InvalidRequest("Nothing was deleted")

    async def work(services: Services) -> None:
        account = await services.accounts.registry.find(arguments.name)
        await services.accounts.deletion.delete(account.account_id)

    with_services(work)
    return 0


def _row(account: AccountView) -> tuple[str, ...]:
    return (
        account.username,
        account.tier,
        "yes" if account.is_admin else "no",
        "yes" if account.is_disabled else "no",
        str(account.aura_balance),
        datetime.fromtimestamp(account.created_ms / 1000, UTC).strftime("%Y-%m-%d"),
    )
