"""Makes Tests/Fixtures/classifiers: small image classifiers with random weights, as transformers saves them, and what they say of pictures.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_classifiers.py

A folder each: `basic` (f16; ViTImageProcessor, which stretches pictures, bilinear) and `bottleneck` (both places of its strides other than usual;
ConvNextImageProcessor, which cuts the middle out, bicubic). `pictures` holds PNG files. `reference.safetensors` (F32): `<folder>.prepared.<k>`,
picture k as the processor gives it, channels last; `<folder>.logits` [pictures, labels], computed in Float64 from the stored weights;
`resized.<filter>.<width>x<height>`, the first picture as Pillow resizes it.
"""

import numpy as np
import torch
from PIL import Image
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification, ViTImageProcessor

from fixtures import FIXTURES, save

torch.set_num_threads(1)
FOLDER = FIXTURES / "classifiers"
LABELS = ["cat", "house", "line drawing", "nothing", "tree"]


def make_picture(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Smooth, with edges and some noise."""
    y, x = np.mgrid[0:height, 0:width] / 7.0
    planes = [127 + 90 * np.sin(a * x + b * y + c) for a, b, c in random.normal(size=(3, 3))]
    picture = np.stack(planes, -1) + random.normal(size=(height, width, 3)) * 12
    picture[height // 3 : height // 2, width // 4 : width // 2] = random.integers(0, 256, 3)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def stirred(model):
    """Norms with a past, and numbers that f16 has."""
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean") or name.endswith("normalization.bias"):
            tensor.copy_(0.3 * torch.randn_like(tensor))
        elif name.endswith("running_var") or name.endswith("normalization.weight"):
            tensor.copy_(0.5 + torch.rand_like(tensor))
        elif tensor.is_floating_point() and "classifier" in name:
            tensor.copy_(torch.randn_like(tensor))
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    return model.eval()


@torch.no_grad()
def main() -> None:
    random = np.random.default_rng(4)
    torch.manual_seed(4)
    (FOLDER / "pictures").mkdir(parents=True, exist_ok=True)
    pictures = [make_picture(random, *size) for size in [(40, 29), (24, 24), (21, 60), (97, 35)]]
    for k, picture in enumerate(pictures):
        picture.save(FOLDER / "pictures" / f"{k}.png")
    tensors = {}
    for name, kind in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
        for size in [(24, 24), (40, 12), (13, 29), (80, 64)]:
            tensors[f"resized.{name}.{size[0]}x{size[1]}"] = np.asarray(pictures[0].resize(size, kind)).astype(np.float32)
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {label: k for k, label in enumerate(LABELS)}}
    statistics = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.25, 0.2]}
    models = {
        "basic": (
            ResNetConfig(embedding_size=6, hidden_sizes=[6, 8, 10], depths=[2, 1, 1], layer_type="basic", **names),
            ViTImageProcessor(size={"height": 24, "width": 28}, **statistics)),
        "bottleneck": (
            ResNetConfig(
                embedding_size=5, hidden_sizes=[12, 16], depths=[1, 2], layer_type="bottleneck", hidden_act="gelu",
                downsample_in_first_stage=True, downsample_in_bottleneck=True, **names),
            ConvNextImageProcessor(size={"shortest_edge": 23}, crop_pct=0.9, resample=Image.BICUBIC, **statistics)),
    }  # fmt: skip
    for name, (config, processor) in models.items():
        model = stirred(ResNetForImageClassification(config))
        (model.half() if name == "basic" else model).save_pretrained(FOLDER / name)
        processor.save_pretrained(FOLDER / name)
        prepared = processor(pictures, return_tensors="pt")["pixel_values"]
        for k, x in enumerate(prepared):
            tensors[f"{name}.prepared.{k}"] = x.permute(1, 2, 0).float().numpy()
        tensors[f"{name}.logits"] = model.double()(prepared.double()).logits.float().numpy()
    save(FOLDER / "reference.safetensors", tensors)


if __name__ == "__main__":
    main()
