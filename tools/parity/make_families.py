"""Makes Tests/Fixtures/families/: small random models of every family of decoders, and the logits they must give by transformers.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_families.py

    <weights>.safetensors  F16, the tensors of a folder as transformers saves them
    <name>.gguf            the same model for llama.cpp, written by its own package: names, row orders and the 1 of Gemma's gains as its
                           converter has them
    cases.json             {"ids": […], "rows": […], "folders": [{"name", "weights", "config", "tokens"}], "files": [{"name", "expected"}]}: a
                           folder has the text `config` as its config.json and reads the first `tokens` of the ids
    expected.safetensors   <name> F32 [rows, vocabulary]: the logits at these positions, in Float64 from the weights as stored

    sites.safetensors      <name>/<site> F32 [channels]: what the module of a site gives, averaged over the tokens, for one folder of each weights

transformers computes norms and rotary angles in Float32 whatever the type of the model: 2⁻²⁴ of them.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from fixtures import FIXTURES, save

FOLDER = FIXTURES / "families"
HIDDEN, HEADS, KEY_HEADS, CHANNELS, INTERMEDIATE, VOCABULARY, CONTEXT, WINDOW = 32, 4, 2, 16, 48, 64, 128, 8
LENGTH = 48
ROWS = [0, 1, 7, 8, 9, 20, 31]

SIZES = {
    "hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS, "head_dim": CHANNELS,
    "intermediate_size": INTERMEDIATE, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}


def config(kind: str, name: str, layers: int, **more) -> dict:
    return SIZES | {"model_type": kind, "architectures": [name], "num_hidden_layers": layers} | more


GEMMA2 = config(
    "gemma2", "Gemma2ForCausalLM", 3, hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=CHANNELS, sliding_window=WINDOW,
    attn_logit_softcapping=4.0, final_logit_softcapping=6.0)
GEMMA3 = config(
    "gemma3_text", "Gemma3ForCausalLM", 6, hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=CHANNELS, sliding_window=WINDOW,
    rope_theta=100000.0, rope_local_base_freq=1000.0, rope_scaling={"rope_type": "linear", "factor": 8.0})
QWEN3 = config("qwen3", "Qwen3ForCausalLM", 2, rope_theta=100000.0)
OLMO2 = {key: value for key, value in config("olmo2", "Olmo2ForCausalLM", 2, num_attention_heads=2, rope_theta=50000.0).items()
         if key != "head_dim"}
SMOLLM3 = config("smollm3", "SmolLM3ForCausalLM", 4, rope_theta=30000.0)
PHI3 = {key: value for key, value in config("phi3", "Phi3ForCausalLM", 2, num_attention_heads=2, num_key_value_heads=1).items()
        if key != "head_dim"}
LONGROPE = {
    "original_max_position_embeddings": 32, "max_position_embeddings": CONTEXT, "partial_rotary_factor": 0.75,
    "rope_scaling": {
        "type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3, 1.5, 1.8], "long_factor": [1.0, 1.5, 2.0, 3.0, 4.5, 6.0]}}
GPT2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": HIDDEN, "n_layer": 2, "n_head": HEADS, "n_positions": CONTEXT,
    "vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0,
}

# Name: the weights, the settings, and how many tokens are read.
FOLDERS = {
    "gemma2": ("gemma2", GEMMA2, LENGTH),
    "gemma2-silent": ("gemma2", {
        key: value for key, value in GEMMA2.items() if key not in ("attn_logit_softcapping", "final_logit_softcapping", "sliding_window")},
        LENGTH),
    "gemma2-uncapped": ("gemma2", GEMMA2 | {
        "attn_logit_softcapping": None, "final_logit_softcapping": None, "query_pre_attn_scalar": 24,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention"]}, LENGTH),
    "gemma3": ("gemma3", GEMMA3, LENGTH),
    "gemma3-options": ("gemma3", {key: value for key, value in GEMMA3.items() if not key.startswith("rope")} | {
        "final_logit_softcapping": 5.0, "query_pre_attn_scalar": 24, "sliding_window_pattern": 2}, LENGTH),
    "qwen3": ("qwen3", QWEN3, LENGTH),
    "qwen3-windows": ("qwen3", QWEN3 | {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1}, LENGTH),
    "qwen3-types": ("qwen3", QWEN3 | {
        "use_sliding_window": True, "sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}, LENGTH),
    "olmo2": ("olmo2", OLMO2, LENGTH),
    "smollm3": ("smollm3", SMOLLM3, LENGTH),
    "smollm3-layers": ("smollm3", SMOLLM3 | {
        "no_rope_layers": [0, 1, 0, 1], "use_sliding_window": True, "sliding_window": WINDOW}, LENGTH),
    "smollm3-interval": ("smollm3", SMOLLM3 | {
        "no_rope_layer_interval": 3, "sliding_window": WINDOW, "layer_types": ["full_attention"] * 4}, LENGTH),
    "phi3": ("phi3", PHI3, LENGTH),
    "phi3-window": ("phi3", PHI3 | {"sliding_window": WINDOW}, LENGTH),
    "phi3-short": ("phi3", PHI3 | LONGROPE, 32),
    "phi3-long": ("phi3", PHI3 | LONGROPE, LENGTH),
    "gpt2": ("gpt2", GPT2, LENGTH),
    "gpt2-older": ("gpt2-older", GPT2, LENGTH),
    "gpt2-gelu": ("gpt2", GPT2 | {"activation_function": "gelu"}, LENGTH),
}


def make_model(settings: dict, seed: int):
    """A model whose weights are wide enough for positions, windows, norms and biases to show in the logits, rounded to F16."""
    generator = torch.Generator().manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**settings))
    gain = 0 if settings["model_type"].startswith("gemma") else 1
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 2:
                embeds = "embed" in name or ".wte" in name or ".wpe" in name
                inputs = parameter.shape[0] if ".c_" in name else parameter.shape[1]
                parameter.copy_(0.3 * noise if embeds else 1.5 * noise / inputs**0.5)
            else:
                parameter.copy_(0.3 * noise + (0 if name.endswith("bias") else gain))
            parameter.copy_(parameter.half().float())
    return model.eval()


def stored(model) -> dict[str, np.ndarray]:
    """What a folder holds."""
    tied = model.config.tie_word_embeddings
    return {name: tensor.numpy().astype(np.float16) for name, tensor in model.state_dict().items()
            if not (tied and name == "lm_head.weight")}


def older(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """GPT-2 as its folders held it: the model without its head, and with the masks of attention."""
    renamed = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    for layer in range(GPT2["n_layer"]):
        renamed[f"h.{layer}.attn.bias"] = np.tril(np.ones((1, 1, CONTEXT, CONTEXT), np.float16))[:, :, :8, :8].copy()
    return renamed


def load(settings: dict, tensors: dict[str, np.ndarray]):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(settings))
        save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model, info = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float64, attn_implementation="eager", output_loading_info=True)
    if set(info["missing_keys"]) - {"lm_head.weight"} or info["unexpected_keys"]:
        raise SystemExit(f"the weights do not fit: {info}")
    return model.eval()


LLAMA_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up",
}
POST_NORMS = {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm"}
GPT2_NAMES = {
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down"}
TOP_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm"}


def gguf_name(family: str, tensor: str) -> str:
    path, part = tensor.rsplit(".", 1)
    if path in TOP_NAMES:
        return f"{TOP_NAMES[path]}.{part}"
    _, _, layer, module = path.split(".", 3)
    names = GPT2_NAMES if family == "gpt2" else LLAMA_NAMES | (POST_NORMS if family in ("gemma2", "gemma3", "olmo2") else {})
    return f"blk.{layer}.{names[module]}.{part}"


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """The row order of llama.cpp's converter for query and key of Llama and SmolLM3: the two rows of each rotary pair side by side."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


