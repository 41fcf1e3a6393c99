"""Sounds from which others are made: uploads, and sounds that are continued or followed."""
