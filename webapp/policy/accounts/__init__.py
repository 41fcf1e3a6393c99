"""The rules of accounts: usernames, passwords and the limits of tiers."""