# File: its family, the folder whose logits it gives, and the keys that not all families have.
FILES = {
    "gemma2": ("gemma2", "gemma2", {
        "attention.sliding_window": WINDOW, "attn_logit_softcapping": 4.0, "final_logit_softcapping": 6.0}),
    "gemma3": ("gemma3", "gemma3", {
        "attention.sliding_window": WINDOW, "rope.freq_base": 100000.0, "rope.freq_base_swa": 1000.0, "rope.scaling.type": "linear",
        "rope.scaling.factor": 8.0}),
    "qwen3": ("qwen3", "qwen3", {"rope.freq_base": 100000.0}),
    "olmo2": ("olmo2", "olmo2", {"rope.freq_base": 50000.0}),
    "smollm3": ("smollm3", "smollm3", {"rope.freq_base": 30000.0, "rope.dimension_count": CHANNELS}),
    "phi3": ("phi3", "phi3", {"rope.dimension_count": CHANNELS}),
    "phi3-long": ("phi3", "phi3-long", {
        "rope.dimension_count": 12, "rope.scaling.original_context_length": 32,
        "rope.scaling.attn_factor": float(np.sqrt(1 + np.log(CONTEXT / 32) / np.log(32)))}),
    "gpt2": ("gpt2", "gpt2", {}),
}


