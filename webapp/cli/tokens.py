"""`soundloom token …`."""

from argparse import Namespace

from webapp.cli._context import with_services
from webapp.errors import InvalidRequest
from webapp.services.accounts.tokens import DAY_MS
from webapp.services.container import Services

MAX_DAYS = 36_500


def create(arguments: Namespace) -> int:
    """Print a new token, and nothing else."""
    if not 0 <= arguments.days <= MAX_DAYS:
        raise InvalidRequest(f"Days must be 0 to {MAX_DAYS}")

    async def work(services: Services) -> str:
        account = await services.accounts.registry.find(arguments.name)
        lifetime_ms = arguments.days * DAY_MS or None
        secret, _ = await services.accounts.tokens.create(
            account.account_id, arguments.label, lifetime_ms=lifetime_ms
        )
        return secret

    print(with_services(work))
    return 0
