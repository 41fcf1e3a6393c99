"""A step of few launches: what stands between two large reads of memory is done in the same kernel.

`operators` names the kernels, `reference` says in torch's operators what each computes, `kernels` computes it
on a GPU with Triton, and `step` is a step made of them.
"""
