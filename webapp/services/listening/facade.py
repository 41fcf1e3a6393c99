"""Listening to sounds that are being made, wired together."""

from dataclasses import dataclass

from webapp.services.listening.leftovers import Leftovers
from webapp.services.listening.pieces import PieceReader
from webapp.services.listening.runs import Runs
from webapp.services.shared.foundation import Foundation
from webapp.storage.pieces import PieceStore


@dataclass(frozen=True, slots=True)
class ListeningServices:
    """Sounds that are heard while they are made: what is wanted and known, their pieces, and their removal.

    Workers write to `store`; `pieces` reads from it for those who listen.
    """

    runs: Runs
    store: PieceStore
    pieces: PieceReader
    leftovers: Leftovers


def build_listening(base: Foundation) -> ListeningServices:
    """Wire the services of listening."""
    store = base.storage.pieces
    return ListeningServices(Runs(base), store, PieceReader(store), Leftovers(store, base.clock))
