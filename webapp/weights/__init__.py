"""Published weights: the catalogue, the content of a models folder, and downloads into it.

It needs only the standard library, so that the process that downloads stays small.
"""
