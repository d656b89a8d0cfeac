"""Makes Tests/Fixtures/quantisation.json: random blocks of each stored weight type, decoded by `gguf.quants` (llama.cpp's package), and
Tests/Fixtures/quantiser.json: numbers that it quantises.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_quantisation.py

{"q4_0": {"rows": 4, "columns": 512, "bytes": base64 of the blocks, "values": base64 of the decoded Float32, little endian}, …}

A decoder must give these values bit for bit: a scale has 11 significant bits, its product with the stored integers (at most 12 more)
is exact in Float32, and so is rounded only by the one addition of a minimum, fused or not. Scales are positive, negative, zero,
subnormal and large; every integer is random over its whole range; no value is infinite or NaN.

In quantiser.json, "values" are what is quantised (rows and columns as above) and "blocks" holds the bytes of each type.
"""

import base64
import json

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

from fixtures import FIXTURES

ROWS, COLUMNS = 4, 512

# Byte offsets of the Float16 scales (and minima) in a block, ggml-common.h.
SCALES = {
    "q4_0": [0], "q4_1": [0, 2], "q5_0": [0], "q5_1": [0, 2], "q8_0": [0], "q4_K": [0, 2], "q5_K": [0, 2], "q6_K": [208],
    "f16": [], "bf16": [],
}


def random_scales(random: np.random.Generator, count: int) -> np.ndarray:
    """Float16: mostly of the size that models have, some zero, subnormal or large."""
    scales = (random.normal(size=count) * 10.0 ** random.uniform(-4, 0, count)).astype(np.float16)
    scales[::11] = 0
    scales[3::11] = np.float16(6e-8) * random.integers(1, 1000, scales[3::11].size).astype(np.float16)
    scales[7::11] = np.float16(400.0)
    return scales


def random_bytes(random: np.random.Generator, name: str) -> np.ndarray:
    """`[ROWS, bytes]` uint8: whole blocks with finite scales, or finite scalars."""
    kind = GGMLQuantizationType[name.upper()]
    block_elements, block_bytes = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * COLUMNS // block_elements, block_bytes), dtype=np.uint8)
    for offset in SCALES[name]:
        scales = random.permutation(random_scales(random, len(blocks)))
        blocks[:, offset:offset + 2] = scales.astype("<f2").view(np.uint8).reshape(-1, 2)
    if name in ("f16", "bf16"):
        bits = blocks.view("<u2")
        exponent = 0x7C00 if name == "f16" else 0x7F80
        bits[(bits & exponent) == exponent] &= ~np.uint16(exponent)
        bits[0:6, 0] = [0x0000, 0x8000, 0x0001, 0x8001, exponent - 1, 0x8000 | (exponent - 1)]
    return blocks.reshape(ROWS, -1)


def numbers_to_quantise() -> np.ndarray:
    """`[ROWS, COLUMNS]` Float32: of many sizes, blocks of zeros, of one number, of ties, of one sign."""
    random = np.random.default_rng(20250621)
    values = random.normal(size=(ROWS, COLUMNS // 32, 32)) * 10.0 ** random.uniform(-5, 3, (ROWS, COLUMNS // 32, 1))
    values[0, 0] = 0
    values[0, 1] = 0.37
    values[0, 2] = np.arange(32) % 2 * 2 - 1
    values[0, 3] = np.abs(values[0, 3]) + 1
    values[0, 4] = -np.abs(values[0, 4]) - 1
    values[0, 5, 1:] = 0
    values[0, 6] = np.round(values[0, 6] / np.abs(values[0, 6]).max() * 16) / 2
    return values.reshape(ROWS, COLUMNS).astype("<f4")


def make_quantiser() -> None:
    values = numbers_to_quantise()
    blocks = {}
    for name in ("q8_0", "q4_0", "q4_1", "q5_0", "q5_1"):
        blocks[name] = base64.b64encode(quantize(values, GGMLQuantizationType[name.upper()]).tobytes()).decode()
    fixture = {"rows": ROWS, "columns": COLUMNS, "values": base64.b64encode(values.tobytes()).decode(), "blocks": blocks}
    (FIXTURES / "quantiser.json").write_text(json.dumps(fixture, indent=1) + "\n")


def main() -> None:
    make_quantiser()
    fixtures = {}
    for number, name in enumerate(SCALES):
        stored = random_bytes(np.random.default_rng([20250103, number]), name)
        values = dequantize(stored, GGMLQuantizationType[name.upper()]).astype("<f4")
        if values.shape != (ROWS, COLUMNS) or not np.isfinite(values).all():
            raise SystemExit(f"{name} decodes to {values.shape} with {np.sum(~np.isfinite(values))} values that are not finite")
        fixtures[name] = {
            "rows": ROWS, "columns": COLUMNS, "bytes": base64.b64encode(stored.tobytes()).decode(),
            "values": base64.b64encode(values.tobytes()).decode(),
        }
        print(f"{name}: {stored.nbytes} bytes, values {np.abs(values)[values != 0].min():.2e} … {np.abs(values).max():.2e}")
    path = FIXTURES / "quantisation.json"
    path.write_text(json.dumps(fixtures, indent=1) + "\n")
    print(f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
