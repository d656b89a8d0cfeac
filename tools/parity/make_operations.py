"""Makes Tests/Fixtures/operations.safetensors: single operations by PyTorch in Float64, rounded to Float32 at the end.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_operations.py

Tensors are `<operation>.<case>.<tensor>`; every case has an `output`. The metadata's `options` (JSON) holds the options of each
`<operation>.<case>`:

    rmsNorm        x [rows, C], gain [C]                                    epsilon
    rope           x [rows, heads, D], positions [rows], factors [d/2]?     dimensions, base, layout
    attention      queries [rows, H, D], keys and values [slots, Tk, Hkv, D],
                   query_starts [n + 1], key_lengths [n], slots [n]         scale, causal, window, softCap (null for none)
    gatedProduct   gate and up [rows, C]                                    activation
    linear         x [rows, K], weight [N, K], bias [N]?, residual [rows, N]?, table [maps, N, 4]?, indices [rows]?, strengths [rows]?
                                                                            activation
    transport      x [rows, C], table [maps, C, 4], indices [rows] or [1], strengths [rows] or [1],
                   gates [maps, C]?, intercepts [maps]?: weights and intercepts of a gate for each map, +inf for none

Integers are I32, all else is F32. What computes them: torch.nn.functional (rms_norm, linear, scaled_dot_product_attention and the
activations), transformers' apply_rotary_pos_emb for rotate-half, and complex multiplication for interleaved.
"""

import numpy as np
import torch
import torch.nn.functional as F
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from fixtures import FIXTURES, save

ACTIVATIONS = {
    "identity": lambda x: x, "silu": F.silu, "gelu": F.gelu, "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    "geluQuick": lambda x: x * torch.sigmoid(1.702 * x), "relu": F.relu,
}


class Cases:
    """Collects cases; inputs are rounded to Float32 before anything is computed from them."""

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self.options: dict[str, dict] = {}
        self.random = np.random.default_rng(20250105)

    def normal(self, *shape: int, scale: float = 1.0, offset: float = 0.0) -> torch.Tensor:
        return torch.from_numpy((self.random.normal(size=shape) * scale + offset).astype(np.float32)).double()

    def add(self, name: str, options: dict, **tensors: torch.Tensor) -> None:
        self.options[name] = options
        for tensor, values in tensors.items():
            if values is not None:
                self.tensors[f"{name}.{tensor}"] = values.numpy().astype(np.float32 if values.is_floating_point() else np.int32)


def add_norms(cases: Cases) -> None:
    for name, rows, channels, epsilon, scale in [
        ("plain", 5, 48, 1e-5, 1.0), ("odd", 3, 577, 1e-6, 2.0), ("large", 2, 64, 1e-5, 3e4), ("small", 2, 33, 1e-5, 1e-4),
        ("one", 4, 1, 1e-5, 1.0),
    ]:
        x = cases.normal(rows, channels, scale=scale)
        x[-1] = 0
        gain = cases.normal(channels, scale=0.3, offset=1.0)
        cases.add(f"rmsNorm.{name}", {"epsilon": epsilon}, x=x, gain=gain, output=F.rms_norm(x, (channels,), gain, epsilon))


def rotate(x: torch.Tensor, positions: torch.Tensor, dimensions: int, base: float, layout: str, factors) -> torch.Tensor:
    frequencies = base ** (-torch.arange(0, dimensions, 2, dtype=torch.float64) / dimensions)
    if factors is not None:
        frequencies = frequencies / factors
    angles = positions.double()[:, None] * frequencies
    turning, rest = x[..., :dimensions], x[..., dimensions:]
    if layout == "rotateHalf":
        both = torch.cat((angles, angles), dim=-1)
        turned, _ = apply_rotary_pos_emb(turning, turning, both.cos(), both.sin())
    else:
        pairs = torch.view_as_complex(turning.reshape(*turning.shape[:-1], -1, 2).contiguous())
        turned = torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)[:, None]).flatten(-2)
    return torch.cat((turned, rest), dim=-1)


