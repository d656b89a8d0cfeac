"""Makes Tests/Fixtures/tiny-llama/: small random Llama models as Hugging Face saves them, with the logits they must give.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_tiny_llama.py

    f32/      Float32 weights, an output layer of its own
    bf16/     the same model with its weights rounded to bfloat16
    llama3/   Float32, tied embeddings, the long-context rotary scaling of Llama 3

Each holds config.json, generation_config.json and model.safetensors (written by transformers' save_pretrained) and
expected.safetensors: for sequence N (0 to 2) `N.ids` I32 [tokens] and `N.logits` F32 [tokens, vocabulary], computed in Float64 from
the weights as saved.
"""

import shutil

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from fixtures import FIXTURES, save
from references import logits, use_float64

VOCABULARY = 311
LENGTHS = (1, 17, 60)


def make_config(**options) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=96,
        vocab_size=VOCABULARY, max_position_embeddings=512, rms_norm_eps=1e-6, bos_token_id=1, eos_token_id=2,
        attn_implementation="sdpa", **options)


def make_model(config: LlamaConfig, dtype: torch.dtype, seed: int) -> LlamaForCausalLM:
    """A model whose weights are wide enough for every part to show in the logits; the norms' gains too are random."""
    generator = torch.Generator().manual_seed(seed)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            scale = 1.5 / parameter.shape[-1] ** 0.5
            parameter.copy_(1 + 0.3 * noise if parameter.dim() == 1 else scale * noise)
    return model.to(dtype).eval()


def main() -> None:
    use_float64()
    scaling = {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    variants = {
        "f32": (make_config(tie_word_embeddings=False, rope_theta=10000.0), torch.float32, 1),
        "bf16": (make_config(tie_word_embeddings=False, rope_theta=10000.0), torch.bfloat16, 1),
        "llama3": (make_config(tie_word_embeddings=True, rope_theta=50000.0, rope_scaling=scaling), torch.float32, 2),
    }
    random = np.random.default_rng(7)
    sequences = [random.integers(0, VOCABULARY, length).tolist() for length in LENGTHS]
    for name, (config, dtype, seed) in variants.items():
        folder = FIXTURES / "tiny-llama" / name
        shutil.rmtree(folder, ignore_errors=True)
        make_model(config, dtype, seed).save_pretrained(folder)
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="sdpa").eval()
        tensors = {}
        for number, ids in enumerate(sequences):
            values = logits(model, ids)
            tensors[f"{number}.ids"] = np.array(ids, dtype=np.int32)
            tensors[f"{number}.logits"] = values.astype(np.float32)
            print(f"{name}/{number}: deviation of the logits {values.std():.3f}, largest {np.abs(values).max():.2f}")
        save(folder / "expected.safetensors", tensors)


if __name__ == "__main__":
    main()
