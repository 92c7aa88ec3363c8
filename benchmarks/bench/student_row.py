"""The student that ships for the tiny base: another network for the same translation, so a row of its own."""

from bench.onestep_rows import bundle_row
from bench.packed_base import DOMAIN
from bench.row import OpenRow, RowSpec
from bench.workload import Workload
from onestep.bundle import open_bundle
from onestep.domains import embedded_bundle
from onestep.errors import BackendError
from onestep.exporter.flops import flops_per_frame
from onestep.runtime.backends import onnxruntime_cpu
from onestep.training.find_base import EMBEDDED
from onestep.training.students.folder import PackedStudent
from onestep.training.students.from_bundle import student_from_bundle

STUDENT = "student"
_BYTES = 4


def student_row() -> RowSpec:
    """Return the row of the embedded bundle on the processor."""
    return RowSpec(
        name=f"{STUDENT}-{onnxruntime_cpu.NAME}-fp32",
        family=STUDENT,
        label=f"Student of the one-step generator, {onnxruntime_cpu.NAME}, fp32",
        steps=1,
        precision="fp32",
        check=_check_usable,
        open=lambda workload, steps: _open(workload),
        own_bytes=lambda workload: 2 * _parameters() * _BYTES + workload.activation_bytes,
        flops=lambda workload: flops_per_frame(_packed().generator, workload.settings.frame_size)["total"],
        weight_bytes=lambda workload: _parameters() * _BYTES,
    )


def _check_usable(workload: Workload) -> None:
    settings = workload.settings
    if settings.base != EMBEDDED or settings.random_weights:
        raise BackendError("a student ships for the embedded tiny base only")
    if settings.device != "cpu" or settings.batch > 1:
        raise BackendError("its row is of the processor and one frame per call")
    manifest = open_bundle(embedded_bundle(DOMAIN)).manifest
    if manifest.precision != "fp32":
        raise BackendError(f"the embedded bundle is {manifest.precision}")


def _open(workload: Workload) -> OpenRow:
    return bundle_row(workload, embedded_bundle(DOMAIN), onnxruntime_cpu.NAME)


def _packed() -> PackedStudent:
    return student_from_bundle(embedded_bundle(DOMAIN))


def _parameters() -> int:
    return sum(parameter.numel() for parameter in _packed().generator.parameters())
