"""Mechanisms that several domains use."""
