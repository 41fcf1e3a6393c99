"""Sums over all sounds that are kept, and not recomputed: triggers change them with the sounds.

On SQLite each sum is one row. On PostgreSQL each change is a row of its own beside the sum, so that writers
do not wait for each other; a server adds them up every so often, and whoever reads adds up what is there.
"""

from collections.abc import Iterable
from typing import Final

from piccolo.query.functions import Sum

from webapp.database import Database
from webapp.services.shared.queries import any_of, fold_tallies
from webapp.tables import Tally

# Everything that is stored.
STORED: Final = "stored"
FOLD_EVERY_S: Final = 10.0


def stored_by(account_id: int) -> str:
    """Name the tally of what an account has stored."""
    return f"{STORED}/{account_id}"


def listed_of(model: str) -> str:
    """Name the tally of the sounds of a model that everybody may see."""
    return f"listed/{model}"


async def count_sounds(names: Iterable[str]) -> dict[str, int]:
    """Return the number of sounds of these tallies; those without sounds may be left out."""
    rows = await (
        Tally.select(Tally.name, Sum(Tally.sounds, alias="sounds"))
        .where(Tally.name.is_in(any_of(list(names))))
        .group_by(Tally.name)
    )
    return {row["name"]: int(row["sounds"]) for row in rows}


async def fold(database: Database) -> None:
    """Add up the changes since the last time, on PostgreSQL. What readers get stays the same."""
    if database.dialect == "postgres":
        await fold_tallies(database)
