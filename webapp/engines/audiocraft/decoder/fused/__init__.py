"""A step of few launches: the work between two large reads of memory is fused into one kernel.

`operators` registers the kernels, `reference` defines in torch's operators what each computes, `kernels`
computes it on a GPU with Triton, and `step` is a step made of them.
"""
