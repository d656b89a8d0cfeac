"""Makes Tests/Fixtures/edges.safetensors: what operations give at the edges of numbers and sizes, by SymPy, mpmath and NumPy.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_edges.py

    activation.x [n], activation.<name> [n]     each function at ordinary and extreme numbers (mpmath, 50 digits), its limits at ±∞
                                                (SymPy), NaN at NaN
    softmax.indices [k], softmax.output [k]     some elements of the softmax of 150,000 numbers x_i = ((7919·i) mod 4093) / 256 − 8,
                                                summed exactly (math.fsum) and rounded to Float32
    reduce.<case>.x, .mean, .max, .min, .sum    over the axis that `options` names (numpy, Float64)
    topK.x [rows, n], topK.values, .indices     the largest 700 of each row (a stable argsort); argmax over an axis count of 1 to 4
"""

import math

import mpmath
import numpy as np
import sympy

from fixtures import FIXTURES, save

RANDOM = np.random.default_rng(20250620)
mpmath.mp.dps = 50


def activations() -> dict:
    """Each function of one argument, of SymPy's symbols and mpmath's numbers alike."""
    root = lambda m: m.sqrt(2 / m.pi)
    return {
        "silu": lambda m, x: x / (1 + m.exp(-x)),
        "gelu": lambda m, x: x / 2 * m.erfc(-x / m.sqrt(2)),
        "geluTanh": lambda m, x: x / (1 + m.exp(-2 * root(m) * (x + m.mpf("0.044715") * x**3))),
        "geluQuick": lambda m, x: x / (1 + m.exp(-m.mpf("1.702") * x)),
        "relu": lambda m, x: x * (x > 0) if m is mpmath else sympy.Max(x, 0),
        "sigmoid": lambda m, x: 1 / (1 + m.exp(-x)),
        "tanh": lambda m, x: m.tanh(x),
        "identity": lambda m, x: x,
    }


class Symbols:
    """SymPy under mpmath's names."""

    exp, erfc, sqrt, tanh, pi = sympy.exp, sympy.erfc, sympy.sqrt, sympy.tanh, sympy.pi
    mpf = staticmethod(sympy.Rational)


def limit(function, sign: int) -> float:
    x = sympy.Symbol("x", real=True)
    value = sympy.limit(function(Symbols, x), x, sympy.oo * sign)
    return {sympy.oo: math.inf, -sympy.oo: -math.inf}.get(value, None) if value.is_infinite else float(value)


def edges_of_activations() -> dict[str, np.ndarray]:
    largest = np.finfo(np.float32).max
    x = np.array(
        [-np.inf, -largest, -1e30, -1e5, -100, -20, -5, -1, -1e-3, -0.0, 0, 1e-3, 1, 5, 20, 100, 1e5, 1e30, largest, np.inf, np.nan],
        dtype=np.float32)
    tensors = {"activation.x": x}
    for name, function in activations().items():
        values = []
        for value in x.astype(np.float64):
            if np.isnan(value):
                values.append(np.nan)
            elif np.isinf(value):
                values.append(limit(function, int(np.sign(value))))
            else:
                values.append(float(function(mpmath, mpmath.mpf(float(value)))))
        tensors[f"activation.{name}"] = np.array(values).astype(np.float32)
    return tensors


def long_softmax() -> dict[str, np.ndarray]:
    index = np.arange(150_000)
    x = (index * 7919 % 4093) / 256 - 8
    weights = np.exp(x - x.max())
    chosen = np.concatenate([np.arange(8), RANDOM.choice(150_000, 200, replace=False), [149_998, 149_999]])
    return {
        "softmax.indices": chosen.astype(np.int32),
        "softmax.output": (weights[chosen] / math.fsum(weights)).astype(np.float32),
    }


def reductions(options: dict) -> dict[str, np.ndarray]:
    tensors = {}
    for name, shape, axis in [
        ("tokens", (2, 7, 40), 1), ("channels", (3, 5, 33), 2), ("pixels", (2, 20, 8), 1), ("batch", (6, 9), 0), ("vector", (1000,), 0),
        ("inner", (2, 3, 4, 5), 2), ("one", (4, 1, 3), 1), ("long", (2, 3000), 1),
    ]:
        x = RANDOM.normal(size=shape, scale=3).astype(np.float32)
        options[f"reduce.{name}"] = {"axis": axis}
        tensors[f"reduce.{name}.x"] = x
        for operation, function in {"mean": np.mean, "sum": np.sum, "max": np.max, "min": np.min}.items():
            tensors[f"reduce.{name}.{operation}"] = np.atleast_1d(function(x.astype(np.float64), axis=axis)).astype(np.float32)
    return tensors


def selections() -> dict[str, np.ndarray]:
    # Numbers with ties.
    x = np.round(RANDOM.normal(size=(3, 1500)) * 40).astype(np.float32)
    indices = np.argsort(-x, axis=-1, kind="stable")[:, :700]
    volume = RANDOM.normal(size=(2, 3, 4, 50)).astype(np.float32)
    tensors = {
        "topK.x": x, "topK.indices": indices.astype(np.int32), "topK.values": np.take_along_axis(x, indices, -1),
        "argmax.x": volume,
    }
    for rank in range(1, 5):
        part = volume[(0,) * (4 - rank)]
        tensors[f"argmax.{rank}"] = np.atleast_1d(np.argmax(part, axis=-1)).astype(np.int32)
    return tensors


def main() -> None:
    options: dict = {}
    tensors = edges_of_activations() | long_softmax() | reductions(options) | selections()
    save(FIXTURES / "edges.safetensors", tensors, {"options": options})


if __name__ == "__main__":
    main()
