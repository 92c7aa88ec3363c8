"""What failed is told, and closing afterwards does not hide it."""

import pytest

from onestep.errors import BackendError
from onestep.runtime.backends.closing import closed_after
from tests.runtime.stages import AddingEngine


class _Engine(AddingEngine):
    """Notes that it was closed, and fails to close after an error of the GPU."""

    closed = False
    broken = False

    def close(self) -> None:
        self.closed = True
        if self.broken:
            raise BackendError("cudaStreamDestroy failed")


def test_an_engine_is_closed_at_the_end() -> None:
    engine = _Engine()
    with closed_after(engine) as given:
        assert given is engine and not engine.closed
    assert engine.closed


def test_an_engine_is_closed_after_an_error() -> None:
    engine = _Engine()
    with pytest.raises(BackendError, match="bad frame"), closed_after(engine):
        raise BackendError("bad frame")
    assert engine.closed


def test_the_first_error_is_the_one_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    engine = _Engine()
    engine.broken = True
    with pytest.raises(BackendError, match="an illegal address"), closed_after(engine):
        raise BackendError("an illegal address")
    assert "closing failed, too: cudaStreamDestroy failed" in caplog.text
    with pytest.raises(BackendError, match="cudaStreamDestroy failed"), closed_after(engine):
        pass
