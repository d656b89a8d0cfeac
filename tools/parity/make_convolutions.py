"""Makes Tests/Fixtures/convolutions.safetensors: convolutions at channel counts of real models, by PyTorch and onnxruntime.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_convolutions.py

Only the outputs are stored, `<case>` [B, H, W, outC] (F32). Inputs are made by the same arithmetic on both sides: element i of the tensor
with seed s is `numbers(s)[i]` below, a multiple of 1/64 from −2 up to 127/64, which f16 and bf16 have too. Seeds are 4n for x, 4n + 1
for the weight (in PyTorch's order of axes) and 4n + 2 for the bias of case n. Every product is a multiple of 2⁻¹², and the sum of their
magnitudes stays below 2¹²: sums are exact in f32 in any order, and so must be the result of every kernel.

The metadata's `options` (JSON) holds for each case: number, x [B, H, W, inC], weight (PyTorch's shape), stride, dilation, padding (top,
bottom, left, right), groups, upsampling, output_padding (null but for a transposed convolution).
"""

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper

from fixtures import FIXTURES, save


def numbers(seed: int, shape: list[int]) -> np.ndarray:
    """A hash of the index and the seed in 32 bits (the rounds of xxHash's avalanche), of which 8 bits are taken."""
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed * 2246822519 & 0xFFFFFFFF)
    h ^= h >> np.uint32(15)
    h *= np.uint32(2246822519)
    h ^= h >> np.uint32(13)
    h *= np.uint32(3266489917)
    h ^= h >> np.uint32(16)
    return (((h & np.uint32(255)).astype(np.float64) - 128) / 64).reshape(shape)


def case(x, weight, stride=(1, 1), dilation=(1, 1), padding=(0, 0, 0, 0), groups=1, upsampling=1, output_padding=None):
    return {
        "x": list(x), "weight": list(weight), "stride": list(stride), "dilation": list(dilation), "padding": list(padding),
        "groups": groups, "upsampling": upsampling, "output_padding": output_padding,
    }


CASES = {
    "block": case((1, 6, 6, 320), (320, 320, 3, 3), padding=(1, 1, 1, 1)),
    "first": case((1, 9, 9, 4), (128, 4, 3, 3), padding=(1, 1, 1, 1)),
    "last": case((1, 8, 8, 320), (4, 320, 3, 3), padding=(1, 1, 1, 1)),
    "image": case((1, 11, 7, 3), (32, 3, 3, 3), padding=(1, 1, 1, 1)),
    "down": case((2, 7, 9, 64), (96, 64, 3, 3), stride=(2, 2), padding=(0, 1, 0, 1)),
    "point": case((2, 5, 3, 96), (160, 96, 1, 1)),
    "point-strided": case((1, 7, 8, 64), (48, 64, 1, 1), stride=(2, 3)),
    "grouped": case((1, 6, 6, 128), (64, 32, 5, 5), padding=(2, 2, 2, 2), groups=4),
    "dilated": case((1, 8, 12, 96), (48, 96, 3, 3), dilation=(2, 3), padding=(3, 2, 1, 4)),
    "depthwise": case((1, 7, 11, 96), (96, 1, 3, 3), padding=(1, 1, 1, 1), groups=96),
    "depthwise-strided": case((2, 9, 7, 40), (40, 1, 5, 5), stride=(2, 2), padding=(2, 2, 2, 2), groups=40),
    "upsampled": case((1, 5, 4, 64), (64, 64, 3, 3), padding=(1, 1, 1, 1), upsampling=2),
    "patches": case((1, 32, 48, 3), (96, 3, 16, 16), stride=(16, 16)),
    "larger-than-the-image": case((1, 2, 3, 32), (16, 32, 7, 7), padding=(3, 3, 3, 3)),
    "sequence": case((2, 1, 40, 32), (48, 32, 1, 7), dilation=(1, 3), padding=(0, 0, 18, 0)),
    "transposed": case((1, 5, 6, 64), (64, 32, 4, 4), stride=(2, 2), padding=(1, 1, 1, 1), output_padding=[0, 0]),
    "transposed-any": case(
        (2, 3, 4, 32), (32, 12, 3, 2), stride=(3, 2), dilation=(2, 1), padding=(1, 1, 0, 0), groups=2, output_padding=[2, 1]),
}


def convolve(x: torch.Tensor, weight: torch.Tensor, bias, options: dict) -> torch.Tensor:
    top, bottom, left, right = options["padding"]
    if options["output_padding"] is not None:
        return F.conv_transpose2d(
            x, weight, bias, options["stride"], (top, left), options["output_padding"], options["groups"], options["dilation"])
    x = F.interpolate(x, scale_factor=options["upsampling"], mode="nearest")
    x = F.pad(x, (left, right, top, bottom))
    return F.conv2d(x, weight, bias, options["stride"], 0, options["dilation"], options["groups"])


def by_onnxruntime(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, options: dict) -> np.ndarray:
    """The operators Conv and ConvTranspose, in f32."""
    top, bottom, left, right = options["padding"]
    attributes = {
        "strides": options["stride"], "dilations": options["dilation"], "group": options["groups"], "pads": [top, left, bottom, right],
    }
    kind = "Conv"
    if options["output_padding"] is not None:
        kind, attributes["output_padding"] = "ConvTranspose", options["output_padding"]
    inputs = {"x": x, "weight": weight, "bias": bias}
    graph = helper.make_graph(
        [helper.make_node(kind, list(inputs), ["y"], **attributes)], "convolution",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {name: value.astype(np.float32) for name, value in inputs.items()})[0]


def main() -> None:
    tensors = {}
    for number, (name, options) in enumerate(CASES.items()):
        options["number"] = number
        x = numbers(4 * number, options["x"]).transpose(0, 3, 1, 2)
        weight = numbers(4 * number + 1, options["weight"])
        transposed = options["output_padding"] is not None
        bias = numbers(4 * number + 2, [options["weight"][1] * options["groups"] if transposed else options["weight"][0]])
        result = convolve(*(torch.from_numpy(np.ascontiguousarray(a)) for a in (x, weight, bias)), options).numpy()
        sizes = convolve(*(torch.from_numpy(np.ascontiguousarray(np.abs(a))) for a in (x, weight, bias)), options).numpy()
        if sizes.max() >= 4096:
            raise SystemExit(f"{name}: a sum of magnitudes of {sizes.max()} is not exact in f32 in any order")
        if options["upsampling"] == 1 and not np.array_equal(by_onnxruntime(x, weight, bias, options), result):
            raise SystemExit(f"{name}: PyTorch and onnxruntime differ")
        tensors[name] = result.transpose(0, 2, 3, 1).astype(np.float32)
    save(FIXTURES / "convolutions.safetensors", tensors, {"options": CASES})


if __name__ == "__main__":
    main()
