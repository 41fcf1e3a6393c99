"""Admin actions: steering, moderation and the audit log."""
