"""Makes Tests/Fixtures/sampling.safetensors: the probabilities that Hugging Face transformers draws the next token with.

    .venv/bin/python tools/parity/make_sampling.py

Tensors are `<case>.logits` and `<case>.probabilities`, [V] F32. The metadata's `options` (JSON) holds penalty, temperature, topK (null
for all), topP and seen (the tokens that the penalty meets) of each case.

What computes them: the processors of transformers, in the order in which its generation asks them (RepetitionPenaltyLogitsProcessor,
TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper), and a softmax in Float64.
"""

import numpy as np
import torch
from transformers.generation import logits_process

from fixtures import FIXTURES, save

RANDOM = np.random.default_rng(20251128)


def probabilities(logits: np.ndarray, seen: list[int], penalty: float, temperature: float, top_k: int | None, top_p: float) -> np.ndarray:
    tokens = torch.tensor([seen])
    processors = []
    if penalty != 1:
        processors.append(logits_process.RepetitionPenaltyLogitsProcessor(penalty))
    if temperature != 1:
        processors.append(logits_process.TemperatureLogitsWarper(temperature))
    if top_k is not None:
        processors.append(logits_process.TopKLogitsWarper(top_k))
    if top_p < 1:
        processors.append(logits_process.TopPLogitsWarper(top_p))
    scores = torch.from_numpy(logits)[None].double()
    for processor in processors:
        scores = processor(tokens, scores)
    return torch.softmax(scores, dim=-1)[0].numpy()


tensors, options = {}, {}
cases = [
    (penalty, temperature, top_k, top_p)
    for penalty in (1.0, 1.3)
    for temperature in (1.0, 0.6, 2.5)
    for top_k, top_p in ((None, 1.0), (7, 1.0), (None, 0.85), (12, 0.7))
]
for index, (penalty, temperature, top_k, top_p) in enumerate(cases):
    vocabulary = (29, 50, 67)[index % 3]
    logits = (RANDOM.normal(size=vocabulary) * 2.5).astype(np.float32)
    # What is likely, and some of what is not.
    seen = sorted({int(token) for token in np.argsort(-logits)[:3]} | {int(token) for token in RANDOM.integers(vocabulary, size=8)})
    name = f"case{index}"
    tensors[f"{name}.logits"] = logits
    tensors[f"{name}.probabilities"] = probabilities(logits, seen, penalty, temperature, top_k, top_p).astype(np.float32)
    options[name] = {"penalty": penalty, "temperature": temperature, "topK": top_k, "topP": top_p, "seen": seen}

save(FIXTURES / "sampling.safetensors", tensors, {"options": options})
