"""How near pictures are: the ratio of peak signal to noise of each pair, in decibels.

    .venv/bin/python tools/parity/compare_pictures.py f16/ q8_0/
    .venv/bin/python tools/parity/compare_pictures.py whole.png tiled.png

Of two folders, the files of the same names, and their median.
"""

import math
import sys
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image


def decibels(first: Path, second: Path) -> float:
    one, other = (np.asarray(Image.open(path).convert("RGB"), dtype=np.float64) for path in (first, second))
    error = np.mean((one - other) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def main() -> None:
    first, second = map(Path, sys.argv[1:3])
    pairs = [(first, second)] if first.is_file() else [(path, second / path.name) for path in sorted(first.glob("*.png"))]
    values = [decibels(*pair) for pair in pairs]
    for (path, _), value in zip(pairs, values):
        print(f"{path.name}: {value:.1f} dB")
    print(f"median of {len(values)}: {median(values):.1f} dB")


if __name__ == "__main__":
    main()
