"""Makes Tests/Fixtures/distances.json: Wasserstein distances by SciPy and NumPy, histograms by NumPy.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements-evaluation.txt
    .venv/bin/python tools/parity/make_distances.py

All samples are f32 numbers.

    distances: [{a, b, first, secondSquared}]   W₁ by scipy.stats.wasserstein_distance; W₂² as the mean square of the differences of the order
                                                statistics, each sample repeated to the least common multiple of the sizes
    histograms: [{values, low, high, bins, edges, counts}]
"""

import json
import math

import numpy as np
from scipy.stats import wasserstein_distance

from fixtures import FIXTURES

generator = np.random.default_rng(11)


def floats(values) -> list[float]:
    return np.asarray(values, dtype=np.float32).astype(np.float64).tolist()


def second_squared(a: list[float], b: list[float]) -> float:
    size = math.lcm(len(a), len(b))
    return float(np.mean((np.repeat(np.sort(a), size // len(a)) - np.repeat(np.sort(b), size // len(b))) ** 2))


samples = [
    ([1.0], [3.5]), ([0.0, 1.0], [0.5]), ([2.0, 2.0, 2.0], [2.0, 2.0]), ([-1.0, 0.0, 4.0], [3.0, -2.0, 0.0, 0.0]),
]
for n, m in [(7, 7), (8, 12), (13, 7), (100, 1), (64, 200), (199, 200)]:
    samples.append((generator.normal(0, 1, n), generator.normal(0.7, 2, m)))
samples.append((generator.normal(1000, 0.01, 50), generator.normal(1000.02, 0.01, 35)))
samples.append((generator.standard_cauchy(90), generator.exponential(3, 60)))
samples.append((generator.integers(-2, 3, 40), generator.integers(0, 3, 25)))
distances = []
for a, b in samples:
    a, b = floats(a), floats(b)
    distances.append({"a": a, "b": b, "first": float(wasserstein_distance(a, b)), "secondSquared": second_squared(a, b)})

histograms = []
for values, low, high, bins in [
    (generator.normal(0, 1, 300), -3.0, 3.0, 24), (generator.normal(0, 1, 300), -0.5, 0.7, 7), (generator.integers(0, 11, 200) / 10, 0.0, 1.0, 10),
    (generator.integers(0, 31, 400) / 30, 0.0, 1.0, 30), ([2.5, 2.5, 2.5], 2.5, 2.5, 24), (generator.normal(5, 1e-3, 64), 4.99, 5.01, 24),
]:
    values = floats(values)
    low, high = floats([low, high])
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    histograms.append({"values": values, "low": low, "high": high, "bins": bins, "edges": edges.tolist(), "counts": counts.tolist()})

path = FIXTURES / "distances.json"
path.write_text(json.dumps({"distances": distances, "histograms": histograms}) + "\n")
print(f"{path.relative_to(FIXTURES.parents[1])}: {path.stat().st_size / 1000:.0f} kB")
