"""Makes Tests/Fixtures/gemma3/logits.safetensors and Tests/Fixtures/tokenizer/gemma3.json: Gemma-3-270m (Q4_K_M) in transformers in Float64,
and its tokenizer in SentencePiece.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    OMP_NUM_THREADS=1 .venv/bin/python tools/parity/make_gemma3.py "$(tools/get-model gemma3)"

The weights are decoded by `gguf` exactly as stored, so what is compared is the arithmetic of the model alone. logits.safetensors is as
make_logits.py describes it, without `last`. The file's tokens and scores are written as a SentencePiece model (byte-pair encoding, no normalisation,
no space before a text), which `sentencepiece` runs; names of control tokens are cut out before, since it does not read them.

gemma3.json: {"cases": [{"text": …, "ids": […], "special": …}]} as make_tokenizer.py describes it.
"""

import json
import re
import struct

import numpy as np
import sentencepiece
import torch
from gguf.quants import dequantize
from transformers import Gemma3ForCausalLM, Gemma3TextConfig
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm, Gemma3RotaryEmbedding

from fixtures import FIXTURES, save
from make_logits import PROMPTS as TEXTS
from make_logits import SAMPLED_ENTRIES, TOP_ENTRIES
from make_tokenizer import PLAIN, random_texts
from references import field, logits, parse_model_argument

PROMPTS = [text.replace("<|im_start|>", "<start_of_turn>").replace("<|im_end|>", "<end_of_turn>").replace("<|endoftext|>", "") for text in TEXTS]
SPECIAL = [
    "<bos>", "<eos>", "<pad>x", "<start_of_turn>user\nHi!<end_of_turn>\n<start_of_turn>model\n", " <start_of_turn> ", "<end_of_turn><end_of_turn>",
    "a<unused7>b", "<start_of_turn", "< start_of_turn>", "<unk>", "x<mask>y", "<bos>  two", "é<eos>é", "<start_of_image>", "<b>bold</b>", "<td>1</td>",
    "[multimodal]", "<unused99>\n\n", "  <end_of_turn>  ",
]
MODULES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "post_feedforward_layernorm": "post_ffw_norm",
}


