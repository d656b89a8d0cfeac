"""Makes Tests/Fixtures/movements.safetensors: elementwise functions, movements and resampling by PyTorch in Float64 (and onnxruntime).

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_movements.py

Tensors are `<operation>.<case>.<tensor>`; every case has an `output`. The metadata's `options` (JSON) holds the options of each case:

    activation         x                                       activation
    add, multiply, subtract  a, b                              (broadcast by PyTorch)
    modulate           x, scale, shift
    scale, clamp       x                                       factor, offset; low, high
    packed             x [rows, 2C]                            activation, gate (first or second)
    softmax            x
    concat             a, b, c                                 axis
    slice              x                                       axis, from, to
    permute            x                                       axes
    pad                x                                       amounts (per axis, before and after), mode, value
    upsample           x [B, H, W, C]                          height, width, mode, alignCorners
    cast               x                                       type; output holds the bits of f16 or bf16 numbers
    timestepEmbedding  timesteps                               channels, cosinesFirst, shift, scale
    rotation           x [rows, heads, D], cosines, sines      layout
    gather             x [rows, C], indices

Image operations are computed channels first, as PyTorch has them, and permuted. Cases named `…-onnx` come from onnxruntime: Softmax, Resize,
Pad and Transpose of opset 17. Integers and bits are I32, all else is F32.
"""

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper

from fixtures import FIXTURES, save

ACTIVATIONS = {
    "identity": lambda x: x, "silu": F.silu, "gelu": F.gelu, "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    "geluQuick": lambda x: x * torch.sigmoid(1.702 * x), "relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
}


class Cases:
    """Collects cases; inputs are rounded to Float32 before anything is computed from them."""

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self.options: dict[str, dict] = {}
        self.random = np.random.default_rng(20250611)

    def normal(self, *shape: int, scale: float = 1.0, offset: float = 0.0) -> torch.Tensor:
        return torch.from_numpy((self.random.normal(size=shape) * scale + offset).astype(np.float32)).double()

    def add(self, name: str, options: dict, **tensors: torch.Tensor) -> None:
        self.options[name] = options
        for tensor, values in tensors.items():
            self.tensors[f"{name}.{tensor}"] = values.numpy().astype(np.float32 if values.is_floating_point() else np.int32)


def channels_first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1).contiguous()


def onnx(operator: str, inputs: list[np.ndarray], **attributes) -> np.ndarray:
    """One operator of opset 17 on the CPU, in Float32."""
    names = [f"i{index}" if values is not None else "" for index, values in enumerate(inputs)]
    given = {name: values for name, values in zip(names, inputs) if values is not None}
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"], **attributes)], "case",
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in given.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["y"], given)[0]


