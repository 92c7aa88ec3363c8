"""What `onestep doctor` says of an NVIDIA GPU, with and without one."""

import pytest

from onestep.runtime.backends import machine
from onestep.runtime.cuda.calls import Cuda
from tests.runtime.fake_cuda import FakeCudaRuntime


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
    assert {"NVDEC", "NVENC"} <= findings.keys()
    assert all(finding.detail for finding in findings.values())


def test_a_driver_that_fails_is_a_line_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "why_no_cuda", lambda: None)
    monkeypatch.setattr("onestep.runtime.cuda.calls.require", lambda *_, **__: FakeCudaRuntime(driver=0))
    gpu = machine.nvidia_findings()[0]
    assert (gpu.usable, gpu.detail) == (False, "doctor cannot run here: no NVIDIA driver was found")
