"""A step of the transformer in C++, compiled by the machine's own compiler when it is first needed.

Weights and activations of 8 bits, caches in bfloat16. It is an addition: where there is no compiler, the
decoder works without it. The way in is `native_factory` of `backend`.
"""
