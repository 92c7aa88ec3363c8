"""What ships comes near to the known results and is as steady as they are, on scenes that no training saw.

The scenes are those of `benchmarks/quality.py`, and the limits the project's aims.
"""

import numpy as np
import pytest

import onestep.runtime
from onestep.domains import embedded_bundle, embedded_domains, rendered_conditions
from onestep.evaluation.measures.luminance import luminance
from onestep.evaluation.measures.reinhard import ColourSums, reinhard
from onestep.evaluation.measures.temporal import seen_in_both, warp_error
from onestep.evaluation.networks.distances import StLpipsDistance
from onestep.scenes import Scene

SIZE = (512, 288)
SEEDS, OTHERS = range(40), range(50_000, 50_040)
SECONDS, LATER_SECONDS = 1.7, 0.04
MOST_OF_TRANSFER = 0.5
"""ST-LPIPS to the truth, over that of Reinhard's colour transfer to other scenes' colours."""
MOST_OF_TRUTH = 1.3
"""Warp error along the known motion, over that of the truth."""


@pytest.mark.slow
@pytest.mark.parametrize("domain", embedded_domains())
def test_an_embedded_domain_is_near_to_the_truth_and_as_steady(domain: str) -> None:
    start, goal = rendered_conditions(domain)
    others = ColourSums()
    for seed in OTHERS:
        others.add(Scene.random(seed).at(SECONDS, size=SIZE).render(goal))
    judge = StLpipsDistance()
    far: dict[str, list[float]] = {"network": [], "transfer": []}
    unsteady: dict[str, list[float]] = {"network": [], "truth": []}
    with onestep.runtime.open(embedded_bundle(domain), size="512x288") as session:
        for seed in SEEDS:
            now, later = (Scene.random(seed).at(SECONDS + wait, size=SIZE) for wait in (0.0, LATER_SECONDS))
            given, truth = now.render(start), now.render(goal)
            results = session(given), session(later.render(start))
            for name, picture in (("network", results[0]), ("transfer", reinhard(given, others.statistics()))):
                far[name].append(judge.between(judge.describe(picture), judge.describe(truth)))
            forward = now.flow_to(later)
            seen = seen_in_both(forward, later.flow_to(now))
            for name, pair in (("network", results), ("truth", (truth, later.render(goal)))):
                before, after = (luminance(picture) for picture in pair)
                unsteady[name].append(warp_error(before, after, forward, seen))
    nearness = np.mean(far["network"]) / np.mean(far["transfer"])
    steadiness = np.mean(unsteady["network"]) / np.mean(unsteady["truth"])
    assert nearness <= MOST_OF_TRANSFER
    assert steadiness <= MOST_OF_TRUTH
