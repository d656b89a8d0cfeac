"""Makes Tests/Fixtures/settings/: what settings of config.json and of GGUF metadata do to a small random model, by transformers 5.

    python3 -m venv .venv5 && .venv5/bin/pip install -r tools/parity/requirements.txt
    .venv5/bin/pip install -r tools/parity/requirements-settings.txt
    .venv5/bin/python tools/parity/make_settings.py

    weights.safetensors    F16, every tensor that a case may use; the biases are there too
    cases.json             {"ids": […], "rows": […], "folders": [{"name", "config", "tensors"}], "files": […]}: a folder has the text `config` as
                           its config.json, and these tensors; a file is <name>.gguf, written by llama.cpp's own package
    copy-<type>.gguf       the plain Llama of these weights, its matrices stored in this type by llama.cpp's own package
    expected.safetensors   <name> F32 [rows, vocabulary]: the logits at these positions, in Float64 from the weights as stored

The folders are opened by `AutoModelForCausalLM.from_pretrained`, so that defaults and precedence are those of transformers. What a
GGUF key does is taken from llama.cpp's source and spelled for transformers here, next to each file.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding
from transformers.models.mistral.modeling_mistral import MistralRMSNorm, MistralRotaryEmbedding
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm, Qwen2RotaryEmbedding

from fixtures import FIXTURES, save
from references import logits

FOLDER = FIXTURES / "settings"
LAYERS, HIDDEN, HEADS, KEY_HEADS, CHANNELS, INTERMEDIATE, VOCABULARY, CONTEXT = 3, 32, 16, 8, 8, 32, 64, 128
ROWS = [0, 1, 7, 8, 9, 20, 33, 47]

BASE = {
    "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS,
    "head_dim": CHANNELS, "intermediate_size": INTERMEDIATE, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-5, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
}
LLAMA = BASE | {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
MISTRAL = BASE | {"model_type": "mistral", "architectures": ["MistralForCausalLM"]}
QWEN2 = BASE | {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
YARN = {"factor": 4.0, "original_max_position_embeddings": 32}


def without(config: dict, *keys: str) -> dict:
    return {key: value for key, value in config.items() if key not in keys}


FOLDERS = {
    "llama": LLAMA,
    "llama-swish": LLAMA | {"hidden_act": "swish"},
    "theta": LLAMA | {"rope_theta": 500000.0},
    "theta-in-scaling": LLAMA | {"rope_scaling": {"rope_type": "default", "rope_theta": 500000.0}},
    "theta-in-parameters": LLAMA | {"rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}},
    "theta-in-both": LLAMA | {"rope_theta": 300.0, "rope_scaling": {"rope_type": "default", "rope_theta": 500000.0}},
    "scaling-and-parameters": LLAMA | {
        "rope_scaling": {"rope_type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "default", "rope_theta": 300.0}},
    "linear": LLAMA | {"rope_scaling": {"type": "linear", "factor": 4.0}},
    "linear-mistral": MISTRAL | {"rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 20000.0}},
    "dynamic": LLAMA | {"rope_scaling": {"type": "dynamic", "factor": 4.0}},
    "llama3": LLAMA | {"rope_theta": 50000.0, "rope_scaling": {"rope_type": "llama3"} | LLAMA3},
    "llama3-outside": LLAMA | {"original_max_position_embeddings": 32, "rope_scaling": {"rope_type": "llama3"} | LLAMA3},
    "yarn": QWEN2 | {"rope_scaling": {"type": "yarn"} | YARN},
    "yarn-options": LLAMA | {
        "rope_scaling": {"rope_type": "yarn", "attention_factor": 0.8, "beta_fast": 16.0, "beta_slow": 2.0, "truncate": False} | YARN},
    "yarn-scales": LLAMA | {"rope_scaling": {"rope_type": "yarn", "mscale": 1.5, "mscale_all_dim": 0.5} | YARN},
    "yarn-context": LLAMA | {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}},
    "attention-bias": LLAMA | {"attention_bias": True},
    "mlp-bias": LLAMA | {"mlp_bias": True},
    "mistral": MISTRAL | {"sliding_window": 8},
    "mistral-null": MISTRAL | {"sliding_window": None},
    "mistral-silent": without(MISTRAL, "num_key_value_heads"),
    "qwen2": QWEN2,
    "qwen2-windows": QWEN2 | {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    "qwen2-types": QWEN2 | {
        "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0,
        "layer_types": ["full_attention", "sliding_attention", "full_attention"]},
    "qwen2-unused": QWEN2 | {"use_sliding_window": False, "sliding_window": 8, "max_window_layers": 0},
    "qwen2-default": QWEN2 | {"use_sliding_window": True, "sliding_window": 8},
    "tied": LLAMA | {"tie_word_embeddings": True},
    "tied-with-head": LLAMA | {"tie_word_embeddings": True},
}
ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
MLP = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
EXTENTS = {
    "self_attn.q_proj": (HEADS * CHANNELS, HIDDEN), "self_attn.k_proj": (KEY_HEADS * CHANNELS, HIDDEN),
    "self_attn.v_proj": (KEY_HEADS * CHANNELS, HIDDEN), "self_attn.o_proj": (HIDDEN, HEADS * CHANNELS),
    "mlp.gate_proj": (INTERMEDIATE, HIDDEN), "mlp.up_proj": (INTERMEDIATE, HIDDEN), "mlp.down_proj": (HIDDEN, INTERMEDIATE),
}


def make_weights() -> dict[str, np.ndarray]:
    """Wide enough for positions, windows and biases to show in the logits."""
    random = np.random.default_rng(11)
    weights = {}

    def add(name: str, *extents: int, scale: float, mean: float = 0) -> None:
        weights[name] = (mean + scale * random.standard_normal(extents)).astype(np.float16)

    add("model.embed_tokens.weight", VOCABULARY, HIDDEN, scale=1)
    for layer in range(LAYERS):
        path = f"model.layers.{layer}"
        for module, (outputs, inputs) in EXTENTS.items():
            add(f"{path}.{module}.weight", outputs, inputs, scale=1.5 / inputs**0.5)
            add(f"{path}.{module}.bias", outputs, scale=0.5)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            add(f"{path}.{norm}.weight", HIDDEN, scale=0.3, mean=1)
    add("model.norm.weight", HIDDEN, scale=0.3, mean=1)
    add("lm_head.weight", VOCABULARY, HIDDEN, scale=1.5 / HIDDEN**0.5)
    return weights


def tensor_names(name: str, config: dict, weights: dict) -> list[str]:
    """The tensors that a folder with these settings holds."""
    biased = ()
    if config["model_type"] == "qwen2":
        biased = ATTENTION[:3]
    if config.get("attention_bias"):
        biased += ATTENTION
    if config.get("mlp_bias"):
        biased += MLP
    names = []
    for tensor in weights:
        if tensor.endswith(".bias") and not any(f".{module}." in tensor for module in biased):
            continue
        if tensor == "lm_head.weight" and name == "tied":
            continue
        names.append(tensor)
    return names


def use_float64() -> None:
    """As `references.use_float64`, for all three families of this file."""

    def norm(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    def rotary(self, x, position_ids):
        angles = position_ids[:, :, None].to(x.dtype) * self.inv_freq.to(x.dtype)
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos() * self.attention_scaling, angles.sin() * self.attention_scaling

    for kind in (LlamaRMSNorm, MistralRMSNorm, Qwen2RMSNorm):
        kind.forward = norm
    for kind in (LlamaRotaryEmbedding, MistralRotaryEmbedding, Qwen2RotaryEmbedding):
        kind.forward = rotary


def load(config: dict, tensors: dict[str, np.ndarray]):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model, info = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float64, attn_implementation="eager", output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"]:
        raise SystemExit(f"the weights do not fit: {info}")
    return model.eval()


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """The row order of llama.cpp's converter for query and key: the two rows of each rotary pair side by side."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


