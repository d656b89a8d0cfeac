"""Makes Tests/Fixtures/noise.json: numbers of torch.randn on the CPU.

    .venv/bin/python tools/parity/make_noise.py

Each case draws tensors of the given sizes, one after the other, from one generator: {"seed": …, "sizes": […], "numbers": [[…], …]}. Of tensors
with more than 40 numbers the first and last 20 are kept. "images" are of torch.randn([1, channels, height, width]), channels last.
"""

import json
from pathlib import Path

import torch

PATH = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "noise.json"
CASES = [
    (0, [1, 1, 1, 2, 3, 15]), (1, [16, 17, 31, 32, 33]), (1234, [4 * 64 * 64, 4 * 16 * 16]), (2**32 + 7, [3, 20, 2, 1, 16, 5]),
    (2**63 - 1, [1000]), (7, [15, 16, 15, 700]), (42, [10007]), (5489, [0, 1, 0, 16]),
]
IMAGES = [(0, 4, 8, 8), (3, 4, 3, 5), (11, 3, 2, 2), (12, 16, 4, 6)]


def main() -> None:
    cases = []
    for seed, sizes in CASES:
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.randn(size, generator=generator).tolist() for size in sizes]
        cases.append({
            "seed": seed, "sizes": sizes,
            "numbers": [numbers if len(numbers) <= 40 else numbers[:20] + numbers[-20:] for numbers in drawn]})
    images = []
    for seed, channels, height, width in IMAGES:
        noise = torch.randn([1, channels, height, width], generator=torch.Generator().manual_seed(seed))
        images.append({
            "seed": seed, "channels": channels, "height": height, "width": width, "numbers": noise.permute(0, 2, 3, 1).flatten().tolist()})
    PATH.write_text(json.dumps({"cases": cases, "images": images}) + "\n", encoding="utf-8")
    print(f"{PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
