"""What several fixture makers share: the model of a GGUF file in PyTorch, its tokenizer, and Llama in Float64.

Everything here comes from independent implementations: `gguf` (the package of llama.cpp) decodes the file, `transformers` runs the
model, `tokenizers` splits the text.
"""

import argparse

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding


def parse_model_argument(description: str) -> GGUFReader:
    """The command line of the makers that need the model: the path of SmolLM2-135M-Instruct.Q4_1.gguf."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="path of SmolLM2-135M-Instruct.Q4_1.gguf (printed by tools/get-model smollm2)")
    return GGUFReader(parser.parse_args().model)


def field(reader: GGUFReader, key: str):
    return reader.fields[key].contents()


def unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undoes the row order that llama.cpp's converter gives to the query and key weights of Llama models.

    The file pairs channels 2i and 2i + 1 of a head for the rotary embedding; Hugging Face pairs i and i + d/2.
    """
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def load_llama(reader: GGUFReader) -> LlamaForCausalLM:
    """The model of a Llama GGUF file in Float64, its weights decoded exactly as stored."""
    heads = field(reader, "llama.attention.head_count")
    key_heads = field(reader, "llama.attention.head_count_kv")
    layers = field(reader, "llama.block_count")
    config = LlamaConfig(
        hidden_size=field(reader, "llama.embedding_length"),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        intermediate_size=field(reader, "llama.feed_forward_length"),
        vocab_size=field(reader, "llama.vocab_size"),
        max_position_embeddings=field(reader, "llama.context_length"),
        rope_theta=field(reader, "llama.rope.freq_base"),
        rms_norm_eps=field(reader, "llama.attention.layer_norm_rms_epsilon"),
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    stored = {tensor.name: dequantize(tensor.data, tensor.tensor_type).astype(np.float64) for tensor in reader.tensors}
    names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    modules = {
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }
    for layer in range(layers):
        for module, tensor in modules.items():
            names[f"model.layers.{layer}.{module}.weight"] = f"blk.{layer}.{tensor}.weight"
    state = {}
    for name, tensor in names.items():
        weight = stored.pop(tensor)
        if name.endswith("q_proj.weight"):
            weight = unpermute(weight, heads)
        if name.endswith("k_proj.weight"):
            weight = unpermute(weight, key_heads)
        state[name] = torch.from_numpy(np.ascontiguousarray(weight))
    if stored:
        raise SystemExit(f"The file has tensors that the model does not use: {sorted(stored)}")
    model = LlamaForCausalLM(config).double()
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise SystemExit(f"The weights do not fit the model: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model.eval()


def use_float64() -> None:
    """Makes transformers' Llama compute in the type of its input throughout.

    Its norms and its rotary angles are otherwise rounded to Float32 whatever the type of the model; the formulas are the same.
    """

    def norm(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    def rotary(self, x, position_ids):
        angles = position_ids[:, :, None].to(x.dtype) * self.inv_freq.to(x.dtype)
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos() * self.attention_scaling, angles.sin() * self.attention_scaling

    LlamaRMSNorm.forward = norm
    LlamaRotaryEmbedding.forward = rotary


def logits(model: LlamaForCausalLM, ids: list[int]) -> np.ndarray:
    """`[tokens, vocabulary]` in the type of the model."""
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].numpy()


def load_tokenizer(reader: GGUFReader) -> Tokenizer:
    """SmolLM2's tokenizer: the vocabulary and the merges of the file, the pre-tokenizer of its model card's tokenizer.json."""
    tokens = field(reader, "tokenizer.ggml.tokens")
    kinds = field(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    control = 3  # LLAMA_TOKEN_TYPE_CONTROL
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token, kind in zip(tokens, kinds) if kind == control])
    if tokenizer.get_vocab_size() != len(tokens):
        raise SystemExit(f"The tokenizer has {tokenizer.get_vocab_size()} tokens, the file {len(tokens)}")
    return tokenizer