def add_elementwise(cases: Cases) -> None:
    for name, activation in ACTIVATIONS.items():
        x = cases.normal(3, 31, scale=3.0)
        x[0, :6] = torch.tensor([0.0, -0.0, 30.0, -30.0, 120.0, -120.0])
        cases.add(f"activation.{name}", {"activation": name}, x=x, output=activation(x))
        packed = cases.normal(3, 2 * 13, scale=2.0)
        gate, up = packed.chunk(2, dim=-1)
        cases.add(f"packed.{name}-first", {"activation": name, "gate": "first"}, x=packed, output=activation(gate) * up)
        cases.add(f"packed.{name}-second", {"activation": name, "gate": "second"}, x=packed, output=gate * activation(up))
    for name, a, b in [
        ("same", (3, 17), (3, 17)), ("row", (2, 5, 24), (24,)), ("tokens", (2, 5, 24), (2, 1, 24)), ("pixels", (2, 3, 4, 16), (2, 1, 1, 16)),
        ("column", (5, 1), (1, 7)), ("scalar", (4, 9), (1,)), ("both", (2, 1, 3, 1), (1, 4, 1, 8)),
    ]:
        a, b = cases.normal(*a), cases.normal(*b)
        for operation, function in [("add", torch.add), ("subtract", torch.subtract), ("multiply", torch.multiply)]:
            cases.add(f"{operation}.{name}", {}, a=a, b=b, output=function(a, b))
    for name, x, scale in [("flux", (1, 9, 64), (1, 1, 64)), ("tokens", (2, 5, 20), (2, 1, 20)), ("rows", (6, 7), (6, 7))]:
        x, scale, shift = cases.normal(*x), cases.normal(*scale), cases.normal(*scale)
        cases.add(f"modulate.{name}", {}, x=x, scale=scale, shift=shift, output=x * (1 + scale) + shift)
    x = cases.normal(4, 19, scale=3.0)
    cases.add("scale.plain", {"factor": 0.125, "offset": -1.5}, x=x, output=x * 0.125 - 1.5)
    x[0, 0] = torch.nan
    cases.add("clamp.both", {"low": -1.0, "high": 2.0}, x=x, output=x.clamp(-1, 2))
    for name, rows, channels, scale in [("tokens", 7, 77, 4.0), ("one", 3, 1, 1.0), ("wide", 2, 1030, 20.0)]:
        x = cases.normal(rows, channels, scale=scale)
        x[0, channels // 2:channels - 1] = -torch.inf
        cases.add(f"softmax.{name}", {}, x=x, output=torch.softmax(x, dim=-1))
    x = torch.tensor([[-torch.inf] * 4, [0.0, torch.nan, 1.0, 2.0], [torch.inf, 0.0, 1.0, 2.0], [-torch.inf, 3.0, 3.0, -torch.inf]]).double()
    cases.add("softmax.special", {}, x=x, output=torch.softmax(x, dim=-1))
    x = cases.normal(5, 48, scale=3.0)
    cases.add("softmax.plain-onnx", {}, x=x, output=torch.from_numpy(onnx("Softmax", [x.float().numpy()], axis=-1)).double())


def add_movements(cases: Cases) -> None:
    for axis in range(4):
        shapes = [[2, 3, 4, 8] for _ in range(3)]
        for shape, extent in zip(shapes, [1, 5, 8]):
            shape[axis] = extent
        a, b, c = (cases.normal(*shape) for shape in shapes)
        cases.add(f"concat.axis{axis}", {"axis": axis}, a=a, b=b, c=c, output=torch.cat([a, b, c], dim=axis))
        x = cases.normal(5, 6, 7, 12)
        cases.add(f"slice.axis{axis}", {"axis": axis, "from": 1, "to": 4}, x=x, output=x.narrow(axis, 1, 3))
    for axes in [(1, 0), (0, 2, 1), (2, 0, 1), (0, 3, 1, 2), (0, 2, 3, 1), (3, 2, 1, 0), (0, 1, 3, 2, 4), (4, 2, 0, 3, 1)]:
        x = cases.normal(*[2, 5, 4, 3, 6][:len(axes)] if len(axes) > 2 else (37, 41))
        cases.add(f"permute.{'-'.join(map(str, axes))}", {"axes": list(axes)}, x=x, output=x.permute(axes).contiguous())
    x = cases.normal(2, 3, 4, 5)
    cases.add("permute.transpose-onnx", {"axes": [0, 3, 1, 2]}, x=x,
              output=torch.from_numpy(onnx("Transpose", [x.float().numpy()], perm=[0, 3, 1, 2])).double())
    x = cases.normal(11, 9)
    indices = torch.tensor([3, 0, 10, 3, 7])
    cases.add("gather.rows", {}, x=x, indices=indices, output=F.embedding(indices, x))


def add_pads(cases: Cases) -> None:
    x = cases.normal(2, 5, 4, 8)
    for name, mode, value, amounts in [
        ("downsample", "constant", 0.0, [0, 0, 0, 1, 0, 1, 0, 0]), ("value", "constant", 1.5, [1, 0, 2, 1, 0, 3, 1, 2]),
        ("crop", "constant", 0.0, [0, 0, -1, 2, 1, -2, 0, 0]), ("reflect", "reflect", 0.0, [0, 0, 3, 2, 1, 3, 0, 0]),
        ("replicate", "replicate", 0.0, [0, 0, 3, 2, 1, 5, 0, 0]),
    ]:
        flat = [amount for axis in (3, 2, 1, 0) for amount in amounts[2 * axis:2 * axis + 2]]
        if mode == "constant":
            output = F.pad(x, flat, value=value)
        else:
            output = channels_last(F.pad(channels_first(x), [*amounts[4:6], *amounts[2:4]], mode=mode))
        cases.add(f"pad.{name}", {"amounts": amounts, "mode": mode, "value": value}, x=x, output=output)
    amounts = [0, 0, 2, 1, 3, 0, 0, 0]
    pads = np.array(amounts[0::2] + amounts[1::2], dtype=np.int64)
    cases.add("pad.reflect-onnx", {"amounts": amounts, "mode": "reflect", "value": 0.0}, x=x,
              output=torch.from_numpy(onnx("Pad", [x.float().numpy(), pads], mode="reflect")).double())


def add_upsamples(cases: Cases) -> None:
    for height, width, target in [(4, 6, (8, 12)), (5, 7, (9, 16)), (3, 3, (3, 7)), (8, 9, (5, 4)), (7, 11, (29, 31)), (1, 2, (4, 1))]:
        x = cases.normal(2, height, width, 5)
        size = f"{height}x{width}-{target[0]}x{target[1]}"
        for mode, corners in [("nearest", None), ("bilinear", False), ("bilinear", True)]:
            # PyTorch's nearest is defined in f32; the means are not.
            source = channels_first(x).float() if mode == "nearest" else channels_first(x)
            output = channels_last(F.interpolate(source, size=target, mode=mode, align_corners=corners)).double()
            name = mode if corners is None else f"{mode}-{'corners' if corners else 'edges'}"
            cases.add(
                f"upsample.{size}-{name}", {"height": target[0], "width": target[1], "mode": mode, "alignCorners": bool(corners)}, x=x,
                output=output)
    x = cases.normal(1, 6, 5, 3)
    sizes = np.array([1, 3, 13, 8], dtype=np.int64)
    first = channels_first(x).float().contiguous().numpy()
    output = onnx("Resize", [first, None, None, sizes], mode="linear", coordinate_transformation_mode="half_pixel")
    cases.add("upsample.linear-onnx", {"height": 13, "width": 8, "mode": "bilinear", "alignCorners": False}, x=x,
              output=channels_last(torch.from_numpy(output)).double())


def add_casts(cases: Cases) -> None:
    x = torch.cat([
        cases.normal(40, scale=100.0), cases.normal(40) * 2.0 ** -14, cases.normal(40) * 2.0 ** -24,
        torch.tensor([65504.0, 65519.0, 65520.0, -1e6, torch.inf, -torch.inf, 2.0 ** -24, 2.0 ** -25, 1.5 * 2.0 ** -24, 0.0, -0.0,
                      1 + 2.0 ** -11, 1 + 3 * 2.0 ** -11, 1 + 2.0 ** -8, 1 + 3 * 2.0 ** -8], dtype=torch.float64),
    ]).float()
    for name, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16)]:
        bits = x.to(dtype).view(torch.int16).int() & 0xFFFF
        cases.add(f"cast.{name}", {"type": name}, x=x.double(), output=bits)


