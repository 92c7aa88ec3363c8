"""A stand-in for the modules `tensorrt` and `tensorrt_rtx` where plans are run: remembers what it was told."""

from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

from tests.runtime.fake_cuda import MIB, FakeCudaRuntime


class Severity(Enum):
    """Of log messages."""

    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2


class Logger:
    """Base of loggers."""

    Severity = Severity


class Strategy(Enum):
    """How contexts get their memory, who captures their work, and when kernels are compiled."""

    USER_MANAGED = 1
    WHOLE_GRAPH_CAPTURE = 2
    EAGER = 3


@dataclass
class FakeContext:
    """An execution context."""

    trt: "FakeTensorRt"
    config: Any
    told: dict[str, Any] = field(default_factory=dict)
    runs: int = 0

    def set_device_memory(self, address: int, size: int) -> None:
        assert "profile" in self.told, "the memory's size is that of the profile"
        self.told["memory"] = (address, size)

    def set_optimization_profile_async(self, profile: int, stream: Any) -> bool:
        self.told["profile"] = profile
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.told["shape"] = (name, shape)
        return self.trt.takes_shape

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.told[name] = address
        return True

    def execute_async_v3(self, stream: Any) -> bool:
        self.runs += 1
        self.trt.api.calls.append(("execute_async_v3", stream))
        return self.trt.runs


@dataclass
class FakeTensorRt:
    """The module, its runtime and its engine in one."""

    api: FakeCudaRuntime
    __version__: str = "1.7.1.116"
    loads: bool = True
    refusal: str = "The plan is of another version"
    runs: bool = True
    takes_shape: bool = True
    scratch_mib: int = 64
    contexts: list[FakeContext] = field(default_factory=list)
    logger: Any = None
    host_code: bool | None = None
    config: Any = None
    ILogger: Any = Logger
    ExecutionContextAllocationStrategy: Any = Strategy
    CudaGraphStrategy: Any = Strategy
    DynamicShapesKernelSpecializationStrategy: Any = Strategy

    def Runtime(self, logger: Any) -> Any:  # the library's name
        self.logger = logger
        return SimpleNamespace(deserialize_cuda_engine=self._engine, engine_host_code_allowed=None)

    def _engine(self, plan: bytes) -> Any:
        if not self.loads:
            self.logger.log(Severity.ERROR, self.refusal)
            return None
        return SimpleNamespace(
            get_device_memory_size_for_profile_v2=lambda profile: self.scratch_mib * MIB,
            create_runtime_config=self._config,
            create_execution_context=self._context,
        )

    def _config(self) -> Any:
        self.config = SimpleNamespace(
            set_execution_context_allocation_strategy=lambda strategy: None,
            create_runtime_cache=lambda: "a cache",
            set_runtime_cache=lambda cache: True,
            cuda_graph_strategy=None,
        )
        return self.config

    def _context(self, config: Any) -> FakeContext:
        self.contexts.append(FakeContext(self, config))
        return self.contexts[-1]
