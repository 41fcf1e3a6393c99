"""Hints that something changed, within and between processes."""

from webapp.events.bus import MISSED, Bus, Event, LocalBus, Subscription, account_changed
from webapp.events.local_socket import SocketBus, SocketHub
from webapp.events.postgres import PostgresBus

__all__ = [
    "MISSED",
    "Bus",
    "Event",
    "LocalBus",
    "PostgresBus",
    "SocketBus",
    "SocketHub",
    "Subscription",
    "account_changed",
]
