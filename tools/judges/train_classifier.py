#!/usr/bin/env python3
"""Trains a judge: an encoder that tells two sets of texts apart, as a folder that `--judge classifier:FOLDER#LABEL` and `monge tune --objective` take.

    python3 -m venv .venv && .venv/bin/pip install -r tools/judges/requirements-training.txt
    .venv/bin/python tools/judges/train_classifier.py --model ENCODER --source a.tsv --column toxic --target a.tsv --target-column neutral1 \\
        --label toxic --other-label neutral --out FOLDER

ENCODER is a Hugging Face folder of a BERT, RoBERTa or DistilBERT (that of all-MiniLM-L6-v2 will do); the head is new. A tenth of either set is held out, and what the judge is right about there is printed
and kept in the folder (training.json). Rows of the same number in both sets belong together and are held out together, so that a rewriting is not judged by its original.
"""

import argparse
import csv
import json
import random
from pathlib import Path

import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def read(path: str, column: str | None) -> list[tuple[int, str]]:
    """The texts that are there, each with the number of its row."""
    file = Path(path)
    if file.suffix == ".txt":
        return [(number, line.strip()) for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()) if line.strip()]
    if column is None:
        raise SystemExit(f"{path}: which column? --column NAME")
    with file.open(encoding="utf-8", newline="") as lines:
        if file.suffix == ".jsonl":
            rows = [json.loads(line) for line in lines if line.strip()]
        else:
            rows = list(csv.DictReader(lines, delimiter="\t" if file.suffix == ".tsv" else ",", quoting=csv.QUOTE_NONE if file.suffix == ".tsv" else csv.QUOTE_MINIMAL))
    if rows and column not in rows[0]:
        raise SystemExit(f"{path} has no column '{column}'; there are {', '.join(rows[0])}")
    return [(number, row[column].strip()) for number, row in enumerate(rows) if row[column] and row[column].strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--source", required=True, help="texts that the label is true of")
    parser.add_argument("--column")
    parser.add_argument("--target", required=True, help="texts that it is not true of")
    parser.add_argument("--target-column")
    parser.add_argument("--label", required=True)
    parser.add_argument("--other-label", required=True)
    parser.add_argument("--limit", type=int, help="at most so many texts a side, the first ones")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many first rows of either side, for maps to be fitted to")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    draw = random.Random(options.seed)

    sides = [
        read(options.target, options.target_column or options.column),
        read(options.source, options.column),
    ]
    sides = [[row for row in side if row[0] >= options.skip][: options.limit] for side in sides]
    if min(map(len, sides)) < 20:
        raise SystemExit(f"{len(sides[1])} and {len(sides[0])} texts are too few to learn from; 20 a side are the least")
    numbers = sorted({number for side in sides for number, _ in side})
    heldout = set(draw.sample(numbers, max(2, len(numbers) // 10)))
    seen, unseen = [], []
    for label, side in enumerate(sides):
        for number, text in side:
            (unseen if number in heldout else seen).append((text, label))

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForSequenceClassification.from_pretrained(
        options.model, num_labels=2, id2label={0: options.other_label, 1: options.label},
        label2id={options.other_label: 0, options.label: 1}, problem_type="single_label_classification")
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01)
    size = 32
    steps = options.epochs * (len(seen) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps, pct_start=0.1)

    def batch(rows: list[tuple[str, int]]) -> dict[str, torch.Tensor]:
        return tokenizer([text for text, _ in rows], truncation=True, max_length=128, padding=True, return_tensors="pt")

    def scores(rows: list[tuple[str, int]]) -> list[float]:
        model.eval()
        with torch.no_grad():
            return [
                score for first in range(0, len(rows), 64)
                for score in model(**batch(rows[first : first + 64])).logits.softmax(dim=1)[:, 1].tolist()
            ]

    step = 0
    for _ in range(options.epochs):
        model.train()
        draw.shuffle(seen)
        for first in range(0, len(seen) - size + 1, size):
            rows = seen[first : first + size]
            loss = torch.nn.functional.cross_entropy(model(**batch(rows)).logits, torch.tensor([label for _, label in rows]))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            step += 1
            if step % 50 == 0:
                print(f"step {step} of {steps}: loss {loss.item():.3f}", flush=True)

    found, labels = scores(unseen), [label for _, label in unseen]
    report = {
        "texts": len(seen), "held_out": len(unseen), "epochs": options.epochs, "rate": options.rate, "seed": options.seed,
        "balanced_accuracy": balanced_accuracy_score(labels, [score >= 0.5 for score in found]),
        "auroc": roc_auc_score(labels, found),
    }
    out = Path(options.out)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "training.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {out}: {report['balanced_accuracy']:.1%} of held-out texts right (balanced), AUROC {report['auroc']:.3f}")


if __name__ == "__main__":
    main()
