"""Pictures to a generator: base models, adaptation, training, merging.

`generator` is the network of contract 1, `folder` its form on disk, `architectures` the bases that are known by name.
"""
