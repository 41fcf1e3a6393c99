"""Hints that something changed, within and between processes."""

from webapp.events.bus import (
    ACCESS_CHANGED,
    MISSED,
    Bus,
    Event,
    LocalBus,
    Subscription,
    access_changed,
    account_changed,
    speech_changed,
)
from webapp.events.local_socket import SocketBus, SocketHub
from webapp.events.postgres import PostgresBus

__all__ = [
    "ACCESS_CHANGED",
    "MISSED",
    "Bus",
    "Event",
    "LocalBus",
    "PostgresBus",
    "SocketBus",
    "SocketHub",
    "Subscription",
    "access_changed",
    "account_changed",
    "speech_changed",
]
