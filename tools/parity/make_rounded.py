"""Makes Tests/Fixtures/rounded.json: products of quantised weights with activations rounded to 16 bits in blocks of 32, by NumPy in Float64
over weights that `gguf.quants` (llama.cpp's package) decodes.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_rounded.py

{"x": base64 of Float32 [rows, columns], "rows": …, "columns": …, "outputs": …,
 "rounded": base64 of Float64 [rows, columns], what x is rounded to,
 "q4_0": {"weight": base64 of the blocks [outputs, columns], "product": base64 of Float64 [rows, outputs],
          "size": likewise, Σ |x|·(|scaled integer| + |offset|)}, …}

A block of 32 is d·q with d = max|x|/32512 and q = x·(32512/max|x|), each operation in Float32, to the nearest, ties to even.
"""

import base64
import json

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from fixtures import FIXTURES
from make_quantisation import SCALES

ROWS, COLUMNS, OUTPUTS = 5, 512, 19
# The integer of the largest magnitude of a block.
MOST = 32512
# Where the integers begin, for types that have offsets.
INTEGERS = {"q4_1": 4, "q5_1": 4, "q4_K": 16, "q5_K": 16}


def activations(random: np.random.Generator) -> np.ndarray:
    """Blocks of many sizes, one of zeros, one of ties, one with an outlier as models have them, one too small for a scale."""
    x = random.normal(size=(ROWS, COLUMNS // 32, 32)) * 10.0 ** random.uniform(-3, 2, (ROWS, COLUMNS // 32, 1))
    x[0, 3] = 0
    x[1, 4] = random.integers(-MOST, MOST + 1, 32) / 2
    x[1, 4, 7] = MOST
    x[2, 5, 11] = 4000
    x[3, 6] *= 1e-33
    return x.astype(np.float32).reshape(ROWS, COLUMNS)


def rounded(x: np.ndarray) -> np.ndarray:
    blocks = x.reshape(ROWS, -1, 32)
    largest = np.abs(blocks).max(-1, keepdims=True)
    counts = largest >= np.float32(2.0**-100)
    divisor = np.where(counts, largest, np.float32(1))
    scale, inverse = divisor / np.float32(MOST), np.float32(MOST) / divisor
    assert scale.dtype == inverse.dtype == np.float32
    integers = np.rint(blocks * inverse)
    values = scale.astype(np.float64) * integers.astype(np.float64)
    return np.where(counts, values, 0).reshape(ROWS, COLUMNS)


def weights(random: np.random.Generator, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The blocks of a matrix, and those of its offsets alone."""
    elements, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name.upper()]]
    blocks = random.integers(0, 256, (OUTPUTS * COLUMNS // elements, block_bytes), dtype=np.uint8)
    for offset in SCALES[name]:
        scales = (random.normal(size=len(blocks)) * 0.02).astype("<f2")
        blocks[:, offset:offset + 2] = scales.view(np.uint8).reshape(-1, 2)
    offsets = blocks.copy()
    offsets[:, INTEGERS.get(name, 0):] = 0
    return blocks.reshape(OUTPUTS, -1), offsets.reshape(OUTPUTS, -1)


def text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def main() -> None:
    random = np.random.default_rng(20261129)
    x = activations(random)
    x_rounded = rounded(x)
    result = {"rows": ROWS, "columns": COLUMNS, "outputs": OUTPUTS, "x": text(x), "rounded": text(x_rounded)}
    for name in ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_K", "q5_K", "q6_K"]:
        kind = GGMLQuantizationType[name.upper()]
        blocks, offset_blocks = weights(random, name)
        weight = dequantize(blocks, kind).astype(np.float64)
        offset = dequantize(offset_blocks, kind).astype(np.float64) if name in INTEGERS else np.zeros_like(weight)
        size = np.abs(x_rounded) @ (np.abs(weight - offset) + np.abs(offset)).T
        result[name] = {"weight": text(blocks), "product": text(x_rounded @ weight.T), "size": text(size)}
    path = FIXTURES / "rounded.json"
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
