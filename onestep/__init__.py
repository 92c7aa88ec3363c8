"""onestep: one-step image translation from a diffusion model to real-time video.

Rooms: `onestep.training` (pictures to a generator), `onestep.exporter` (generator to one ONNX graph in a bundle),
`onestep.runtime` (bundle and frames to frames, without torch). Here lives what they share.
"""

from onestep.version import __version__

__all__ = ["__version__"]