def add_ropes(cases: Cases) -> None:
    positions = torch.tensor([0, 1, 2, 17, 300, 4095, 5])
    for layout in ("rotateHalf", "interleaved"):
        for name, heads, channels, dimensions, base, scaled in [
            ("plain", 3, 64, 64, 100000.0, False), ("partial", 2, 20, 12, 10000.0, False), ("scaled", 1, 16, 16, 500000.0, True),
            ("pair", 2, 2, 2, 10000.0, False),
        ]:
            x = cases.normal(len(positions), heads, channels)
            factors = torch.linspace(1, 8, dimensions // 2, dtype=torch.float64).float().double() if scaled else None
            cases.add(
                f"rope.{layout}-{name}", {"dimensions": dimensions, "base": base, "layout": layout}, x=x, positions=positions,
                factors=factors, output=rotate(x, positions, dimensions, base, layout, factors))


def attend(queries, keys, values, starts, lengths, slots, scale, causal, window, cap) -> torch.Tensor:
    """One sequence after the other; a query that sees no key gives zeros."""
    groups = queries.shape[1] // keys.shape[2]
    output = torch.zeros_like(queries)
    for index, (length, slot) in enumerate(zip(lengths, slots)):
        start, end = starts[index], starts[index + 1]
        if end == start or length == 0:
            continue
        q = queries[start:end].transpose(0, 1)
        k = keys[slot, :length].transpose(0, 1).repeat_interleave(groups, dim=0)
        v = values[slot, :length].transpose(0, 1).repeat_interleave(groups, dim=0)
        position = length - (end - start) + torch.arange(end - start)[:, None]
        key = torch.arange(length)[None]
        visible = torch.ones(end - start, length, dtype=torch.bool)
        if causal:
            visible &= key <= position
        if window is not None:
            visible &= key > position - window
        if cap is None:
            result = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=scale)
        else:
            scores = cap * torch.tanh(q @ k.transpose(1, 2) * scale / cap)
            result = torch.softmax(scores.masked_fill(~visible, -torch.inf), dim=-1) @ v
        output[start:end] = torch.where(visible.any(dim=1)[:, None], result, 0).transpose(0, 1)
    return output


def add_attentions(cases: Cases) -> None:
    # Heads, key heads, channels, slots, capacity; query starts; key lengths; slots used.
    plain = (4, 4, 16, 1, 12), [0, 9], [9], [0]
    grouped = (9, 3, 64, 2, 40), [0, 7], [33], [1]
    decode = (6, 2, 32, 4, 70), [0, 1, 2, 3], [70, 1, 37], [3, 0, 2]
    packed = (4, 1, 24, 4, 30), [0, 5, 5, 17, 18], [5, 3, 30, 0], [1, 2, 0, 3]
    for name, shape, causal, window, cap in [
        ("plain", plain, True, None, None), ("bidirectional", plain, False, None, None), ("grouped-offset", grouped, True, None, None),
        ("window", grouped, True, 5, None), ("softCap", grouped, True, None, 3.0), ("window-softCap", packed, True, 4, 2.5),
        ("decode", decode, True, None, None), ("packed", packed, True, None, None), ("packed-bidirectional", packed, False, None, None),
    ]:
        (heads, key_heads, channels, slots, capacity), starts, lengths, used = shape
        scale = float(np.float32(channels**-0.5))
        queries = cases.normal(starts[-1], heads, channels, scale=1.5)
        keys = cases.normal(slots, capacity, key_heads, channels, scale=1.5)
        values = cases.normal(slots, capacity, key_heads, channels)
        cases.add(
            f"attention.{name}", {"scale": scale, "causal": causal, "window": window, "softCap": cap}, queries=queries, keys=keys,
            values=values, query_starts=torch.tensor(starts), key_lengths=torch.tensor(lengths), slots=torch.tensor(used),
            output=attend(queries, keys, values, starts, lengths, used, scale, causal, window, cap))


def add_gated_products(cases: Cases) -> None:
    for name, activation in ACTIVATIONS.items():
        gate, up = cases.normal(4, 37, scale=3.0), cases.normal(4, 37)
        gate[0, :6] = torch.tensor([0.0, -0.0, 30.0, -30.0, 120.0, -120.0])
        cases.add(f"gatedProduct.{name}", {"activation": name}, gate=gate, up=up, output=activation(gate) * up)


