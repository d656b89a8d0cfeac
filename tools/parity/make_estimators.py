"""Makes Tests/Fixtures/estimators.safetensors: estimators of steering maps, by scikit-learn and NumPy in Float64.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_estimators.py

Two sites, `a` and `b`, of 24 channels in 3 heads, with 60 source and 75 target samples; pairs are the first 60 of each.

    <site>.source F32 [60, 24]   <site>.target F32 [75, 24]
    <site>.auroc                 F32 [24]: roc_auc_score with the source as the positive class
    <site>.aurA                  F32 [24]: ω
    <site>.det0                  F32 [24]: ω, 0 at the 14 neurons of both sites with the largest AUROC
    <site>.caa                   F32 [24]: the mean of the differences of pairs
    <site>.shares.2, .shares.4   F32 [24]: 1 - tau/|t| and at least 0, t by SciPy's ttest_ind with variances that differ
    <site>.shrunk.2, .shrunk.4   F32 [24]: the difference of means times it
    <site>.iti.1, .iti.3         F32 [24]: σ_θ·θ of LogisticRegression, of the whole site and of each head
    <site>.massMean.1, .massMean.3
    <site>.probe.1, .probe.3     F32 [heads, 2]: the probe's accuracy on the source and on the target samples it was fitted to
    <site>.repe                  F32 [24]: the first component of PCA over the differences of pairs and their negatives, times the mean of
                                 the differences along it
    clear.source, clear.target   F32 [40, 6]: three heads of which only the second tells the sides apart
"""

import numpy as np
from scipy.stats import ttest_ind
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from fixtures import FIXTURES, save

CHANNELS, HEADS, SILENCED = 24, 3, 14


def make_site(random: np.random.Generator, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Correlated neurons of very different sizes and offsets, as in a residual stream; some are the same on both sides."""
    mixing = random.normal(size=(CHANNELS, CHANNELS)) * 0.5 + np.eye(CHANNELS)
    sizes = 10 ** random.uniform(-1.5, 1.5, CHANNELS)
    offsets = random.normal(size=CHANNELS) * 3
    direction = random.normal(size=CHANNELS) * (random.random(CHANNELS) < 0.7)

    def draw(count: int, amount: float) -> np.ndarray:
        return ((random.normal(size=(count, CHANNELS)) @ mixing + offsets + amount * direction) * sizes).astype(np.float32)

    return draw(60, 0), draw(75, shift)


def probe(x: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    return LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=10_000).fit(x, labels)


def intervention(source: np.ndarray, target: np.ndarray, heads: int, mass_mean: bool) -> tuple[np.ndarray, np.ndarray]:
    shifts, accuracies = [], []
    for columns in np.split(np.arange(CHANNELS), heads):
        a, b = source[:, columns].astype(np.float64), target[:, columns].astype(np.float64)
        x, labels = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
        model = probe(x, labels)
        direction = b.mean(axis=0) - a.mean(axis=0) if mass_mean else model.coef_[0]
        unit = direction / np.linalg.norm(direction)
        shifts.append(unit * (x @ unit).std())
        accuracies.append([(model.predict(a) == 0).mean(), (model.predict(b) == 1).mean()])
    return np.concatenate(shifts), np.array(accuracies)


def representation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    differences = target.astype(np.float64)[: len(source)] - source.astype(np.float64)
    component = PCA(n_components=1, svd_solver="full").fit(np.concatenate([differences, -differences])).components_[0]
    return component * (differences.mean(axis=0) @ component)


def main() -> None:
    random = np.random.default_rng(20261129)
    tensors, aurocs = {}, {}
    for name, shift in {"a": 1.5, "b": 0.6}.items():
        source, target = make_site(random, shift)
        # Ties, and a neuron that is the same everywhere.
        source[:, 3], target[:, 3] = np.round(source[:, 3] / 4), np.round(target[:, 3] / 4)
        source[:, 5] = target[:, 5] = 0.25
        labels = np.repeat([1, 0], [len(source), len(target)])
        aurocs[name] = np.array([
            roc_auc_score(labels, np.concatenate([source[:, j], target[:, j]])) for j in range(CHANNELS)
        ])
        tensors |= {f"{name}.source": source, f"{name}.target": target, f"{name}.auroc": aurocs[name]}
        tensors[f"{name}.aurA"] = np.where(aurocs[name] > 0.5, 1 - 2 * (aurocs[name] - 0.5), 1)
        tensors[f"{name}.caa"] = (target[:60].astype(np.float64) - source.astype(np.float64)).mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(ttest_ind(target.astype(np.float64), source.astype(np.float64), equal_var=False).statistic)
        for threshold in (2, 4):
            # A neuron that is the same everywhere has no t, and nothing to be moved by.
            shares = np.where(np.isnan(t), 0, np.maximum(0, 1 - threshold / t))
            tensors[f"{name}.shares.{threshold}"] = shares
            tensors[f"{name}.shrunk.{threshold}"] = shares * (target.astype(np.float64).mean(axis=0) - source.astype(np.float64).mean(axis=0))
        for heads in (1, HEADS):
            tensors[f"{name}.iti.{heads}"], tensors[f"{name}.probe.{heads}"] = intervention(source, target, heads, mass_mean=False)
            tensors[f"{name}.massMean.{heads}"], _ = intervention(source, target, heads, mass_mean=True)
        tensors[f"{name}.repe"] = representation(source, target)
    threshold = np.sort(np.concatenate(list(aurocs.values())))[-SILENCED]
    for name, auroc in aurocs.items():
        tensors[f"{name}.det0"] = np.where(auroc >= threshold, 0, 1)
    clear = random.normal(size=(2, 40, 6))
    clear[1, :, 2] += 4
    tensors |= {"clear.source": clear[0], "clear.target": clear[1]}
    save(
        FIXTURES / "estimators.safetensors", {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in tensors.items()},
        {"channels": CHANNELS, "heads": HEADS, "silenced": SILENCED})


if __name__ == "__main__":
    main()
