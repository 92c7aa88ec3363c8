"""What every room's tests share: a tiny generator with random weights, and quiet libraries."""

import signal
from collections.abc import Generator, Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

from onestep.training.base import random_base
from onestep.training.folder import GeneratorCard, PackedGenerator
from onestep.training.generator import OneStep, OneStepGenerator
from onestep.training.quiet import quiet_libraries
from onestep.training.vae_skips import SkipConvolutions
from tests.gpu import fail_if_skipped, skip_without_gpu

# The same examples everywhere, and no limits on their time: a busy machine changes nothing.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need a GPU where there is none."""
    skip_without_gpu(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make the skip of a test that needs a GPU a failure where one is required."""
    report = yield
    fail_if_skipped(item, report)
    return report


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let Ctrl-C through: a shell that starts the tests in the background has it ignored, here and in all children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def unchanged_random_state() -> Iterator[None]:
    """Leave torch's random state as it was before each test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_progress_bars() -> Iterator[None]:
    """Keep the libraries' own bars and notes out of the tests' output."""
    with quiet_libraries():
        yield


@pytest.fixture(scope="session")
def packed() -> PackedGenerator:
    """A generator on a random tiny base whose skips are large enough to matter. Not to be changed."""
    base = random_base("tiny", seed=1)
    skips = SkipConvolutions.for_vae(base.vae)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(2)
        for parameter in skips.parameters():
            parameter.normal_(std=0.1)
    step = OneStep.from_scheduler(base.scheduler)
    generator = OneStepGenerator(vae=base.vae, unet=base.unet, skips=skips, step=step)
    card = GeneratorCard(
        domain="day2night",
        direction="a2b",
        prompt="driving in the night",
        base="tiny",
        base_licence="MIT",
        checkpoint_licence="MIT",
        skip_channels=list(skips.config.in_channels),
        input_range=(-1.0, 1.0),
        preferred_size=(96, 64),
    )
    return PackedGenerator(generator.eval().requires_grad_(False), card, base)
