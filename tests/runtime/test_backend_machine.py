"""What `onestep doctor` says of an NVIDIA GPU, with and without one."""

import json
import sys

import pytest

from onestep.cli.doctor import doctor as doctor_command
from onestep.library_versions import libraries_of
from onestep.runtime.backends import machine
from onestep.runtime.cuda.calls import Cuda
from onestep.runtime.video import hardware
from tests.runtime.fake_cuda import FakeCudaRuntime

doctor = sys.modules[doctor_command.__module__]  # the package's attribute of that name is the command


def test_a_gpu_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "why_no_cuda", lambda: None)
    monkeypatch.setattr(machine, "open_cuda", lambda **_: Cuda(FakeCudaRuntime()))
    gpu = machine.nvidia_findings()[0]
    assert gpu.usable
    assert gpu.detail.startswith("Test GPU, compute capability 8.9, 16384 MiB, driver ")


def test_without_a_gpu_each_line_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "why_no_cuda", lambda: "no NVIDIA driver was found")
    findings = {finding.subject: finding for finding in machine.nvidia_findings()}
    assert findings["NVIDIA GPU"].detail == "no NVIDIA driver was found"
    assert list(findings)[1:4] == ["library tensorrt", "library tensorrt-rtx", "library cuda-bindings"]
    assert {"NVDEC", "NVENC h264", "NVENC h265"} <= findings.keys()
    assert all(finding.detail for finding in findings.values())


def test_a_driver_that_fails_is_a_line_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "why_no_cuda", lambda: None)
    monkeypatch.setattr("onestep.runtime.cuda.calls.require", lambda *_, **__: FakeCudaRuntime(driver=0))
    gpu = machine.nvidia_findings()[0]
    assert (gpu.usable, gpu.detail) == (False, "doctor cannot run here: no NVIDIA driver was found")


def test_video_engines_are_found_by_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an H100: it decodes, and has no encoder."""
    monkeypatch.setattr(hardware, "_why_no_library", lambda engine: None)
    monkeypatch.setattr(hardware, "_why_no_decoding", lambda: None)
    monkeypatch.setattr(hardware, "_why_no_encoding", lambda encoder, size, pixel_format: f"{encoder} does not open")
    findings = {finding.subject: finding for finding in machine.nvidia_findings()}
    assert (findings["NVDEC"].usable, findings["NVDEC"].detail) == (True, "decoded two H.264 pictures")
    assert (findings["NVENC h265"].usable, findings["NVENC h265"].detail) == (False, "hevc_nvenc does not open")


def test_the_doctor_says_what_auto_takes() -> None:
    usable = ["backend tensorrt-rtx", "backend onnxruntime-cuda", "backend onnxruntime-cpu"]
    taken = "takes tensorrt-rtx where the bundle has an engine for it, else onnxruntime-cuda"
    assert doctor._auto(usable) == doctor.Finding("backend auto", True, taken)
    assert doctor._auto(usable[2:]).detail == "takes onnxruntime-cpu"
    assert doctor._auto([]) == doctor.Finding("backend auto", False, "no backend is usable")


def test_an_extra_is_what_the_package_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert libraries_of("cpu") == ["onnxruntime"]
    assert {"torch", "peft", "tensorboard", "stlpips-pytorch"} <= set(libraries_of("train")), "measures are in train"
    assert "matplotlib" in libraries_of("evaluate") and "matplotlib" not in libraries_of("train")
    assert libraries_of("none") == []
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name == "tensorboard" else "1.0")
    train = {found.subject: found for found in doctor._extras()}["extra train"]
    assert not train.usable and train.detail == "missing tensorboard: pip install 'onestep[train]'"


def test_the_doctor_asks_nobody_to_put_two_onnxruntimes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name == "onnxruntime" else "1.31")
    cpu = {found.subject: found for found in doctor._extras()}["extra cpu"]
    assert cpu == doctor.Finding("extra cpu", True, "onnxruntime-gpu 1.31")
    monkeypatch.setattr(doctor, "installed_version", lambda name: None)
    cpu = {found.subject: found for found in doctor._extras()}["extra cpu"]
    assert cpu == doctor.Finding("extra cpu", False, "missing onnxruntime: pip install 'onestep[cpu]'")


def test_the_doctor_lists_everything_that_was_asked_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.doctor(as_json=True)
    lines = {line["subject"]: line for line in json.loads(capsys.readouterr().out)}
    assert {"NVIDIA GPU", "library tensorrt", "library onnxruntime-gpu", "NVDEC", "NVENC h264"} <= lines.keys()
    assert {"backend auto", "backend tensorrt-rtx", "decoder hevc", "encoder libx264"} <= lines.keys()
    assert lines["encoder libx264"]["usable"] and lines["decoder h264"]["usable"]
    assert all(line["detail"] for line in lines.values())