GGUF_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(name: str, architecture: str, tensors: dict[str, np.ndarray], keys: dict, frequencies: np.ndarray | None,
               kind: GGMLQuantizationType = GGMLQuantizationType.F16) -> None:
    writer = GGUFWriter(str(FOLDER / f"{name}.gguf"), architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INTERMEDIATE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_key_length(CHANNELS)
    writer.add_value_length(CHANNELS)
    writer.add_layer_norm_rms_eps(BASE["rms_norm_eps"])
    writer.add_vocab_size(VOCABULARY)
    for key, value in keys.items():
        full = f"{architecture}.{key}"
        if isinstance(value, bool):
            writer.add_bool(full, value)
        elif isinstance(value, int):
            writer.add_uint32(full, value)
        elif isinstance(value, float):
            writer.add_float32(full, value)
        elif isinstance(value, str):
            writer.add_string(full, value)
        else:
            writer.add_array(full, value)
    top = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for tensor, weight in tensors.items():
        path, part = tensor.rsplit(".", 1)
        if architecture == "llama" and ".q_proj" in tensor:
            weight = interleaved(weight, HEADS)
        if architecture == "llama" and ".k_proj" in tensor:
            weight = interleaved(weight, KEY_HEADS)
        if path in top:
            stored = f"{top[path]}.{part}"
        else:
            _, _, layer, module = path.split(".", 3)
            stored = f"blk.{layer}.{GGUF_NAMES[module]}.{part}"
        if weight.ndim == 1:
            writer.add_tensor(stored, weight.astype(np.float32))
        else:
            writer.add_tensor(stored, quantize(weight.astype(np.float32), kind), raw_dtype=kind)
    if frequencies is not None:
        writer.add_tensor("rope_freqs.weight", frequencies.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rotary(model):
    return model.model.rotary_emb


def make_files(weights: dict, expect) -> list[str]:
    names = []

    def add(name: str, config: dict, keys: dict, change=None, frequencies=None, case: str | None = None) -> None:
        tensors = {tensor: weights[tensor] for tensor in tensor_names(case or name, config, weights)}
        write_gguf(name, config["model_type"], tensors, keys, frequencies)
        model = load(config, tensors)
        if change:
            change(model)
        expect(name, model)
        names.append(name)

    linear = LLAMA | {"rope_scaling": {"type": "linear", "factor": 4.0}}
    # The older key counts where the newer is not there; a factor without a type is linear; with the type none it does nothing.
    add("gguf-scale-linear", linear, {"rope.scale_linear": 4.0})
    add("gguf-factor-alone", linear, {"rope.scaling.factor": 4.0, "rope.scale_linear": 9.0})
    add("gguf-none", LLAMA | {"rope_theta": 20000.0}, {"rope.freq_base": 20000.0, "rope.scaling.type": "none", "rope.scaling.factor": 4.0})
    add("gguf-yarn", QWEN2 | {"rope_scaling": {"type": "yarn"} | YARN}, {
        "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 32})
    # Factors of frequencies in a tensor, and with a scaling of all of them: they multiply.
    plain = rotary(load(LLAMA, {tensor: weights[tensor] for tensor in tensor_names("llama", LLAMA, weights)})).inv_freq
    stretched = LLAMA | {"rope_scaling": {"rope_type": "llama3"} | LLAMA3}
    factors = (plain / rotary(load(stretched, {t: weights[t] for t in tensor_names("llama", LLAMA, weights)})).inv_freq).numpy()

    def halve(model):
        rotary(model).inv_freq /= 2

    add("gguf-freqs-linear", stretched, {"rope.scaling.type": "linear", "rope.scaling.factor": 2.0}, halve, factors)

    def weaken(model):
        rotary(model).attention_scaling = 0.75

    add("gguf-attention-factor", LLAMA, {"rope.scaling.attn_factor": 0.75}, weaken)
    add("gguf-biases", LLAMA | {"attention_bias": True, "mlp_bias": True}, {})
    add("gguf-windows", FOLDERS["qwen2-types"], {
        "attention.sliding_window": 8, "attention.sliding_window_pattern": [False, True, False]})
    add("gguf-tied", LLAMA | {"tie_word_embeddings": True}, {}, case="tied")
    return names


def main() -> None:
    use_float64()
    FOLDER.mkdir(parents=True, exist_ok=True)
    weights = make_weights()
    ids = np.random.default_rng(12).integers(0, VOCABULARY, ROWS[-1] + 1).tolist()
    expected = {}

    def expect(name: str, model) -> None:
        expected[name] = logits(model, ids)[ROWS].astype(np.float32)
        reference = expected.get("llama")
        print(f"{name}: largest {np.abs(expected[name]).max():.2f}, differs from the plain model by {np.abs(expected[name] - reference).max():.3f}")

    folders = []
    for name, config in FOLDERS.items():
        names = tensor_names(name, config, weights)
        expect(name, load(config, {tensor: weights[tensor] for tensor in names}))
        folders.append({"name": name, "config": json.dumps(config), "tensors": names})
    files = make_files(weights, expect)
    plain = {tensor: weights[tensor] for tensor in tensor_names("llama", LLAMA, weights)}
    for kind in ("BF16", "Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1"):
        write_gguf(f"copy-{kind.lower()}", "llama", plain, {}, None, GGMLQuantizationType[kind])
    save(FOLDER / "weights.safetensors", weights)
    save(FOLDER / "expected.safetensors", expected)
    cases = {"ids": ids, "rows": ROWS, "folders": folders, "files": files}
    (FOLDER / "cases.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
