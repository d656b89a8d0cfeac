"""Makes Tests/Fixtures/attention.safetensors: attention at sizes of real models, by PyTorch in Float64.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_attention.py

Tensors are `<case>.<tensor>`: queries [B, Tq, H, D], keys and values [B, Tk, Hkv, D], bias [B or 1, H or 1, Tq or 1, Tk]? and
key_lengths [B], and the output [B, Tq, H, D]. Inputs are F16, so that they are the same numbers in f16 and f32; the output is rounded
to F32 at the end. The metadata's `options` (JSON) holds scale, causal, window and softCap (null for none) of each case.

What computes them: torch.nn.functional.scaled_dot_product_attention with a mask that holds the bias; where there is a soft cap, which
it does not know, the formula of Gemma 2: softmax(c · tanh(q·k · scale / c) + mask) · v.
"""

import numpy as np
import torch
import torch.nn.functional as F

from fixtures import FIXTURES, save

RANDOM = np.random.default_rng(20250611)


def halves(*shape: int, scale: float = 1.0) -> torch.Tensor:
    """Normal numbers that f16 has, in Float64."""
    return torch.from_numpy((RANDOM.normal(size=shape) * scale).astype(np.float16)).double()


def attend(q, k, v, lengths, scale, causal, window, cap, bias) -> torch.Tensor:
    """`[B, T, H, D]`; a query that sees no key gives zeros."""
    batch, queries, heads, _ = q.shape
    keys, key_heads = k.shape[1], k.shape[2]
    position = torch.tensor(lengths)[:, None, None] - queries + torch.arange(queries)[None, :, None]
    key = torch.arange(keys)[None, None]
    visible = key < torch.tensor(lengths)[:, None, None]
    if causal:
        visible = visible & (key <= position)
    if window is not None:
        visible = visible & (key > position - window)
    mask = torch.zeros(batch, heads, queries, keys, dtype=torch.float64)
    if bias is not None:
        mask = mask + bias
    mask = mask.masked_fill(~visible.expand(batch, queries, keys)[:, None], -torch.inf)
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    k, v = (x.repeat_interleave(heads // key_heads, dim=1) for x in (k, v))
    if cap is None:
        result = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
    else:
        result = torch.softmax(cap * torch.tanh(q @ k.transpose(2, 3) * scale / cap) + mask, dim=-1) @ v
    return torch.where((mask > -torch.inf).any(dim=-1)[..., None], result, 0).transpose(1, 2)


def position_buckets(heads: int, queries: int, keys: int) -> torch.Tensor:
    """A bias as T5 has it: a number for each head and bucket of relative positions (Raffel et al. 2020, 32 buckets, most distant 128)."""
    relative = torch.arange(keys)[None] - torch.arange(queries)[:, None]
    distance = relative.abs()
    large = 8 + (torch.log(distance.clamp(min=1) / 8) / np.log(128 / 8) * 8).long()
    bucket = torch.where(distance < 8, distance, large.clamp(max=15)) + 16 * (relative > 0)
    return halves(heads, 32, scale=2.0)[:, bucket][None]


def linear_biases(heads: int, keys: int) -> torch.Tensor:
    """ALiBi (Press et al. 2022): slopes 2^(−8h/H) times the distance from the last key, which differs by a number a query from theirs."""
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1, dtype=torch.float64) / heads)
    bias = slopes[:, None] * (torch.arange(keys, dtype=torch.float64) - (keys - 1))
    return bias.half().double()[None, :, None]


def padding(lengths: list[int], keys: int) -> torch.Tensor:
    return torch.where(torch.arange(keys)[None] < torch.tensor(lengths)[:, None], 0.0, -torch.inf).double()[:, None, None]


# Name, batch, queries, keys, heads, key heads, channels, options.
CASES = [
    # Stable Diffusion 1.5: 8 heads of 40 channels at 64 × 64; here two of them over 64 pixels.
    ("sd15-self", 1, 64, 64, 2, 2, 40, {}),
    # The same at a lower level.
    ("sd15-deep", 1, 16, 16, 2, 2, 160, {}),
    # SDXL: 77 tokens of a prompt.
    ("sdxl-cross", 1, 20, 77, 2, 2, 64, {}),
    ("padded-cross", 3, 10, 20, 2, 2, 72, {"bias": lambda: padding([20, 7, 0], 20)}),
    # Llama 3: four query heads a key head, one token after many.
    ("llama-decode", 2, 1, 70, 4, 1, 128, {"causal": True, "lengths": [70, 33]}),
    ("llama-prompt", 1, 30, 30, 4, 1, 64, {"causal": True}),
    # A chunk of a prompt after the beginning of it.
    ("chunk", 1, 19, 51, 2, 1, 96, {"causal": True}),
    # Gemma 2: soft cap 50, a sliding window (4096 there), scale 1/√224.
    ("gemma2-window", 1, 11, 33, 2, 1, 256, {"causal": True, "window": 9, "softCap": 50.0, "scale": 224**-0.5, "size": 3.0}),
    ("window-of-one", 1, 12, 12, 2, 2, 32, {"causal": True, "window": 1}),
    # T5's encoder has no scale.
    ("t5-encoder", 1, 24, 24, 2, 2, 64, {"scale": 1.0, "size": 0.4, "bias": lambda: position_buckets(2, 24, 24)}),
    ("alibi", 1, 20, 20, 3, 3, 80, {"causal": True, "bias": lambda: linear_biases(3, 20)}),
    ("capped-bias", 1, 9, 21, 2, 2, 33, {"softCap": 4.0, "bias": lambda: halves(1, 1, 9, 21)}),
    # The autoencoders of Stable Diffusion and FLUX: a single head of 512 channels over all pixels.
    ("autoencoder", 1, 20, 20, 1, 1, 512, {}),
    ("wide-decode", 1, 1, 40, 2, 1, 512, {"causal": True}),
    ("wide-odd", 1, 5, 9, 2, 1, 259, {"causal": True}),
    ("wider", 1, 18, 18, 1, 1, 1048, {"softCap": 20.0}),
]


def main() -> None:
    tensors, options = {}, {}
    for name, batch, queries, keys, heads, key_heads, channels, given in CASES:
        size = given.get("size", 1.0)
        q = halves(batch, queries, heads, channels, scale=size)
        k, v = halves(batch, keys, key_heads, channels, scale=size), halves(batch, keys, key_heads, channels)
        lengths = given.get("lengths", [keys] * batch)
        scale = float(np.float32(given.get("scale", channels**-0.5)))
        causal, window, cap = given.get("causal", False), given.get("window"), given.get("softCap")
        bias = given["bias"]() if "bias" in given else None
        output = attend(q, k, v, lengths, scale, causal, window, cap, bias)
        if not torch.isfinite(output).all():
            raise SystemExit(f"{name} has values that are not finite")
        options[name] = {"scale": scale, "causal": causal, "window": window, "softCap": cap}
        for tensor, values in {"queries": q, "keys": k, "values": v, "bias": bias}.items():
            if values is not None:
                tensors[f"{name}.{tensor}"] = values.numpy().astype(np.float16)
        tensors[f"{name}.key_lengths"] = np.array(lengths, dtype=np.int32)
        tensors[f"{name}.output"] = output.numpy().astype(np.float32)
    save(FIXTURES / "attention.safetensors", tensors, {"options": options})
    print(f"{len(options)} cases")


if __name__ == "__main__":
    main()
