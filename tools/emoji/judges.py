"""Trains the judges of style and of hearts on real pictures of names that the model does not know, and checks them.

    python pictures.py --out pictures.npz
    python pictures.py --out others.npz --others
    python judges.py --pictures pictures.npz --others others.npz --vae ../../Tests/Fixtures/emoji/model/vae --out judges

A fifth of the other names is held out; so are all names that the model draws. Half of what they see passed through the autoencoder
first (of some that did), since every picture of the model comes out of it.
"""
import argparse, json, os, random, time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image

from judge import Names, logits, probabilities, read_judge, small_resnet, store
from model import signed
from pictures import STYLES, load, with_heart

a = argparse.ArgumentParser()
a.add_argument("--pictures", default="pictures.npz")
a.add_argument("--others", default="others.npz")
a.add_argument("--vae", default="vae")
a.add_argument("--soft", type=int, default=600, help="so many pictures pass through the autoencoder, without and with hearts")
a.add_argument("--steps", type=int, default=900)
a.add_argument("--threads", type=int, default=1)
a.add_argument("--only", choices=["style", "heart"])
a.add_argument("--out", default="judges")
o = a.parse_args()
torch.set_num_threads(o.threads)
torch.manual_seed(0)
rng = np.random.default_rng(0)
os.makedirs(o.out, exist_ok=True)
vae = AutoencoderKL.from_pretrained(o.vae).eval()


@torch.no_grad()
def through(x):
    """What the autoencoder makes of pictures."""
    return torch.cat([vae.decode(vae.encode(x[i:i + 64]).latent_dist.sample()).sample.clamp(-1, 1) for i in range(0, len(x), 64)])


def colours(labels):
    return np.array([STYLES.index(s) for _, s in labels])


def shifted(x, most=3):
    """Each picture moved by up to `most` pixels, white coming in."""
    out = torch.ones_like(x)
    for k, (dy, dx) in enumerate(rng.integers(-most, most + 1, (len(x), 2))):
        h, w = x.shape[2:]
        out[k, :, max(0, dy):h + min(0, dy), max(0, dx):w + min(0, dx)] = \
            x[k, :, max(0, -dy):h + min(0, -dy), max(0, -dx):w + min(0, -dx)]
    return out


def roughened(x):
    """A little noise, blur and contrast, by picture."""
    n = len(x)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    blur = torch.rand(n, 1, 1, 1) * (torch.rand(n, 1, 1, 1) < 0.4)
    x = x + blur * (soft - x)
    x = 1 - (1 - x) * (0.85 + 0.3 * torch.rand(n, 1, 1, 1))
    return x + torch.randn_like(x) * 0.06 * torch.rand(n, 1, 1, 1)


def fit(name, labels, sample, tests):
    """`sample(size)` gives a batch; `tests` are named (pictures, classes) that must come out right."""
    judge = small_resnet(labels).train()
    optimiser = torch.optim.AdamW(judge.parameters(), 3e-3, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=o.steps)
    start, losses = time.time(), []
    for step in range(o.steps):
        x, y = sample(64)
        loss = F.cross_entropy(logits(judge, x), y, label_smoothing=0.02)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            print(f"{name} step {step + 1}/{o.steps} {time.time() - start:.0f} s loss {np.mean(losses):.4f}", flush=True)
            losses = []
    store(judge, os.path.join(o.out, name))
    judge = read_judge(os.path.join(o.out, name))
    report = {}
    for what, (x, y) in tests.items():
        told = probabilities(judge, x).argmax(1)
        report[what] = {"right": round((told == y).float().mean().item(), 4), "of": len(y)}
        if labels == STYLES:
            report[what]["by style"] = {s: round((told[y == k] == k).float().mean().item(), 4) for k, s in enumerate(STYLES)}
            report[what]["line drawing or not"] = round(((told == 3) == (y == 3)).float().mean().item(), 4)
    print(name, json.dumps(report, indent=1), flush=True)
    return report


