"""Makes Tests/Fixtures/image-sites.safetensors: a small image model in PyTorch, watched and changed by forward hooks on its modules.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_image_sites.py

The model (Float64): conv_in 3×3; a block of group norm (4 groups) and SiLU, conv 3×3 with stride 2; a layer norm over channels; `tokens`,
a linear layer over the pixels as tokens; `joint`, a module that returns the tuple (text stream, image stream). Stored (F32): `x`
[images, height, width, 3] and `text` [images, tokens, 8]; weights under their names, convolutions as [outC, height, width, inC];
`pooled.<site>` [images, channels], means over pixels or tokens of what each module returns, seen by a hook; `<mode>.image` and
`<mode>.text`, the outputs when hooks change every site by the maps `<site>.omega`, `.beta`, `.low`, `.high` with the strength of each
image in `strengths`: under `pointwise` each element by itself, under `channelMean` all pixels of a channel by what the map does to their
mean, and tokens each by itself. `<mode>.pooled.<site>` are the means of what the hooks return.
"""

import numpy as np
import torch
from torch import nn

from fixtures import FIXTURES, save

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class Joint(nn.Module):
    """Two streams in, two streams out, as a transformer block of FLUX returns them."""

    def __init__(self):
        super().__init__()
        self.text = nn.Linear(8, 8)
        self.image = nn.Linear(12, 12)

    def forward(self, text, image):
        return self.text(text) + self.image(image).mean(dim=1, keepdim=True)[..., :8], self.image(image)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(3, 12, 3, padding=1)
        self.norm = nn.GroupNorm(4, 12)
        self.down = nn.Conv2d(12, 12, 3, stride=2, padding=1)
        self.layer_norm = nn.LayerNorm(12)
        self.tokens = nn.Linear(12, 12)
        self.joint = Joint()

    def forward(self, x, text):
        x = self.conv_in(x)
        x = self.down(torch.nn.functional.silu(self.norm(x))) + x[:, :, ::2, ::2]
        x = self.layer_norm(x.permute(0, 2, 3, 1))
        return self.joint(text, self.tokens(x.flatten(1, 2)))


# Which axes of a module's output are pixels: after a convolution channels are the second axis, later the last.
PIXELS = {"conv_in": "BCHW", "norm": "BCHW", "down": "BCHW", "layer_norm": "BHWC", "tokens": "BTC", "joint:0": "BTC", "joint:1": "BTC"}


def channels_last(y: torch.Tensor, axes: str) -> torch.Tensor:
    return y.permute(0, 2, 3, 1) if axes == "BCHW" else y


def pooled(y: torch.Tensor, axes: str) -> np.ndarray:
    y = channels_last(y, axes)
    return y.flatten(1, -2).mean(1).float().numpy()


def mapped(y: torch.Tensor, axes: str, m: dict, strengths: torch.Tensor, mode: str) -> torch.Tensor:
    """Section 2 of Rodríguez et al. for tokens; for pixels the same rule on each element, or on a channel's mean."""
    x = channels_last(y, axes)
    strength = strengths.reshape([-1] + [1] * (x.ndim - 1))
    z = x.mean(dim=(1, 2), keepdim=True) if mode == "channelMean" and len(axes) == 4 else x
    shift = torch.where((m["low"] < z) & (z < m["high"]), strength * (m["omega"] * z + m["beta"] - z), 0)
    x = x + shift
    return x.permute(0, 3, 1, 2) if axes == "BCHW" else x


def main() -> None:
    torch.manual_seed(8)
    model = Model().float().double().eval()
    for parameter in model.parameters():
        # Numbers that f32 has, and gains and biases that matter.
        parameter.data = (parameter.data + 0.2 * torch.randn_like(parameter)).float().double()
    x, text = torch.randn(3, 3, 7, 6).float().double(), torch.randn(3, 5, 8).float().double()
    strengths = torch.tensor([1.0, 0.5, 0.0])
    tensors = {"x": x.permute(0, 2, 3, 1).float().numpy(), "text": text.float().numpy(), "strengths": strengths.float().numpy()}
    for name, parameter in model.state_dict().items():
        value = parameter.permute(0, 2, 3, 1) if parameter.ndim == 4 else parameter
        tensors[name] = value.float().numpy()

    outputs = {}

    def each(value, name):
        """The elements of a module's output by the names of their sites."""
        return {f"{name}:{i}": v for i, v in enumerate(value)} if isinstance(value, tuple) else {name: value}

    def watch(name):
        return lambda module, inputs, value: outputs.update(each(value, name)) or None

    names = ["conv_in", "norm", "down", "layer_norm", "tokens", "joint"]
    handles = [getattr(model, name).register_forward_hook(watch(name)) for name in names]
    with torch.no_grad():
        model(x, text)
    for handle in handles:
        handle.remove()
    maps = {}
    for site, y in outputs.items():
        tensors[f"pooled.{site}"] = pooled(y, PIXELS[site])
        channels = channels_last(y, PIXELS[site]).shape[-1]
        flat = channels_last(y, PIXELS[site]).reshape(-1, channels)
        omega, beta = 1 + 0.5 * torch.randn(channels), torch.randn(channels)
        # Most of what is there lies within, some means and elements do not.
        low, high = flat.mean(0) - 0.4 * flat.std(0), flat.mean(0) + 0.9 * flat.std(0)
        low[::4], high[::4] = -torch.inf, torch.inf
        maps[site] = {k: v.float().double() for k, v in {"omega": omega, "beta": beta, "low": low, "high": high}.items()}
        tensors |= {f"{site}.{key}": value.float().numpy() for key, value in maps[site].items()}

    for mode in ["pointwise", "channelMean"]:
        steered = {}

        def change(name):
            def hook(module, inputs, value):
                changed = {site: mapped(y, PIXELS[site], maps[site], strengths, mode) for site, y in each(value, name).items()}
                steered.update(changed)
                return tuple(changed.values()) if isinstance(value, tuple) else changed[name]

            return hook

        handles = [getattr(model, name).register_forward_hook(change(name)) for name in names]
        with torch.no_grad():
            out_text, out_image = model(x, text)
        for handle in handles:
            handle.remove()
        tensors[f"{mode}.text"], tensors[f"{mode}.image"] = out_text.float().numpy(), out_image.float().numpy()
        tensors |= {f"{mode}.pooled.{site}": pooled(y, PIXELS[site]) for site, y in steered.items()}
    save(FIXTURES / "image-sites.safetensors", tensors)


if __name__ == "__main__":
    main()
