"""Makes Tests/Fixtures/conditions.safetensors: conditions and gates of maps, by NumPy and scikit-learn in Float64.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_conditions.py

Three pairs of sets of 16 channels: `clear` (told apart almost always), `hazy` (told apart sometimes), `turned` (one cloud around another: the better side
may be either).

    <case>.source F32 [37, 16]   <case>.target F32 [52, 16]
    <case>.sourceRounds I32 [37]   <case>.targetRounds I32 [52]: the round of five in which a sample is held out
    <case>.direction, .centre      F32 [16]: the normalised difference of the means, and the mean of all samples
    <case>.expected                F32 [4]: threshold; 1 where the condition is met above it, −1 where below; the best balanced accuracy over the held-out
                                   scores; the balanced accuracy of thresholds chosen without the round they are tried on
    gate.source F32 [60, 16], gate.target F32 [80, 16], gate.weights F32 [16], gate.intercept F32 [1], gate.values F32 [140]: LogisticRegression with the
                                   source as the positive class, and its probabilities of all samples
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from fixtures import FIXTURES, save

CHANNELS, ROUNDS = 16, 5


def plane(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    difference = source.mean(axis=0) - target.mean(axis=0)
    return difference / np.linalg.norm(difference), np.concatenate([source, target]).mean(axis=0)


def predictions(scores: np.ndarray, threshold: float, side: int) -> np.ndarray:
    return (side * (scores - threshold) > 0).astype(int)


def best_split(scores: np.ndarray, labels: np.ndarray) -> tuple[float, int, float]:
    """The threshold between neighbouring scores of the best balanced accuracy; of equals that in the widest gap."""
    values = np.unique(scores)
    best = (0.0, 0.0, 0.0, 0)
    for lower, upper in zip(values, values[1:]):
        for side in (1, -1):
            threshold = lower + (upper - lower) / 2
            accuracy = balanced_accuracy_score(labels, predictions(scores, threshold, side))
            if (round(accuracy, 12), upper - lower) > (round(best[0], 12), best[1]):
                best = (accuracy, upper - lower, threshold, side)
    return best[2], best[3], best[0]


def fit(source: np.ndarray, target: np.ndarray, rounds: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    x, labels, held = np.concatenate([source, target]), np.repeat([1, 0], [len(source), len(target)]), np.concatenate(rounds)
    scores = np.empty(len(x))
    for number in range(ROUNDS):
        direction, centre = plane(source[rounds[0] != number], target[rounds[1] != number])
        scores[held == number] = (x[held == number] - centre) @ direction
    threshold, side, accuracy = best_split(scores, labels)
    chosen = np.empty(len(x), dtype=int)
    for number in range(ROUNDS):
        others = held != number
        own_threshold, own_side, _ = best_split(scores[others], labels[others])
        chosen[~others] = predictions(scores[~others], own_threshold, own_side)
    direction, centre = plane(source, target)
    return {
        "direction": direction, "centre": centre,
        "expected": np.array([threshold, side, accuracy, balanced_accuracy_score(labels, chosen)]),
    }


def main() -> None:
    random = np.random.default_rng(20261130)
    tensors: dict[str, np.ndarray] = {}
    for name, shift, spread in [("clear", 1.2, 1.0), ("hazy", 0.35, 1.0), ("turned", 0.05, 4.0)]:
        sizes = 10 ** random.uniform(-1, 1, CHANNELS)
        offset = random.normal(size=CHANNELS) * 3
        source = ((random.normal(size=(37, CHANNELS)) * spread + shift + offset) * sizes).astype(np.float32)
        target = ((random.normal(size=(52, CHANNELS)) + offset) * sizes).astype(np.float32)
        rounds = tuple(random.permutation(np.arange(len(side)) % ROUNDS) for side in (source, target))
        tensors |= {f"{name}.source": source, f"{name}.target": target}
        tensors |= {f"{name}.sourceRounds": rounds[0].astype(np.int32), f"{name}.targetRounds": rounds[1].astype(np.int32)}
        tensors |= {f"{name}.{key}": value for key, value in fit(source.astype(np.float64), target.astype(np.float64), rounds).items()}
    source = (random.normal(size=(60, CHANNELS)) + 0.5).astype(np.float32)
    target = random.normal(size=(80, CHANNELS)).astype(np.float32)
    x, labels = np.concatenate([source, target]).astype(np.float64), np.repeat([1, 0], [60, 80])
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=10_000).fit(x, labels)
    tensors |= {
        "gate.source": source, "gate.target": target, "gate.weights": model.coef_[0], "gate.intercept": model.intercept_,
        "gate.values": model.predict_proba(x)[:, 1],
    }
    save(
        FIXTURES / "conditions.safetensors",
        {key: value if value.dtype == np.int32 else value.astype(np.float32) for key, value in tensors.items()}, {"rounds": ROUNDS})


if __name__ == "__main__":
    main()
