"""`soundloom aura …`."""

from argparse import Namespace

from webapp.cli._context import operator, with_services
from webapp.services.container import Services


def grant(arguments: Namespace) -> int:
    """Give Aura, or take some away, and print the new balance."""

    async def work(services: Services) -> int:
        account = await services.accounts.registry.find(arguments.name)
        return await services.accounts.aura.grant(
            account.account_id, arguments.amount, reason=arguments.reason, author=operator()
        )

    print(with_services(work))
    return 0
