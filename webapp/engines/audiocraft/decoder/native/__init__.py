"""A decoding step in C++, compiled by the machine's own compiler when it is first needed.

Weights and activations have 8 bits. It is optional: without a compiler, the decoder uses another backend. The
entry point is `native_factory` in `backend`.
"""
