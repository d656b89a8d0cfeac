"""Measures a trained model with diffusers' own pipeline and the judges, and draws its contact sheet.

    python evaluate.py --model ../../Tests/Fixtures/emoji/model --pictures pictures.npz --report report.json --sheet sheet.png

Reported: how often the style asked for is judged to be there (100 prompts with a style), how often the thing named is among the five
nearest real pictures of that style (those prompts; and the pairs held out of training), how often "with a heart" shows a heart, how
often one shows unasked, and which styles prompts without a style get.
"""
import argparse, json, random, time

import torch
from diffusers import StableDiffusionPipeline

from captions import held_out, prompt
from judge import FOLDER, Judges
from model import signed
from pictures import STYLES, load, sheet

a = argparse.ArgumentParser()
a.add_argument("--model", default="../../Tests/Fixtures/emoji/model")
a.add_argument("--pictures", default="pictures.npz")
a.add_argument("--judges", default=FOLDER)
a.add_argument("--steps", type=int, default=20)
a.add_argument("--guidance", type=float, default=4.0)
a.add_argument("--seed", type=int, default=1)
a.add_argument("--few", action="store_true", help="a quarter of the prompts")
a.add_argument("--device", default="cpu")
a.add_argument("--threads", type=int, default=1)
a.add_argument("--report")
a.add_argument("--sheet")
o = a.parse_args()
torch.set_num_threads(o.threads)
pipeline = StableDiffusionPipeline.from_pretrained(o.model, safety_checker=None, local_files_only=True).to(o.device)
pipeline.set_progress_bar_config(disable=True)
pictures, labels, _ = load(o.pictures)
hidden = held_out(labels)
hidden_names = {n for n, _ in hidden}
names = list(dict.fromkeys(n for n, _ in labels))
rng = random.Random(5)
whole = [n for n in names if n not in hidden_names]
few = 4 if o.few else 1


def draw(prompts):
    """Picture k starts from noise of seed `--seed` + k. Float [n, 3, 64, 64] in −1 … 1, rounded as a PNG is."""
    out = []
    for k in range(0, len(prompts), 25):
        part = prompts[k:k + 25]
        noise = [torch.Generator().manual_seed(o.seed + k + j) for j in range(len(part))]
        x = pipeline(part, height=64, width=64, num_inference_steps=o.steps, guidance_scale=o.guidance, generator=noise,
                     output_type="pt").images
        out.append((x.float().cpu() * 255).round() / 127.5 - 1)
    return torch.cat(out)


def share(flags):
    flags = list(flags)
    return round(sum(flags) / max(1, len(flags)), 3)


def judge_pairs(pairs, x):
    told = judges(x)
    return {
        "prompts": len(pairs), "style obeyed": share(v["style"] == s for v, (_, s) in zip(told, pairs)),
        "by style": {k: share(v["style"] == s for v, (_, s) in zip(told, pairs) if s == k) for k in STYLES},
        "line drawing obeyed or rightly absent": share((v["style"] == "lineart") == (s == "lineart") for v, (_, s) in zip(told, pairs)),
        "name first": share(v["namesByStyle"][s][0] == n for v, (n, s) in zip(told, pairs)),
        "name among five": share(n in v["namesByStyle"][s] for v, (n, s) in zip(told, pairs)),
        "name among five, by style": {k: share(n in v["namesByStyle"][s] for v, (n, s) in zip(told, pairs) if s == k) for k in STYLES},
        "heart unasked": share(v["heart"] > 0.5 for v in told),
    }


start = time.time()
seen = [(n, s) for n in rng.sample(whole, 25 // few) for s in STYLES]
unseen = sorted(hidden)[::few]
hearty = [(n, s) for n, s in zip(rng.sample(whole, 60 // few), ([None] * 2 + STYLES) * 10)]
bare = rng.sample(whole, 60 // few)
seen_pictures, unseen_pictures = (draw([prompt(*p) for p in pairs]) for pairs in (seen, unseen))
heart_pictures = draw([prompt(n, s, True) for n, s in hearty])
bare_pictures = draw([prompt(n, None) for n in bare])
seconds = (time.time() - start) / (len(seen) + len(unseen) + len(hearty) + len(bare))

judges = Judges(o.judges)
report = {"steps": o.steps, "guidance": o.guidance, "seed": o.seed, "seconds a picture": round(seconds, 3),
          "pairs seen in training": judge_pairs(seen, seen_pictures), "pairs held out": judge_pairs(unseen, unseen_pictures)}
told = judges(heart_pictures)
report["with a heart"] = {
    "prompts": len(hearty), "heart": share(v["heart"] > 0.5 for v in told),
    "by style": {str(k): share(v["heart"] > 0.5 for v, (_, s) in zip(told, hearty) if s == k) for k in (None, *STYLES)},
    "name among five": share(n in v["namesByStyle"][s or v["style"]] for v, (n, s) in zip(told, hearty))}
told = judges(bare_pictures)
report["without a style"] = {
    "prompts": len(bare), "styles": {k: share(v["style"] == k for v in told) for k in STYLES},
    "heart unasked": share(v["heart"] > 0.5 for v in told), "name among five": share(n in v["names"] for v, n in zip(told, bare))}
print(json.dumps(report, indent=1))
if o.report:
    with open(o.report, "w") as f:
        json.dump(report, f, indent=1)
        f.write("\n")


def bytes_of(x):
    return ((x + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


if o.sheet:
    # Columns are prompts. Rows: the four styles of seen names, pairs held out above the real pictures, hearts, no style.
    columns = 15 if not o.few else 6
    index = {l: k for k, l in enumerate(labels)}
    rows = [seen_pictures[k::4][:columns] for k in range(4)]
    rows += [unseen_pictures[:columns], signed(pictures[[index[p] for p in unseen[:columns]]]), heart_pictures[:columns], bare_pictures[:columns]]
    sheet([p for r in rows for p in bytes_of(r)], columns, o.sheet, palette=True)
