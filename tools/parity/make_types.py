"""Makes Tests/Fixtures/types.safetensors: operations that read one type and write another, by PyTorch in Float64.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_types.py

Tensors are `<case>.<tensor>`, F32, their values f16 numbers where the case's option of that tensor's name says f16; every case has an
`output`, rounded by PyTorch to its type (to the nearest; infinite where it is too large). The metadata's `options` (JSON) holds for each
case the `operation`, the `types` of its tensors, and the operation's own options. What computes them: torch.nn.functional's rms_norm,
layer_norm, group_norm, linear, conv2d, conv_transpose2d, scaled_dot_product_attention and silu (channels first, as PyTorch has them).
"""

import numpy as np
import torch
import torch.nn.functional as F

from fixtures import FIXTURES, save

TYPES = {"f32": torch.float32, "f16": torch.float16}


class Cases:
    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self.options: dict[str, dict] = {}
        self.random = np.random.default_rng(20251128)

    def normal(self, dtype: str, *shape: int, scale: float = 1.0, offset: float = 0.0) -> torch.Tensor:
        return torch.from_numpy(self.random.normal(size=shape) * scale + offset).to(TYPES[dtype]).double()

    def add(self, name: str, operation: str, types: dict[str, str], options: dict, output: torch.Tensor, **tensors) -> None:
        self.options[name] = {"operation": operation, "types": types, **options}
        for tensor, values in tensors.items():
            if values is not None:
                self.tensors[f"{name}.{tensor}"] = values.contiguous().numpy().astype(np.float32)
        self.tensors[f"{name}.output"] = output.to(TYPES[types["output"]]).float().contiguous().numpy()


def last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def add_norms(cases: Cases) -> None:
    for x_type, out_type in [("f32", "f16"), ("f16", "f32")]:
        pair = f"{x_type}-{out_type}"
        types = {"x": x_type, "output": out_type, "residual": out_type}
        x, gain = cases.normal(x_type, 3, 576, scale=4), cases.normal("f32", 576, scale=0.3, offset=1)
        cases.add(f"rmsNorm.{pair}", "rmsNorm", types, {"epsilon": 1e-5}, F.rms_norm(x, (576,), gain, 1e-5), x=x, gain=gain)
        x, gain, bias = cases.normal(x_type, 4, 37, offset=3), cases.normal("f32", 37), cases.normal("f32", 37)
        cases.add(
            f"layerNorm.{pair}", "layerNorm", types, {"epsilon": 1e-5}, F.layer_norm(x, (37,), gain, bias, 1e-5), x=x, gain=gain,
            bias=bias)
        x, residual = cases.normal(x_type, 2, 5, 4, 48, offset=-1), cases.normal(out_type, 2, 5, 4, 48)
        gain, bias = cases.normal("f32", 48), cases.normal("f32", 48)
        y = F.silu(last(F.group_norm(first(x), 6, gain, bias, 1e-5))) + residual
        cases.add(
            f"groupNorm.{pair}", "groupNorm", types, {"epsilon": 1e-5, "groups": 6}, y, x=x, gain=gain, bias=bias, residual=residual)


