"""Engines from a bundle's graph, with `tensorrt` or `tensorrt-rtx`, and the proof of what they compute in.

The network is parsed with the library's own classes. Polygraphy's loaders were tried and serve less here (0.53.6):
`NetworkFromOnnxBytes` hands the parser no path, so that weights in external data are not found; which of the two
libraries it uses is fixed for a process by an environment variable that is read on import; `CreateConfig` sets a timing
cache unasked. Its runner is the independent reference of the tests that need a GPU.
"""
