"""Backups of everything: the database at one moment, and the files of that moment's sounds."""

from webapp.services.backup.restore import Restored, restore
from webapp.services.backup.writer import BackedUp, back_up

__all__ = ["BackedUp", "Restored", "back_up", "restore"]
