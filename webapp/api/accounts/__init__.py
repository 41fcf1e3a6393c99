"""Accounts and tokens over JSON."""
