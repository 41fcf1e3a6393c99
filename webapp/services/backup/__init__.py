"""Backups: a snapshot of the database, and the files of the sounds in it."""

from webapp.services.backup.restore import Restored, restore
from webapp.services.backup.writer import BackedUp, back_up

__all__ = ["BackedUp", "Restored", "back_up", "restore"]
