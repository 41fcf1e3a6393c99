"""Reads checkpoint folders, checks them, and builds the models that they describe.

Checkpoints come from elsewhere: nothing in them is trusted, and nothing is fetched.
"""
