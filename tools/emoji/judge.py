"""Judges pictures: which style, is there a heart in the corner, which of the known names.

    python judge.py FOLDER [--out FILE.jsonl]

Writes one line of JSON a picture, in the order of file names:
  file                 the picture's name
  style, styles        the likeliest style, and the probability of each
  heart                probability that a small heart stands in the lower right corner
  names                the five nearest names, nearest first, among real pictures of the likeliest style
  namesByStyle         the same within each style
"""
import argparse, copy, json, os, sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor

from pictures import SIZE, STYLES

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "judges")
CELLS = 16
# Pictures are enlarged for the classifiers, whose first layers take a fourth of the resolution.
ENLARGED = 2 * SIZE


def small_resnet(labels):
    """A small classifier of pictures, untrained."""
    return ResNetForImageClassification(ResNetConfig(
        embedding_size=16, hidden_sizes=[32, 64, 96], depths=[1, 1, 1], layer_type="basic", id2label=dict(enumerate(labels)),
        label2id={label: k for k, label in enumerate(labels)}))


def store(judge, folder):
    """Weights as f16, which is plenty for a classifier, and how pictures are to be prepared."""
    copy.deepcopy(judge).half().save_pretrained(folder)
    ViTImageProcessor(size={"height": ENLARGED, "width": ENLARGED}, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(folder)


def read_judge(folder):
    return ResNetForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()


def logits(judge, x):
    return judge(F.interpolate(x, ENLARGED, mode="bilinear")).logits


@torch.no_grad()
def probabilities(judge, x):
    return torch.cat([logits(judge, x[i:i + 128]).softmax(1) for i in range(0, len(x), 128)])


def cells(x):
    """[n, 3, 64, 64] in −1 … 1 to means over 4 × 4 pixels, [n, 3, 16, 16]."""
    return F.avg_pool2d(x, SIZE // CELLS)


class Names:
    """The nearest real picture by means over cells; the corner of a heart is left out where there is one."""

    def __init__(self, path):
        data = load_file(path)
        self.cells = data["cells"].float() / 127.5 - 1
        self.styles = data["styles"].long()
        with open(os.path.splitext(path)[0] + ".json") as f:
            self.names = json.load(f)

    @staticmethod
    def store(path, x, labels):
        save_file({"cells": ((cells(x) + 1) * 127.5).round().clamp(0, 255).byte().contiguous(),
                   "styles": torch.tensor([STYLES.index(s) for _, s in labels], dtype=torch.uint8)}, path)
        with open(os.path.splitext(path)[0] + ".json", "w") as f:
            json.dump([n for n, _ in labels], f)

    def nearest(self, x, style, heart, count=5):
        """For each picture of `x` the `count` nearest names within `style` (an index), nearest first."""
        mask = torch.ones(len(x), 1, CELLS, CELLS)
        mask[torch.as_tensor(heart), :, 9:, 9:] = 0
        known = (self.styles == style).nonzero()[:, 0]
        far = ((cells(x)[:, None] - self.cells[known][None]) * mask[:, None]).pow(2).sum((2, 3, 4))
        return [[self.names[known[k]] for k in row] for row in far.argsort(1)[:, :count]]


class Judges:
    def __init__(self, folder=FOLDER):
        self.style = read_judge(os.path.join(folder, "style"))
        self.heart = read_judge(os.path.join(folder, "heart"))
        self.names = Names(os.path.join(folder, "names.safetensors"))

    def __call__(self, x):
        """A dictionary for each picture of `x` [n, 3, 64, 64] in −1 … 1."""
        style, heart = probabilities(self.style, x), probabilities(self.heart, x)[:, 1]
        names = [self.names.nearest(x, s, heart > 0.5) for s in range(len(STYLES))]
        return [{
            "style": STYLES[style[i].argmax()],
            "styles": {s: round(style[i, k].item(), 4) for k, s in enumerate(STYLES)},
            "heart": round(heart[i].item(), 4),
            "names": names[style[i].argmax()][i],
            "namesByStyle": {s: names[k][i] for k, s in enumerate(STYLES)},
        } for i in range(len(x))]


def read(path):
    """A picture on white as float [3, 64, 64] in −1 … 1."""
    picture = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    white.alpha_composite(picture)
    if white.size != (SIZE, SIZE):
        white = white.resize((SIZE, SIZE), Image.BOX)
    return torch.from_numpy(np.asarray(white.convert("RGB")).copy()).permute(2, 0, 1).float() / 127.5 - 1


if __name__ == "__main__":
    a = argparse.ArgumentParser(description="Judges the PNG files of a folder.")
    a.add_argument("folder")
    a.add_argument("--out", help="a file for the lines; left out, standard output")
    a.add_argument("--judges", default=FOLDER, help="folder of the judges' weights")
    a.add_argument("--threads", type=int, default=1)
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    if not os.path.isdir(o.folder):
        sys.exit(f"judge: {o.folder} is not a folder.")
    files = sorted(f for f in os.listdir(o.folder) if f.lower().endswith(".png"))
    if not files:
        sys.exit(f"judge: {o.folder} holds no PNG file.")
    verdicts = Judges(o.judges)(torch.stack([read(os.path.join(o.folder, f)) for f in files]))
    lines = "".join(json.dumps({"file": f, **v}) + "\n" for f, v in zip(files, verdicts))
    if o.out:
        with open(o.out, "w") as f:
            f.write(lines)
    else:
        sys.stdout.write(lines)