def use_float64() -> None:
    """As `references.use_float64`."""

    def norm(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * (1 + self.weight)

    def rotary(self, x, position_ids):
        angles = position_ids[:, :, None].to(x.dtype) * self.inv_freq.to(x.dtype)
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    Gemma3RMSNorm.forward = norm
    Gemma3RotaryEmbedding.forward = rotary


def load_gemma3(reader) -> Gemma3ForCausalLM:
    def setting(key: str):
        return field(reader, f"gemma3.{key}")

    layers = setting("block_count")
    config = Gemma3TextConfig(
        hidden_size=setting("embedding_length"), num_hidden_layers=layers, num_attention_heads=setting("attention.head_count"),
        num_key_value_heads=setting("attention.head_count_kv"), head_dim=setting("attention.key_length"),
        intermediate_size=setting("feed_forward_length"), vocab_size=len(field(reader, "tokenizer.ggml.tokens")),
        max_position_embeddings=setting("context_length"), rope_theta=setting("rope.freq_base"),
        rms_norm_eps=setting("attention.layer_norm_rms_epsilon"), query_pre_attn_scalar=setting("attention.key_length"),
        sliding_window=setting("attention.sliding_window"), attn_implementation="eager")
    stored = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    names |= {f"model.layers.{layer}.{module}.weight": f"blk.{layer}.{tensor}.weight"
              for layer in range(layers) for module, tensor in MODULES.items()}
    # The file's gains are those of the model with 1 added.
    state = {name: torch.from_numpy(np.ascontiguousarray(stored.pop(tensor))).double() - (1 if "norm" in name else 0)
             for name, tensor in names.items()}
    if stored:
        raise SystemExit(f"The file has tensors that the model does not use: {sorted(stored)}")
    model = Gemma3ForCausalLM(config).double()
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise SystemExit(f"The weights do not fit the model: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model.eval()


def number(value: int) -> bytes:
    """A number as protobuf writes it."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def message(field: int, content: bytes) -> bytes:
    return number(field << 3 | 2) + number(len(content)) + content


def load_sentencepiece(reader) -> sentencepiece.SentencePieceProcessor:
    """The model of sentencepiece_model.proto with the file's tokens."""
    tokens, scores = field(reader, "tokenizer.ggml.tokens"), field(reader, "tokenizer.ggml.scores")
    kinds = field(reader, "tokenizer.ggml.token_type")
    unknown = field(reader, "tokenizer.ggml.unknown_token_id")
    model = b""
    for index, (token, score, kind) in enumerate(zip(tokens, scores, kinds)):
        # The file has spaces in tokens of the user's.
        text = token.replace(" ", "\u2581") if kind == 4 else token
        kind = 2 if index == unknown else kind
        model += message(1, message(1, text.encode()) + number(2 << 3 | 5) + struct.pack("<f", score) + number(3 << 3) + number(kind))
    # model_type BPE, byte_fallback; add_dummy_prefix and remove_extra_whitespaces off, escape_whitespaces on.
    model += message(2, number(3 << 3) + number(2) + number(35 << 3) + number(1))
    model += message(3, message(1, b"identity") + number(3 << 3) + number(0) + number(4 << 3) + number(0) + number(5 << 3) + number(1))
    return sentencepiece.SentencePieceProcessor(model_proto=model)


class Reference:
    def __init__(self, reader):
        self.processor = load_sentencepiece(reader)
        tokens, kinds = field(reader, "tokenizer.ggml.tokens"), field(reader, "tokenizer.ggml.token_type")
        self.control = {token: index for index, (token, kind) in enumerate(zip(tokens, kinds)) if kind == 3}
        names = sorted(self.control, key=len, reverse=True)
        self.pattern = re.compile("(" + "|".join(map(re.escape, names)) + ")")

    def encode(self, text: str, special: bool) -> list[int]:
        if not special:
            return self.processor.encode(text)
        parts = self.pattern.split(text)
        return [index for part in parts
                for index in ([self.control[part]] if part in self.control else self.processor.encode(part))]


def make_tokens(reference: Reference) -> None:
    cases = [{"text": text, "ids": reference.encode(text, True), "special": True}
             for text in dict.fromkeys([*PLAIN, *random_texts(280), *SPECIAL])]
    cases += [{"text": text, "ids": reference.encode(text, False), "special": False} for text in SPECIAL]
    path = FIXTURES / "tokenizer" / "gemma3.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text('{"model": "Gemma-3-270m", "cases": [\n' + lines + "\n]}\n", encoding="utf-8")
    print(f"{len(cases)} cases, {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    reader = parse_model_argument(__doc__)
    reference = Reference(reader)
    make_tokens(reference)
    begin = field(reader, "tokenizer.ggml.bos_token_id")
    prompts = [[begin, *reference.encode(text, True)] for text in PROMPTS]
    # Beyond the window of 512 tokens.
    prompts.append([begin, *(reference.encode(" ".join(PROMPTS), True) * 2)[:560]])
    model = load_gemma3(reader)
    # The decoded weights are Float32 numbers, but for the 1 taken from gains.
    in_float32 = [logits(model.float(), ids) for ids in prompts[:4]]
    model = load_gemma3(reader)
    use_float64()
    entries = np.sort(np.random.default_rng(20250101).choice(len(field(reader, "tokenizer.ggml.tokens")), SAMPLED_ENTRIES, replace=False))
    tensors, difference = {}, 0.0
    for place, ids in enumerate(prompts):
        values = logits(model, ids)
        if place < len(in_float32):
            difference = max(difference, float(np.abs(values - in_float32[place]).max()))
        # Of the long prompt only the end.
        kept = values[-8:] if len(ids) > 512 else values
        name = f"{place:02}"
        ordered = np.sort(kept, axis=1)[:, -2:]
        likeliest = np.argsort(-values[-1], kind="stable")[:TOP_ENTRIES]
        indices = np.concatenate([entries, likeliest])
        tensors[f"{name}.ids"] = np.array(ids, dtype=np.int32)
        tensors[f"{name}.top"] = kept.argmax(axis=1).astype(np.int32)
        tensors[f"{name}.margins"] = (ordered[:, -1] - ordered[:, -2]).astype(np.float32)
        tensors[f"{name}.indices"] = indices.astype(np.int32)
        tensors[f"{name}.logits"] = kept[:, indices].astype(np.float32)
        print(f"{name} {len(ids):3} tokens, range {values.min():.1f} … {values.max():.1f}, "
              f"next: {reference.processor.id_to_piece(int(likeliest[0]))!r}", flush=True)
    print(f"Float32 differs from Float64 by at most {difference:.2e}")
    save(FIXTURES / "gemma3" / "logits.safetensors", tensors, {"prompts": PROMPTS, "float32_difference": difference})


if __name__ == "__main__":
    main()
