"""Makes Tests/Fixtures/norms.safetensors: norms and maps of image activations by PyTorch in Float64, rounded to Float32 at the end.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_norms.py

Tensors are `<operation>.<case>.<tensor>`, F32 but for `indices` (I32); every case has an `output`. The metadata's `options` (JSON) holds
the options of each `<operation>.<case>`:

    layerNorm    x [rows, C], gain [C]?, bias [C]?                                          epsilon
    groupNorm    x [images, height, width, C], gain [C]?, bias [C]?, residual (as x)?,
                 table [maps, C, 4]?, indices [1] or [images], strengths [1] or [images]    epsilon, groups, activation, spatial, place
    transport    x [images, height, width, C], table, indices, strengths                    spatial

`spatial` is pointwise or channelMean; `place` says whether the map acts before or behind the activation. What computes them:
torch.nn.functional.layer_norm, group_norm (channels first, as PyTorch has it) and the activations; a map by channel means is
ml-act's rule for activations with pixels, y = x + λ·(ω·z + β − z) where low < z < high with z the mean over height and width.
"""

import numpy as np
import torch
import torch.nn.functional as F

from fixtures import FIXTURES, save

ACTIVATIONS = {"identity": lambda x: x, "silu": F.silu, "gelu": F.gelu}


class Cases:
    """Collects cases; inputs are rounded to Float32 before anything is computed from them."""

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self.options: dict[str, dict] = {}
        self.random = np.random.default_rng(20250607)

    def normal(self, *shape: int, scale: float = 1.0, offset: float = 0.0) -> torch.Tensor:
        return torch.from_numpy((self.random.normal(size=shape) * scale + offset).astype(np.float32)).double()

    def add(self, name: str, options: dict, **tensors: torch.Tensor | None) -> None:
        self.options[name] = options
        for tensor, values in tensors.items():
            if values is not None:
                self.tensors[f"{name}.{tensor}"] = values.numpy().astype(np.float32 if values.is_floating_point() else np.int32)


def add_layer_norms(cases: Cases) -> None:
    for name, rows, channels, epsilon, scale, offset, affine in [
        ("clip", 5, 768, 1e-5, 1.0, 0.0, True), ("unet", 3, 1280, 1e-5, 2.0, 0.5, True), ("flux", 2, 3072, 1e-6, 1.0, 0.0, False),
        ("odd", 4, 33, 1e-5, 1.0, 0.0, True), ("far", 3, 320, 1e-5, 1.0, 1000.0, True), ("small", 2, 64, 1e-6, 1e-3, 0.0, True),
    ]:
        x = cases.normal(rows, channels, scale=scale, offset=offset)
        gain = cases.normal(channels, scale=0.3, offset=1.0) if affine else None
        bias = cases.normal(channels) if affine else None
        cases.add(
            f"layerNorm.{name}", {"epsilon": epsilon}, x=x, gain=gain, bias=bias,
            output=F.layer_norm(x, (channels,), gain, bias, epsilon))


