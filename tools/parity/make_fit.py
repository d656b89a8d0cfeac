"""Makes Tests/Fixtures/fit.safetensors: fits, quantiles, AUROC and pooling per column, by NumPy in Float64.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_fit.py

For each case (equal, fewer, more, one_target, one_source):
    <case>.source    F32 [n, columns], unsorted samples      <case>.target    F32 [m, columns]
    <case>.linear, <case>.mean, <case>.gaussian   F32 [6, columns]: ω, β, source mean, source deviation, target mean, target deviation
    <case>.quantiles   F32 [levels, columns]: the source's quantiles at the levels of the metadata
    <case>.auroc       F32 [columns]: the probability that a source value exceeds a target value, ties counting half
and for pooling:
    pool.x F32 [rows, columns], pool.starts and pool.counts I32 [sequences], pool.mean, .max, .min, .median, .last F32 [sequences, columns]

Metadata: `columns` (JSON, what each column is there for), `supports` (JSON, name of a support → its two levels), `levels` (JSON).

The fits: ω of `linear` is the least-squares slope between equally spaced quantiles of the two samples, as many as the larger sample
has values (its order statistics themselves), each sequence centred by its own mean; β = m_b − ω·m_a with the means of the samples.
A column is dead, and gets the identity, where the source's deviation is at most max(1e-4, 1e-6·|mean|); for `gaussian` also where the
target's is; for `mean` never.
"""

import numpy as np

from fixtures import FIXTURES, save

SUPPORTS = {
    "q_0_100": (0.0, 1.0), "q_0.5_99.5": (0.005, 0.995), "q_1_99": (0.01, 0.99), "q_2_98": (0.02, 0.98), "q_5_95": (0.05, 0.95),
    "q_10_90": (0.1, 0.9), "q_20_80": (0.2, 0.8), "q_30_70": (0.3, 0.7), "q_40_60": (0.4, 0.6),
}
LEVELS = sorted({level for pair in SUPPORTS.values() for level in pair} | {0.25, 0.5, 0.75})

COLUMNS = [
    *["normal"] * 8,
    "skewed", "bimodal", "heavy tails", "ties on a coarse grid", "ties in the target", "source far from zero: mean 1000, deviation 0.01",
    "both far from zero: −5000, deviation 1", "tiny but alive: deviation 5e-4", "dead: constant source", "dead: constant zero source",
    "dead by the absolute bound: deviation 5e-5", "dead by the relative bound: mean 1e4, deviation 3e-3", "constant target",
    "constant source and target", "huge: deviation 1e4", "reversed: source and target the same sample, shuffled",
]


def make_samples(random: np.random.Generator, count: int, is_target: bool) -> np.ndarray:
    x = random.normal(size=(count, len(COLUMNS)))
    if is_target:
        x[:, :8] = x[:, :8] * random.uniform(0.2, 4, 8) + random.normal(size=8) * 3
    x[:, 8] = np.exp(x[:, 8] * (1.2 if is_target else 0.7))
    x[:, 9] = x[:, 9] * 0.3 + np.where(random.random(count) < 0.4, -2, 3 if is_target else 1)
    x[:, 10] = random.standard_t(2, count)
    x[:, 11] = np.round(x[:, 11] * 2) / 2
    x[:, 12] = np.round(x[:, 12]) if is_target else x[:, 12]
    x[:, 13] = x[:, 13] if is_target else 1000 + 0.01 * x[:, 13]
    x[:, 14] = -5000 + x[:, 14] * (2 if is_target else 1)
    x[:, 15] = 5e-4 * x[:, 15]
    if not is_target:
        x[:, 16] = 0.7
        x[:, 17] = 0
        x[:, 18] = 5e-5 * np.linspace(-1.5, 1.5, count) if count > 1 else 0
        x[:, 19] = 1e4 + 3e-3 * np.linspace(-1.5, 1.5, count) if count > 1 else 1e4
    x[:, 20] = 2.5 if is_target else x[:, 20]
    x[:, 21] = -1.25 if is_target else 3.5
    x[:, 22] = 1e4 * x[:, 22]
    x[:, 23] = np.linspace(-1, 2, count) if is_target else np.linspace(2, -1, count)
    return x.astype(np.float32)