def write_gguf(name: str, family: str, settings: dict, tensors: dict[str, np.ndarray], keys: dict) -> None:
    writer = GGUFWriter(str(FOLDER / f"{name}.gguf"), family)
    heads, key_heads = settings.get("num_attention_heads", HEADS), settings.get("num_key_value_heads", HEADS)
    writer.add_block_count(settings.get("num_hidden_layers", 2))
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(4 * HIDDEN if family == "gpt2" else INTERMEDIATE)
    writer.add_head_count(heads)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("none")
    if family == "gpt2":
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_head_count_kv(key_heads)
        writer.add_layer_norm_rms_eps(settings["rms_norm_eps"])
        writer.add_key_length(CHANNELS)
        writer.add_value_length(CHANNELS)
    for key, value in keys.items():
        full = f"{family}.{key}"
        {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}[type(value)](full, value)
    for tensor, weight in tensors.items():
        if family == "smollm3" and ".q_proj" in tensor:
            weight = interleaved(weight, heads)
        if family == "smollm3" and ".k_proj" in tensor:
            weight = interleaved(weight, key_heads)
        if family == "gpt2" and ".c_" in tensor:
            weight = np.ascontiguousarray(weight.T)
        if weight.ndim == 1:
            weight = weight.astype(np.float32) + (1 if family.startswith("gemma") else 0)
        # llama.cpp adds positions in F32.
        if ".wpe." in tensor:
            weight = weight.astype(np.float32)
        writer.add_tensor(gguf_name(family, tensor), weight)
    if "rope.scaling.attn_factor" in keys:
        for length in ("short", "long"):
            factors = np.array(LONGROPE["rope_scaling"][f"{length}_factor"], np.float32)
            writer.add_tensor(f"rope_factors_{length}.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def record_means(model, ids: list[int]) -> dict[str, np.ndarray]:
    """What every module with a result of its own gives, averaged over the tokens; heads side by side."""
    means, hooks = {}, []

    def keep(name: str, result) -> None:
        result = (result[0] if isinstance(result, tuple) else result)[0]
        # Norms of heads see [tokens, heads, channels], or heads first.
        if result.dim() == 3 and result.shape[0] != len(ids):
            result = result.transpose(0, 1)
        means[name] = result.reshape(len(ids), -1).mean(dim=0).numpy().astype(np.float32)

    for name, module in model.named_modules():
        is_layer = name.rsplit(".", 1)[-1].isdigit()
        is_leaf = not list(module.children()) and list(module.parameters(recurse=False))
        if name != "lm_head" and (is_layer or is_leaf):
            hooks.append(module.register_forward_hook(lambda module, inputs, result, name=name: keep(name, result)))
        if name.endswith((".o_proj", ".attn.c_proj")):
            hooks.append(module.register_forward_pre_hook(lambda module, inputs, name=name: keep(f"{name}.input", inputs[0])))
    with torch.no_grad():
        model(torch.tensor([ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return means


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    ids = np.random.default_rng(12).integers(0, VOCABULARY, LENGTH).tolist()
    weights, expected, sites, folders = {}, {}, {}, []
    for seed, (name, (weight, settings, tokens)) in enumerate(FOLDERS.items()):
        if weight not in weights:
            weights[weight] = older(weights["gpt2"]) if weight == "gpt2-older" else stored(make_model(settings, seed))
            save(FOLDER / f"{weight}.safetensors", weights[weight])
            if weight != "gpt2-older":
                recorded = record_means(load(settings, weights[weight]), ids[:tokens])
                sites |= {f"{name}/{site}": mean for site, mean in recorded.items()}
        model = load(settings, weights[weight])
        with torch.no_grad():
            logits = model(torch.tensor([ids[:tokens]]), use_cache=False).logits[0].numpy()
        expected[name] = logits[[*ROWS, tokens - 1]].astype(np.float32)
        base = expected[next(key for key, value in FOLDERS.items() if value[0] == weight)]
        print(f"{name}: largest {np.abs(logits).max():.2f}, deviation {logits.std():.2f}, differs from the first of these weights by "
              f"{np.abs(expected[name] - base).max():.3f}")
        folders.append({"name": name, "weights": weight, "config": json.dumps(settings), "tokens": tokens})
    for name, (family, case, keys) in FILES.items():
        write_gguf(name, family, FOLDERS[case][1], weights[FOLDERS[case][0]], keys)
        print(f"{name}.gguf: {(FOLDER / f'{name}.gguf').stat().st_size / 1000:.0f} kB")
    save(FOLDER / "expected.safetensors", expected)
    save(FOLDER / "sites.safetensors", sites)
    files = [{"name": name, "expected": case} for name, (_, case, _) in FILES.items()]
    cases = {"ids": ids, "rows": ROWS, "folders": folders, "files": files}
    (FOLDER / "cases.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
