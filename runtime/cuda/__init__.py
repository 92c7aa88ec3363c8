"""CUDA for the runtime: checked calls, memory, and frames on their way through a GPU. Numpy and `cuda.bindings` only.

Everything here takes the module `cuda.bindings.runtime` as a value, so that the order of its calls is tested without a
GPU. It was not run on a GPU where it was written; `make gpu-check` does that.
"""
