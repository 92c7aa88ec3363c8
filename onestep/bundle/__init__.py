"""The bundle: the folder that a user ships (contract 3).

`manifest` says what stands in `manifest.json`, `folder` reads, checks and writes the folder. Nothing here needs a
library outside the standard one, so that a device without torch or onnx can check what it is about to run.
"""

from onestep.bundle.folder import Bundle, open_bundle, write_manifest
from onestep.bundle.manifest import FileRecord, FrameSizes, Licences, Manifest, TensorSpec

__all__ = [
    "Bundle",
    "FileRecord",
    "FrameSizes",
    "Licences",
    "Manifest",
    "TensorSpec",
    "open_bundle",
    "write_manifest",
]
