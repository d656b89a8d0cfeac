"""Makes Tests/Fixtures/encoders/minilm.json and minilm.safetensors: what all-MiniLM-L6-v2 makes of 50 texts by transformers.

    tools/get-model minilm
    .venv/bin/python tools/parity/make_minilm.py

Sentences of tools/concepts, texts of several scripts, and texts longer than the 256 tokens that the model reads. minilm.json: {"texts": […], "tokens": [[…], …]}, with
the model's own tokenizer; minilm.safetensors: `embeddings` F32 [texts, 384], computed in Float64 as sentence-transformers does it: the mean over a text's
tokens, brought to length 1.
"""

import json
import os
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

from fixtures import FIXTURES, save
from texts import FIXED

torch.set_num_threads(1)
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "monge" / "all-MiniLM-L6-v2"
CONCEPTS = FIXTURES.parents[1] / "tools" / "concepts" / "football"
LIMIT = 256


def texts() -> list[str]:
    def lines(name: str) -> list[str]:
        return (CONCEPTS / name).read_text(encoding="utf-8").splitlines()

    plain, football = lines("source.txt"), lines("target.txt")
    others = [text for text in FIXED if len(text) > 12][:16]
    return [*plain[:15], *football[:15], *others, "", " ".join(plain[:40]), " ".join(football[:60]), "a"]


@torch.no_grad()
def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(CACHE)
    model = AutoModel.from_pretrained(CACHE, dtype=torch.float64).eval()
    chosen = texts()
    tokens = [tokenizer(text, truncation=True, max_length=LIMIT).input_ids for text in chosen]
    rows = [torch.nn.functional.normalize(model(torch.tensor([row])).last_hidden_state[0].mean(0), dim=0) for row in tokens]
    save(FIXTURES / "encoders" / "minilm.safetensors", {"embeddings": torch.stack(rows).float().numpy()})
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in tokens)
    (FIXTURES / "encoders" / "minilm.json").write_text(
        f'{{"texts": {json.dumps(chosen, indent=0)},\n"tokens": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(chosen)} texts, up to {max(map(len, tokens))} tokens")


if __name__ == "__main__":
    main()
