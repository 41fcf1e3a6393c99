"""Accounts: credentials, sessions, tokens, Aura and usage."""
