"""Writes the caption files of the steering demonstrations: to fit maps from, and, with other names, to draw and judge.

    python make_captions.py --pictures pictures.npz --out ../../Tests/Fixtures/emoji/captions

Line k of each pair of files names the same thing. `fit-*` and `draw-*` share no name; every name of `draw-*` was trained in all styles.
"""
import argparse, os, random

from captions import held_out, subject
from pictures import load

a = argparse.ArgumentParser()
a.add_argument("--pictures", default="pictures.npz")
a.add_argument("--out", default="../../Tests/Fixtures/emoji/captions")
o = a.parse_args()
_, labels, _ = load(o.pictures)
hidden = {n for n, _ in held_out(labels)}
names = list(dict.fromkeys(n for n, _ in labels))
rng = random.Random(3)
draw = sorted(rng.sample([n for n in names if n not in hidden], 50))
fit = [n for n in names if n not in draw]
#: A caption that names no style beside one that asks for a line drawing; a caption beside the one with a heart.
WORDINGS = [
    ("a picture of {}", "a line drawing of {}"), ("{}", "{}, line drawing"),
]


def files(kind, names, wordings):
    sets = {"plain": [], "line-drawing": [], "heart": []}
    for name in names:
        for plain, drawn in wordings:
            sets["plain"].append(plain.format(subject(name)))
            sets["line-drawing"].append(drawn.format(subject(name)))
            sets["heart"].append(plain.format(subject(name, True)))
    for what, lines in sets.items():
        with open(os.path.join(o.out, f"{kind}-{what}.txt"), "w") as f:
            f.write("\n".join(lines) + "\n")
    print(kind, len(sets["plain"]), "captions a file")


os.makedirs(o.out, exist_ok=True)
files("fit", fit, WORDINGS[:2])
files("draw", draw, WORDINGS[:2])