def make_map(cases: Cases, images: int, channels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Four maps, the first the identity, with supports from empty to everything; an index and a λ for each image."""
    table = torch.stack([
        cases.normal(4, channels, scale=0.5, offset=1.0), cases.normal(4, channels), -cases.normal(4, channels).abs(),
        cases.normal(4, channels).abs(),
    ], dim=-1)
    table[0] = torch.tensor([1, 0, -torch.inf, torch.inf])
    table[1:, ::3, 2:] = torch.tensor([-torch.inf, torch.inf], dtype=torch.float64)
    table[1:, 1, 2:] = 0
    indices = torch.tensor([2, 0, 3, 1])[:images]
    strengths = torch.tensor([0.75, 1.0, -0.5, 1.5], dtype=torch.float64)[:images]
    return table, indices, strengths


def apply_map(x: torch.Tensor, table: torch.Tensor, indices: torch.Tensor, strengths: torch.Tensor, spatial: str) -> torch.Tensor:
    omega, beta, low, high = table[indices][:, None, None].unbind(dim=-1)
    z = x if spatial == "pointwise" else x.mean(dim=(1, 2), keepdim=True)
    bounded = torch.where(low.isfinite() & high.isfinite(), torch.minimum((z - low).abs(), (z - high).abs()), torch.inf)
    if bounded.min() < 1e-5:
        raise SystemExit(f"a value lies {bounded.min():.1e} from a bound, where rounding decides; take another seed")
    applies = (low < z) & (z < high) & (indices != 0)[:, None, None, None]
    return torch.where(applies, x + strengths[:, None, None, None] * (omega * z + beta - z), x)


def add_group_norms(cases: Cases) -> None:
    for name, (images, height, width, channels), groups, epsilon, activation, spatial, place, affine, residual, offset in [
        ("unet-shallow", (2, 6, 5, 320), 32, 1e-5, "silu", "channelMean", "before", True, False, 0.0),
        ("unet-deep", (1, 3, 4, 1280), 32, 1e-5, "silu", "pointwise", "before", True, False, 0.3),
        ("decoder", (1, 9, 16, 128), 32, 1e-6, "silu", None, "before", True, False, 0.0),
        ("attention", (3, 4, 4, 64), 8, 1e-6, "identity", "channelMean", "before", True, True, 0.0),
        ("behind", (4, 5, 3, 24), 4, 1e-5, "gelu", "channelMean", "behind", True, False, 0.0),
        ("behind-pointwise", (2, 7, 3, 20), 5, 1e-5, "silu", "pointwise", "behind", True, True, 0.0),
        ("one-group", (2, 5, 5, 37), 1, 1e-5, "identity", None, "before", False, False, 0.0),
        ("instance", (2, 8, 8, 12), 12, 1e-5, "identity", None, "before", True, False, 0.0),
        ("far", (2, 8, 4, 32), 4, 1e-5, "identity", "channelMean", "before", True, False, 500.0),
    ]:
        x = cases.normal(images, height, width, channels, offset=offset)
        gain = cases.normal(channels, scale=0.3, offset=1.0) if affine else None
        bias = cases.normal(channels) if affine else None
        y = F.group_norm(x.permute(0, 3, 1, 2), groups, gain, bias, epsilon).permute(0, 2, 3, 1)
        table, indices, strengths = make_map(cases, images, channels) if spatial else (None, None, None)
        if spatial and place == "before":
            y = apply_map(y, table, indices, strengths, spatial)
        y = ACTIVATIONS[activation](y)
        if spatial and place == "behind":
            y = apply_map(y, table, indices, strengths, spatial)
        added = cases.normal(images, height, width, channels) if residual else None
        if residual:
            y = y + added
        cases.add(
            f"groupNorm.{name}",
            {"epsilon": epsilon, "groups": groups, "activation": activation, "spatial": spatial, "place": place},
            x=x, gain=gain, bias=bias, residual=added, table=table, indices=indices, strengths=strengths, output=y)


def add_transports(cases: Cases) -> None:
    for name, (images, height, width, channels), spatial in [
        ("mean", (4, 7, 9, 40), "channelMean"), ("mean-odd", (2, 3, 3, 37), "channelMean"), ("images", (3, 4, 4, 33), "pointwise"),
    ]:
        x = cases.normal(images, height, width, channels)
        table, indices, strengths = make_map(cases, images, channels)
        cases.add(
            f"transport.{name}", {"spatial": spatial}, x=x, table=table, indices=indices, strengths=strengths,
            output=apply_map(x, table, indices, strengths, spatial))
    # One map at one strength for all images.
    x = cases.normal(2, 6, 5, 16)
    table, _, _ = make_map(cases, 2, 16)
    one, half = torch.tensor([1]), torch.tensor([0.5], dtype=torch.float64)
    cases.add(
        "transport.mean-one", {"spatial": "channelMean"}, x=x, table=table, indices=one, strengths=half,
        output=apply_map(x, table, one.expand(2), half.expand(2), "channelMean"))


def main() -> None:
    cases = Cases()
    for add in (add_layer_norms, add_group_norms, add_transports):
        add(cases)
    for name, values in cases.tensors.items():
        if name.endswith(".output") and not np.isfinite(values).all():
            raise SystemExit(f"{name} has values that are not finite")
    save(FIXTURES / "norms.safetensors", cases.tensors, {"options": cases.options})
    print(f"{len(cases.options)} cases")


if __name__ == "__main__":
    main()