def add_products(cases: Cases) -> None:
    # A residual stream of f32 over operands of f16, and the other way round; rows for every path of a backend.
    for x_type, out_type in [("f16", "f32"), ("f32", "f16")]:
        for rows in (1, 5, 70):
            types = {"x": x_type, "weight": "f16", "residual": "f32", "output": out_type}
            x, weight = cases.normal(x_type, rows, 96), cases.normal("f16", 40, 96, scale=0.1)
            bias, residual = cases.normal("f32", 40), cases.normal("f32", rows, 40, scale=30)
            cases.add(
                f"linear.{x_type}-{out_type}.{rows}", "linear", types, {}, F.linear(x, weight, bias) + residual, x=x, weight=weight,
                bias=bias, residual=residual)
        types = {"x": x_type, "weight": "f16", "residual": "f32", "output": out_type}
        x, weight = cases.normal(x_type, 2, 6, 7, 32), cases.normal("f16", 24, 32, 3, 3, scale=0.1)
        y = last(F.conv2d(first(x), weight, stride=2, padding=1))
        residual = cases.normal("f32", *y.shape, scale=30)
        cases.add(
            f"conv2d.{x_type}-{out_type}", "conv2d", types, {"stride": 2, "padding": 1}, y + residual, x=x, weight=last(weight),
            residual=residual)
        x, weight = cases.normal(x_type, 1, 3, 4, 32), cases.normal("f16", 32, 16, 4, 4, scale=0.1)
        y = last(F.conv_transpose2d(first(x), weight, stride=2, padding=1))
        residual = cases.normal("f32", *y.shape)
        cases.add(
            f"convTranspose2d.{x_type}-{out_type}", "convTranspose2d", types, {"stride": 2, "padding": 1}, y + residual, x=x,
            weight=weight.permute(1, 2, 3, 0), residual=residual)
    # Sums beyond 65504, the largest f16 number.
    x, weight = cases.normal("f32", 6, 64, scale=1000), cases.normal("f16", 32, 64, scale=10)
    cases.add(
        "linear.overflow", "linear", {"x": "f32", "weight": "f16", "output": "f16"}, {}, F.linear(x, weight), x=x, weight=weight)


def add_attention(cases: Cases) -> None:
    for q_type, kv_type, out_type in [("f16", "f16", "f32"), ("f32", "f16", "f16"), ("f16", "f32", "f32")]:
        for queries in (1, 19):
            types = {"queries": q_type, "keys": kv_type, "values": kv_type, "output": out_type}
            q, k, v = cases.normal(q_type, 2, queries, 4, 64), cases.normal(kv_type, 2, 33, 2, 64), cases.normal(kv_type, 2, 33, 2, 64)
            heads = [t.transpose(1, 2).repeat_interleave(4 // t.shape[2], dim=1) for t in (q, k, v)]
            y = F.scaled_dot_product_attention(*heads).transpose(1, 2)
            cases.add(
                f"attention.{q_type}-{kv_type}-{out_type}.{queries}", "attention", types, {}, y, queries=q, keys=k, values=v)


def add_elementwise(cases: Cases) -> None:
    # Products of an MLP beyond the range of f16.
    gate, up = cases.normal("f32", 9, 40, scale=300), cases.normal("f32", 9, 40, scale=300)
    cases.add(
        "gatedProduct.f32-f16", "gatedProduct", {"gate": "f32", "up": "f32", "output": "f16"}, {}, F.silu(gate) * up, gate=gate, up=up)
    gate, up = cases.normal("f16", 9, 41), cases.normal("f32", 9, 41)
    cases.add(
        "gatedProduct.f16-f32", "gatedProduct", {"gate": "f16", "up": "f32", "output": "f32"}, {}, F.silu(gate) * up, gate=gate, up=up)
    x, factor, addend = cases.normal("f16", 2, 7, 24), cases.normal("f16", 2, 1, 24), cases.normal("f32", 2, 7, 24)
    cases.add(
        "multiplyAdd.f16-f32", "multiplyAdd", {"x": "f16", "factor": "f16", "addend": "f32", "output": "f32"}, {}, x * factor + addend,
        x=x, factor=factor, addend=addend)
    x, angles = cases.normal("f32", 6, 3, 32), cases.normal("f32", 6, 16)
    cosines, sines = angles.cos().float().double(), angles.sin().float().double()
    low, high = x[..., :16], x[..., 16:]
    c, s = cosines[:, None], sines[:, None]
    cases.add(
        "rotation.f32-f16", "rotation", {"x": "f32", "output": "f16"}, {}, torch.cat([low * c - high * s, low * s + high * c], dim=-1),
        x=x, cosines=cosines, sines=sines)


def main() -> None:
    cases = Cases()
    for add in (add_norms, add_products, add_attention, add_elementwise):
        add(cases)
    for name in ("linear.overflow", "gatedProduct.f32-f16"):
        infinite = np.isinf(cases.tensors[f"{name}.output"]).mean()
        if not 0.01 < infinite < 0.9:
            raise SystemExit(f"{name}: {infinite:.0%} of the results overflow, expected some")
    save(FIXTURES / "types.safetensors", cases.tensors, {"options": cases.options})
    print(f"{len(cases.options)} cases")


if __name__ == "__main__":
    main()
