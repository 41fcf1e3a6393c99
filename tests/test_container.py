"""The container builds each service once, and hands the same one to everybody who uses it."""

from collections import Counter
from collections.abc import Iterator

from webapp.services.container import Services

# Helpers with a state of their own for each service that uses them.
# The lease protocol has a store for each table.
OWN_TO_EACH = {
    "BestEffort",
    "GroupWriter",
    "LastUse",
    "LeaseColumns",
    "LeasedTable",
    "LeaseStore",
    "ReadCache",
}


def _parts(whole: object) -> Iterator[object]:
    """The attributes of a service or façade, whether or not they are in slots."""
    names = getattr(type(whole), "__slots__", ()) or vars(whole)
    yield from (getattr(whole, name) for name in names)


def _reachable(root: object) -> list[object]:
    """Every service, each once, that is reached from the container."""
    found: dict[int, object] = {}
    pending = [root]
    while pending:
        whole = pending.pop()
        for part in _parts(whole):
            if type(part).__module__.startswith("webapp.services.") and id(part) not in found:
                found[id(part)] = part
                if hasattr(part, "__dict__") or hasattr(type(part), "__slots__"):
                    pending.append(part)
    return list(found.values())


def test_each_service_is_built_once(services: Services) -> None:
    counts = Counter(type(part).__name__ for part in _reachable(services))
    assert {
        "AuditLog",
        "Downloads",
        "WorkerControl",
        "Aura",
        "JobEndings",
        "SkipPayments",
        "AffinityStore",
    } <= counts.keys()
    assert {name: n for name, n in counts.items() if n > 1 and name not in OWN_TO_EACH} == {}


def test_the_limits_by_tier_are_computed_once(services: Services) -> None:
    tiers = services.queue.tiers
    users = (services.accounts.usage, services.queue.submissions, services.speech.requests)
    assert all(part is tiers for user in users for part in _parts(user) if part == tiers)
