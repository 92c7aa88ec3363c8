"""Engine records and plans for tests, beside bundles from `tests.runtime.bundles`."""

import hashlib
from pathlib import Path
from typing import Any

from onestep.bundle import open_bundle
from onestep.bundle.engine_record import ANY_GPU, EngineRecord, graph_hashes, text_from_record
from tests.runtime.bundles import SMALL

PLAN = b"a plan of the engine"


def engine_record(bundle: Path, **changes: Any) -> EngineRecord:
    """Return the record of a TensorRT-RTX engine of a bundle, with some fields changed."""
    fields: dict[str, Any] = {
        "backend": "tensorrt-rtx",
        "library_version": "1.7.1.116",
        "graph": graph_hashes(open_bundle(bundle).manifest),
        "precision": "fp16",
        "compute_capability": ANY_GPU,
        "hardware_compatibility": "none",
        "version_compatible": False,
        "gpu": "",
        "driver": "",
        "cuda": "",
        "profiles": [str(SMALL)],
        "flags": {},
        "proof": {},
        "plan": "tensorrt-rtx.plan",
        "plan_bytes": len(PLAN),
        "plan_sha256": hashlib.sha256(PLAN).hexdigest(),
        "build_seconds": 1.0,
        "build_latencies_ms": [],
        "peak_memory_mib": 100.0,
        "built_at": "2026-01-01T00:00:00+00:00",
    }
    return EngineRecord(**(fields | changes))


def put_engine(bundle: Path, name: str = "tensorrt-rtx", **changes: Any) -> Path:
    """Write a plan and its record into a bundle, and return the record's path."""
    folder = bundle / "engines"
    folder.mkdir(exist_ok=True)
    (folder / "tensorrt-rtx.plan").write_bytes(PLAN)
    path = folder / f"{name}.json"
    path.write_text(text_from_record(engine_record(bundle, **changes)))
    return path
