"""The parts that every service may use."""

from dataclasses import dataclass

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus
from webapp.ids import Ids
from webapp.settings import Settings
from webapp.storage import Storage


@dataclass(frozen=True, slots=True)
class Foundation:
    """The settings, and what an open installation consists of."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    bus: Bus
    storage: Storage
