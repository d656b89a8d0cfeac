"""Makes Tests/Fixtures/float8.safetensors: all numbers of eight bits (F8_E4M3) as PyTorch reads them.

    .venv/bin/python tools/parity/make_float8.py

`stored` holds the bytes 0 to 255 as F8_E4M3 of shape [16, 16], `numbers` the same in F32.
"""

import torch
from safetensors.torch import save_file

from fixtures import FIXTURES


def main() -> None:
    stored = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).reshape(16, 16)
    path = FIXTURES / "float8.safetensors"
    save_file({"stored": stored, "numbers": stored.float()}, path)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