def deviation(x: np.ndarray) -> np.ndarray:
    return x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])


def fit(source: np.ndarray, target: np.ndarray, method: str) -> np.ndarray:
    a, b = source.astype(np.float64), target.astype(np.float64)
    mean_a, mean_b, deviation_a, deviation_b = a.mean(axis=0), b.mean(axis=0), deviation(a), deviation(b)
    dead_a = deviation_a <= np.maximum(1e-4, 1e-6 * np.abs(mean_a))
    dead_b = deviation_b <= np.maximum(1e-4, 1e-6 * np.abs(mean_b))
    if method == "mean":
        omega = np.ones(a.shape[1])
        dead = np.zeros(a.shape[1], dtype=bool)
    elif method == "gaussian":
        dead = dead_a | dead_b
        omega = deviation_b / np.where(dead, 1, deviation_a)
    else:
        dead = dead_a
        levels = np.linspace(0, 1, max(len(a), len(b)))
        quantiles_a, quantiles_b = np.quantile(a, levels, axis=0), np.quantile(b, levels, axis=0)
        centred_a, centred_b = quantiles_a - quantiles_a.mean(axis=0), quantiles_b - quantiles_b.mean(axis=0)
        omega = (centred_a * centred_b).sum(axis=0) / np.where(dead, 1, (centred_a**2).sum(axis=0))
    beta = mean_b - omega * mean_a
    omega, beta = np.where(dead, 1, omega), np.where(dead, 0, beta)
    return np.stack([omega, beta, mean_a, deviation_a, mean_b, deviation_b]).astype(np.float32)


def auroc(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    above = (source[:, None, :] > target[None]).mean(axis=(0, 1))
    equal = (source[:, None, :] == target[None]).mean(axis=(0, 1))
    return (above + equal / 2).astype(np.float32)


def make_pooling(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Sequences of several lengths, one empty, one overlapping another, with rows between them that belong to none."""
    starts, counts = np.array([0, 6, 7, 15, 15, 40, 33]), np.array([5, 1, 8, 0, 18, 2, 4])
    x = (random.normal(size=(43, 19)) * 3).astype(np.float32)
    x[:, 0] = np.round(x[:, 0])
    x[:, 1] += 1000
    poolings = {
        "mean": lambda rows: rows.mean(axis=0), "max": lambda rows: rows.max(axis=0), "min": lambda rows: rows.min(axis=0),
        "median": lambda rows: np.median(rows, axis=0), "last": lambda rows: rows[-1],
    }
    tensors = {"pool.x": x, "pool.starts": starts.astype(np.int32), "pool.counts": counts.astype(np.int32)}
    for name, pooling in poolings.items():
        tensors[f"pool.{name}"] = np.stack([
            pooling(x[start:start + count].astype(np.float64)) if count > 0 else np.zeros(x.shape[1])
            for start, count in zip(starts, counts)
        ]).astype(np.float32)
    return tensors


def main() -> None:
    random = np.random.default_rng(20250104)
    tensors = {}
    for case, (n, m) in {"equal": (37, 37), "fewer": (37, 53), "more": (53, 37), "one_target": (9, 1), "one_source": (1, 9)}.items():
        source, target = make_samples(random, n, is_target=False), make_samples(random, m, is_target=True)
        tensors[f"{case}.source"], tensors[f"{case}.target"] = source, target
        for method in ("linear", "mean", "gaussian"):
            tensors[f"{case}.{method}"] = fit(source, target, method)
        tensors[f"{case}.quantiles"] = np.quantile(source.astype(np.float64), LEVELS, axis=0).astype(np.float32)
        tensors[f"{case}.auroc"] = auroc(source, target)
        dead = [index for index in range(len(COLUMNS)) if (tensors[f"{case}.linear"][:2, index] == (1, 0)).all()]
        print(f"{case}: identity in columns {dead}, ω {tensors[f'{case}.linear'][0].min():.4g} … {tensors[f'{case}.linear'][0].max():.4g}")
    tensors |= make_pooling(random)
    save(FIXTURES / "fit.safetensors", tensors, {"columns": COLUMNS, "supports": SUPPORTS, "levels": LEVELS})


if __name__ == "__main__":
    main()