def add_embeddings(cases: Cases) -> None:
    timesteps = torch.tensor([0.0, 1.0, 17.0, 999.0, 500.25, 0.5], dtype=torch.float64)
    for name, channels, cosines_first, shift, scale in [
        ("sdxl", 320, True, 0.0, 1.0), ("ddpm", 64, False, 1.0, 1.0), ("flux", 256, True, 0.0, 1000.0), ("odd", 33, False, 0.0, 1.0),
    ]:
        # diffusers.models.embeddings.get_timestep_embedding, in Float64.
        half = channels // 2
        exponent = -np.log(10000) * torch.arange(half, dtype=torch.float64) / (half - shift)
        angles = scale * timesteps[:, None] * torch.exp(exponent)[None]
        parts = [angles.cos(), angles.sin()] if cosines_first else [angles.sin(), angles.cos()]
        output = F.pad(torch.cat(parts, dim=-1), (0, channels % 2))
        cases.add(
            f"timestepEmbedding.{name}", {"channels": channels, "cosinesFirst": cosines_first, "shift": shift, "scale": scale},
            timesteps=timesteps, output=output)
    # FLUX: ids of three axes with 4, 6 and 6 channels; interleaved pairs turn (diffusers' apply_rotary_emb).
    ids = torch.tensor([[0, row, column] for row in range(3) for column in range(4)], dtype=torch.float64)
    angles = torch.cat([
        ids[:, axis, None] * 10000.0 ** (-torch.arange(0, channels, 2, dtype=torch.float64) / channels)
        for axis, channels in enumerate((4, 6, 6))
    ], dim=-1)
    cosines, sines = angles.cos().float().double(), angles.sin().float().double()
    for layout in ("interleaved", "rotateHalf"):
        x = cases.normal(24, 2, 16)
        table = torch.complex(cosines, sines).repeat(2, 1)[:, None]
        if layout == "interleaved":
            output = torch.view_as_real(torch.view_as_complex(x.reshape(24, 2, 8, 2).contiguous()) * table).flatten(-2)
        else:
            turned = torch.complex(x[..., :8], x[..., 8:]) * table
            output = torch.cat([turned.real, turned.imag], dim=-1)
        cases.add(f"rotation.{layout}", {"layout": layout}, x=x, cosines=cosines, sines=sines, output=output)


def main() -> None:
    cases = Cases()
    for add in (add_elementwise, add_movements, add_pads, add_upsamples, add_casts, add_embeddings):
        add(cases)
    save(FIXTURES / "movements.safetensors", cases.tensors, {"options": cases.options})
    print(f"{len(cases.options)} cases")


if __name__ == "__main__":
    main()