known, known_labels, hearts = load(o.pictures)
x, labels, _ = load(o.others)
style = colours(labels)
# A few signs are black outlines with nothing to colour: their two OpenMoji pictures are one, and no judge could tell them apart.
same = {n for k, (n, s) in enumerate(labels) if s == "lineart" and np.abs(x[k].astype(int) - x[k - 1]).mean() < 4}
names = sorted({n for n, _ in labels} - same)
random.Random(0).shuffle(names)
hidden = set(names[:len(names) // 5])
train = np.array([k for k, (n, _) in enumerate(labels) if n not in hidden and n not in same])
test = np.array([k for k, (n, _) in enumerate(labels) if n in hidden])
print(len(train), "pictures to learn from,", len(test), "held out of other names,", len(known), "of the model's names")
report = {}


def jittered(overlay, most=2):
    """The heart moved a little, seen from the corner."""
    dy, dx = rng.integers(-most, most + 1, 2)
    return np.roll(overlay, (dy, dx), (0, 1)) if most else overlay


def pair(pictures, styles, most=2):
    return with_heart(pictures, np.stack([jittered(hearts[s], most) for s in styles]))


def distractors(pictures):
    """A part of another picture in the corner: something is there, but no heart."""
    out = pictures.copy()
    for k in range(len(out)):
        size = int(rng.integers(14, 27))
        other = x[train[rng.integers(len(train))]]
        small = np.asarray(Image.fromarray(other).resize((size, size)))
        y0, x0 = (int(v) for v in 64 - size - rng.integers(0, 5, 2))
        out[k, y0:y0 + size, x0:x0 + size] = small
    return out


start = time.time()
rng.shuffle(train)
plain, some = x[train], min(o.soft, len(train))
soft_plain = through(signed(plain[:some]))
soft_hearty = through(signed(pair(plain[:some], style[train[:some]])))
print(f"{2 * some} pictures through the autoencoder in {time.time() - start:.0f} s", flush=True)
crisp_plain = signed(plain)
y_style = torch.from_numpy(style[train])


def style_batch(size):
    half = size // 2
    i, j = torch.randint(len(train), (half,)), torch.randint(some, (size - half,))
    heart = (torch.rand(size - half) < 0.5).view(-1, 1, 1, 1)
    out = torch.cat([crisp_plain[i], torch.where(heart, soft_hearty[j], soft_plain[j])])
    flip = torch.rand(size) < 0.5
    out[flip] = out[flip].flip(3)
    return roughened(shifted(out)), y_style[torch.cat([i, j])]


def heart_batch(size):
    y = (torch.rand(size) < 0.5).long()
    if rng.random() < 0.5:
        i = torch.randint(len(train), (size,))
        crisp = plain[i.numpy()]
        none = distractors(crisp)
        keep = rng.random(size) < 0.5
        none[keep] = crisp[keep]
        hearty = pair(crisp, style[train[i.numpy()]])
        out = torch.where(y.bool().view(-1, 1, 1, 1), signed(hearty), signed(none))
    else:
        i = torch.randint(some, (size,))
        out = torch.where(y.bool().view(-1, 1, 1, 1), soft_hearty[i], soft_plain[i])
    return roughened(shifted(out)), y


def tests_of(pictures, styles, classes):
    """All of them as they are, and 240 that passed through the autoencoder."""
    x, y = signed(pictures), torch.from_numpy(styles)
    if classes == 2:
        x = torch.cat([x, signed(pair(pictures, styles, 0))])
        y = torch.cat([torch.zeros(len(pictures)), torch.ones(len(pictures))]).long()
    i = torch.from_numpy(rng.permutation(len(x))[:240])
    return {"": (x, y), " after the autoencoder": (through(x[i]), y[i])}


for name, labels, batch in (("style", STYLES, style_batch), ("heart", ["no heart", "heart"], heart_batch)):
    if o.only in (None, name):
        tests = {}
        for what, pictures, styles in (("held-out other names", x[test], style[test]), ("the model's names", known, colours(known_labels))):
            tests |= {what + k: v for k, v in tests_of(pictures, styles, len(labels)).items()}
        report[name] = fit(name, labels, batch, tests)
Names.store(os.path.join(o.out, "names.safetensors"), signed(known), known_labels)
if not o.only:
    with open(os.path.join(o.out, "report.json"), "w") as f:
        json.dump(report, f, indent=1)
