"""CUDA calls are checked, and every way to have no GPU has its words."""

import sys

import pytest

from onestep.errors import BackendError, MissingExtraError
from onestep.runtime.cuda.calls import Cuda, open_cuda, version_text, why_no_cuda, why_no_gpu
from onestep.runtime.cuda.device import first_gpu
from tests.runtime.fake_cuda import FakeCudaRuntime, Status


def test_a_call_gives_its_result_and_a_failure_names_the_call() -> None:
    api = FakeCudaRuntime(failing={"cudaStreamSynchronize": Status.cudaErrorLaunchFailure})
    cuda = Cuda(api)
    assert cuda.call("cudaDriverGetVersion") == 13000
    assert cuda.call("cudaMemGetInfo") == (8192 << 20, 16384 << 20)
    assert cuda.call("cudaEventRecord", 1, 2) is None
    with pytest.raises(BackendError, match="cudaStreamSynchronize failed with cudaErrorLaunchFailure: words of CUDA"):
        cuda.call("cudaStreamSynchronize", 1)


def test_out_of_memory_says_what_is_free_and_what_to_do() -> None:
    api = FakeCudaRuntime(failing={"cudaMalloc": Status.cudaErrorMemoryAllocation}, free_mib=12)
    with pytest.raises(BackendError, match=r"12 of 16384 MiB are free\. End other programs .* smaller --size"):
        Cuda(api).call("cudaMalloc", 1 << 40)


@pytest.mark.parametrize(
    ("api", "reason"),
    [
        (FakeCudaRuntime(driver=0), "no NVIDIA driver was found"),
        (FakeCudaRuntime(driver=12040), "too old: it supports CUDA 12.4, and cuda-bindings needs 13.5"),
        (FakeCudaRuntime(device_count=0), "shows no GPU (cudaErrorNoDevice)"),
        (FakeCudaRuntime(failing={"cudaGetDeviceCount": Status.cudaErrorInsufficientDriver}), "too old"),
    ],
)
def test_each_way_to_have_no_gpu_has_its_words(api: FakeCudaRuntime, reason: str) -> None:
    assert reason in (why_no_gpu(Cuda(api)) or "")


def test_a_gpu_is_described() -> None:
    cuda = Cuda(FakeCudaRuntime())
    assert why_no_gpu(cuda) is None
    gpu = first_gpu(cuda)
    assert (gpu.name, gpu.compute_capability, gpu.memory_mib, gpu.cuda) == ("Test GPU", "8.9", 16384, "13.0")
    assert version_text(12080) == "12.8"


def test_missing_bindings_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    with pytest.raises(MissingExtraError, match=r"needed to run tensorrt .*pip install 'onestep\[gpu\]'"):
        open_cuda(for_backend="tensorrt")
    monkeypatch.setattr("onestep.runtime.cuda.calls.find_spec", lambda name: None)
    assert why_no_cuda() == "cuda-bindings is not installed (pip install 'onestep[gpu]')"
