"""Pages for accounts: registration, sign-in and the account page."""
