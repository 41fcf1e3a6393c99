"""Published weights: what there is, what lies in a models folder, and how it gets there.

Needs only the standard library, so that the process that fetches stays small.
"""
