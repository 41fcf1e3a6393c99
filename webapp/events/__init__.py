"""Hints that something changed, within and between processes."""

from webapp.events.bus import Bus, Event, LocalBus, Subscription

__all__ = ["Bus", "Event", "LocalBus", "Subscription"]
