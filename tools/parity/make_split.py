"""Makes Tests/Fixtures/split/: a small GGUF file in one piece and in three, by `gguf` (llama.cpp's package), as llama-gguf-split names them.

    .venv/bin/python tools/parity/make_split.py

The values of tensor i are 100·i, 100·i + 1, …
"""

import numpy as np
from gguf import GGUFWriter

from fixtures import FIXTURES

SHAPES = {"token_embd.weight": (4, 8), "blk.0.attn_q.weight": (2, 8), "blk.0.ffn_up.weight": (3, 8), "output_norm.weight": (8,), "output.weight": (4, 8)}


def write(path, **options):
    writer = GGUFWriter(path, "llama", **options)
    writer.add_block_count(1)
    writer.add_name("Split")
    for index, (name, shape) in enumerate(SHAPES.items()):
        writer.add_tensor(name, (100 * index + np.arange(np.prod(shape))).astype(np.float32).reshape(shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


folder = FIXTURES / "split"
folder.mkdir(parents=True, exist_ok=True)
for old in folder.glob("*.gguf"):
    old.unlink()
write(folder / "whole.gguf")
write(folder / "parts.gguf", split_max_tensors=2)
for path in sorted(folder.iterdir()):
    print(path.name, path.stat().st_size)