def make_transport(cases: Cases, maps: int, channels: int, rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A table whose first row is the identity, supports of several widths (some empty, some everything), and λ from −1 to 1.5."""
    table = torch.stack([
        cases.normal(maps, channels, scale=0.5, offset=1.0), cases.normal(maps, channels), -cases.normal(maps, channels).abs(),
        cases.normal(maps, channels).abs(),
    ], dim=-1)
    table[0] = torch.tensor([1, 0, -torch.inf, torch.inf])
    table[1:, ::3, 2:] = torch.tensor([-torch.inf, torch.inf], dtype=torch.float64)
    table[1:, 1, 2:] = torch.tensor([0.0, 0.0], dtype=torch.float64)
    indices = torch.from_numpy(cases.random.integers(0, maps, rows))
    strengths = torch.tensor([0.0, 0.25, 0.5, 1.0, 1.5, -1.0], dtype=torch.float64).repeat(rows // 6 + 1)[:rows]
    return table, indices, strengths


def apply_transport(x: torch.Tensor, table: torch.Tensor, indices: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    omega, beta, low, high = table[indices.expand(len(x))].unbind(dim=-1)
    moved = x + strengths.expand(len(x))[:, None] * (omega * x + beta - x)
    return torch.where((low < x) & (x < high) & (indices != 0).expand(len(x))[:, None], moved, x)


def add_transports(cases: Cases) -> None:
    x = cases.normal(18, 29)
    table, indices, strengths = make_transport(cases, 4, 29, 18)
    # A value on the bound is outside the support.
    for row, column, side in [(1, 4, 2), (2, 5, 3)]:
        indices[row], x[row, column] = 2, table[2, column, side]
    one, half = torch.tensor([3]), torch.tensor([0.5], dtype=torch.float64)
    for name, (chosen, strength) in {"rows": (indices, strengths), "one": (one, half)}.items():
        cases.add(
            f"transport.{name}", {}, x=x, table=table, indices=chosen, strengths=strength,
            output=apply_transport(x, table, chosen, strength))


def add_gated_transports(cases: Cases) -> None:
    for name, rows, channels, is_one in [("gated", 18, 29, False), ("gated-one", 7, 64, True)]:
        x = cases.normal(rows, channels)
        table, indices, strengths = make_transport(cases, 4, channels, rows)
        gates, intercepts = cases.normal(4, channels, scale=2 * channels**-0.5), cases.normal(4)
        intercepts[2] = torch.inf
        if is_one:
            indices, strengths = torch.tensor([3]), torch.tensor([0.5], dtype=torch.float64)
        chosen = indices.expand(rows)
        values = torch.sigmoid((x * gates[chosen]).sum(dim=-1) + intercepts[chosen])
        cases.add(
            f"transport.{name}", {}, x=x, table=table, indices=indices, strengths=strengths, gates=gates, intercepts=intercepts,
            output=apply_transport(x, table, chosen, strengths.expand(rows) * values))


def add_linears(cases: Cases) -> None:
    for name, rows, inputs, outputs, activation, parts in [
        ("plain", 7, 33, 19, "identity", ()), ("bias", 3, 64, 40, "identity", ("bias",)), ("one-row", 1, 130, 65, "silu", ("bias",)),
        ("residual", 5, 48, 21, "gelu", ("residual",)), ("transport", 12, 32, 30, "identity", ("transport",)),
        ("everything", 6, 96, 17, "geluTanh", ("bias", "transport", "residual")),
    ]:
        x, weight = cases.normal(rows, inputs), cases.normal(outputs, inputs, scale=inputs**-0.5)
        bias = cases.normal(outputs) if "bias" in parts else None
        residual = cases.normal(rows, outputs) if "residual" in parts else None
        output = ACTIVATIONS[activation](F.linear(x, weight, bias))
        table = indices = strengths = None
        if "transport" in parts:
            table, indices, strengths = make_transport(cases, 3, outputs, rows)
            # A bound close to a computed value would leave the side to rounding.
            distance = (table[indices][..., 2:] - output[..., None]).abs().min()
            if distance < 1e-5:
                raise SystemExit(f"linear.{name}: a value lies {distance:.1e} from a bound; take another seed")
            output = apply_transport(output, table, indices, strengths)
        if residual is not None:
            output = output + residual
        cases.add(
            f"linear.{name}", {"activation": activation}, x=x, weight=weight, bias=bias, residual=residual, table=table, indices=indices,
            strengths=strengths, output=output)


def main() -> None:
    cases = Cases()
    for add in (add_norms, add_ropes, add_attentions, add_gated_products, add_linears, add_transports, add_gated_transports):
        add(cases)
    for name, values in cases.tensors.items():
        if name.endswith(".output") and not np.isfinite(values).all():
            raise SystemExit(f"{name} has values that are not finite")
    save(FIXTURES / "operations.safetensors", cases.tensors, {"options": cases.options})
    print(f"{len(cases.options)} cases")


if __name__ == "__main__":
    main()
