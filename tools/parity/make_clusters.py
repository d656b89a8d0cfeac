"""Makes Tests/Fixtures/clusters.safetensors: maps between clusters by scikit-learn, POT and NumPy in Float64; results are rounded to f32.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_clusters.py

Clusters and maps, of the cases `apart` (clusters far from each other), `near` (that overlap) and `offset` (all far from zero):

    <case>.source F32 [n, C], .target F32 [m, C]     samples
    <case>.sourceStart, .targetStart F32 [K, C]      where Lloyd's algorithm begins
    <case>.sourceCentres, .targetCentres F32 [K, C]  KMeans' centres, and
    <case>.sourceSizes, .targetSizes I32 [K]         how many samples they have
    <case>.plan.<ε>, ε = 0 0.05 1, F32 [K, L]        ot.emd, or ot.sinkhorn with that share of the mean cost as its regularisation
    <case>.x F32 [rows, C], .moved.<ε> F32 [rows, C]  rows, and where they go at strength 0.8: the paper's sum over pairs of clusters

Plans alone: `plan.<number>` with .costs F32 [K, L], .sizes, .otherSizes I32 and .cheapest F32 [1], the cost of ot.emd's plan.

Counts, of the cases `one`, `three` and `five`: `count.<case>.fitted F32 [n, C]`, `.held F32 [m, C]`, and `.expected` F32 [2]: the number of parts of the
GaussianMixture of one variance a part that gives the held samples the highest likelihood, and its logarithm's mean.
"""

import numpy as np
import ot
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from fixtures import FIXTURES, save

ENTROPIES = {"0": 0.0, "0.05": 0.05, "1": 1.0}
STRENGTH = 0.8


def single(values: np.ndarray) -> np.ndarray:
    """Rounded to f32, in Float64."""
    return values.astype(np.float32).astype(np.float64)


def blobs(random: np.random.Generator, counts: list[int], channels: int, distance: float, offset: float = 0) -> np.ndarray:
    centres = random.normal(size=(len(counts), channels)) * distance + offset
    rows = np.concatenate([centre + random.normal(size=(count, channels)) for centre, count in zip(centres, counts)])
    return single(random.permutation(rows))


def clustered(samples: np.ndarray, start: np.ndarray) -> KMeans:
    return KMeans(len(start), init=start, n_init=1, tol=0, max_iter=300, algorithm="lloyd").fit(samples)


def best_plan(costs: np.ndarray, p: np.ndarray, q: np.ndarray, entropy: float) -> np.ndarray:
    if entropy == 0:
        return ot.emd(p, q, costs)
    mean = p @ costs @ q
    return ot.sinkhorn(p, q, costs, entropy * mean, method="sinkhorn_log", numItermax=200_000, stopThr=1e-13)


def moved(x: np.ndarray, a: np.ndarray, b: np.ndarray, plan: np.ndarray, square: float) -> np.ndarray:
    """x + λ·Σ_ij P_ij·k(x, a_i)·(b_j − a_i) / Σ_pq P_pq·k(x, a_p), pair by pair."""
    distances = ((x[:, None] - a[None]) ** 2).sum(axis=-1)
    with np.errstate(divide="ignore"):
        logs = np.log(plan)[None] - (distances / (2 * square))[:, :, None]
    weights = np.exp(logs - logsumexp(logs, axis=(1, 2), keepdims=True))
    return x + STRENGTH * np.einsum("nij,ijc->nc", weights, b[None] - a[:, None])


def add_case(tensors: dict, random: np.random.Generator, name: str, channels: int, distance: float, offset: float) -> None:
    source = blobs(random, [30, 17, 9, 24], channels, distance, offset)
    target = blobs(random, [12, 31, 20, 16, 26], channels, distance, offset + 1)
    fits = {}
    for side, samples, count in [("source", source, 4), ("target", target, 5)]:
        start = samples[random.choice(len(samples), count, replace=False)]
        fit = clustered(samples, start)
        sizes = np.bincount(fit.labels_, minlength=count)
        assert (sizes > 0).all(), "every cluster has samples"
        fits[side] = (fit, sizes)
        tensors[f"{name}.{side}"], tensors[f"{name}.{side}Start"] = samples.astype(np.float32), start.astype(np.float32)
        tensors[f"{name}.{side}Centres"], tensors[f"{name}.{side}Sizes"] = fit.cluster_centers_, sizes.astype(np.int32)
    (a, sizes), (b, other_sizes) = [(fit.cluster_centers_, sizes) for fit, sizes in fits.values()]
    costs = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    p, q = sizes / sizes.sum(), other_sizes / other_sizes.sum()
    square = fits["source"][0].inertia_ / len(source)
    x = single(np.concatenate([source[:12], target[:4], (source[:8] + source[8:16]) / 2]))
    tensors[f"{name}.x"] = x.astype(np.float32)
    for key, entropy in ENTROPIES.items():
        plan = best_plan(costs, p, q, entropy)
        tensors[f"{name}.plan.{key}"] = plan
        tensors[f"{name}.moved.{key}"] = moved(x, a, b, plan, square)


def add_plan(tensors: dict, random: np.random.Generator, number: int, rows: int, columns: int) -> None:
    sizes, other_sizes = random.integers(1, 60, rows), random.integers(1, 90, columns)
    costs = random.random((rows, columns)) ** 2 * 100
    plan = ot.emd(sizes / sizes.sum(), other_sizes / other_sizes.sum(), costs)
    tensors |= {
        f"plan.{number}.costs": costs, f"plan.{number}.sizes": sizes.astype(np.int32),
        f"plan.{number}.otherSizes": other_sizes.astype(np.int32), f"plan.{number}.cheapest": np.array([(plan * costs).sum()]),
    }


def add_count(tensors: dict, random: np.random.Generator, name: str, sizes: list[int], channels: int) -> None:
    samples = blobs(random, sizes, channels, 5)
    held = len(samples) // 5
    fitted, others = samples[held:], samples[:held]
    scores = [
        GaussianMixture(
            count, covariance_type="spherical", n_init=8, random_state=0, reg_covar=1e-6 * fitted.var(axis=0).mean()
        ).fit(fitted).score(others)
        for count in range(1, 11)
    ]
    best = 1 + int(np.argmax(scores))
    print(f"{name}: {best} of {[round(float(score), 4) for score in scores]}")
    assert best == len(sizes), "scikit-learn finds as many as there are"
    tensors |= {
        f"count.{name}.fitted": fitted.astype(np.float32), f"count.{name}.held": others.astype(np.float32),
        f"count.{name}.expected": np.array([best, scores[best - 1]]),
    }


def main() -> None:
    random = np.random.default_rng(17)
    tensors: dict[str, np.ndarray] = {}
    for name, channels, distance, offset in [("apart", 24, 4.0, 0.0), ("near", 37, 0.6, 0.0), ("offset", 24, 1.0, 40.0)]:
        add_case(tensors, random, name, channels, distance, offset)
    for number, (rows, columns) in enumerate([(1, 1), (1, 5), (6, 1), (4, 4), (16, 16), (7, 13)]):
        add_plan(tensors, random, number, rows, columns)
    for name, sizes in [("one", [150]), ("three", [60, 90, 50]), ("five", [40, 60, 50, 45, 55])]:
        add_count(tensors, random, name, sizes, 10)
    floats = {name: values.astype(np.float32) if values.dtype == np.float64 else values for name, values in tensors.items()}
    save(FIXTURES / "clusters.safetensors", floats)


if __name__ == "__main__":
    main()
