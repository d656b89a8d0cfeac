"""Makes Tests/Fixtures/statistics.json: intervals and tests by SciPy, diversity by NLTK.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements-evaluation.txt
    .venv/bin/python tools/parity/make_statistics.py

    wilson: [{successes, count, lower, upper}]          95 % score intervals
    paired: [{differences, p, lower, upper}]            Student's t of paired differences, two-sided, and the 95 % interval of their mean
    diversity: [{texts: [[word]], selfBLEU, distinct: [for n = 1 … 4], repeated: [for n = 1 … 4]}]
"""

import json
import random
import warnings

import numpy as np
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from nltk.util import ngrams
from scipy import stats

from fixtures import FIXTURES

warnings.filterwarnings("ignore")
generator = np.random.default_rng(7)
wilson = []
for successes, count in [(0, 10), (10, 10), (3, 10), (1, 400), (250, 817), (137, 500), (1, 1)]:
    interval = stats.binomtest(successes, count).proportion_ci(method="wilson")
    wilson.append({"successes": successes, "count": count, "lower": interval.low, "upper": interval.high})

paired = []
for size, shift, scale in [(2, 0.3, 1), (3, 0, 1), (10, 0.5, 1), (100, 0.05, 1), (1150, -0.02, 0.4), (40, 3, 0.5), (6, 0, 1e-6)]:
    differences = generator.normal(shift, scale, size).round(9)
    result = stats.ttest_1samp(differences, 0)
    interval = result.confidence_interval(0.95)
    paired.append({"differences": differences.tolist(), "p": result.pvalue, "lower": interval.low, "upper": interval.high})


def diversity(texts: list[list[str]]) -> dict:
    smoothing = SmoothingFunction().method1
    bleu = [sentence_bleu(texts[:i] + texts[i + 1:], text, smoothing_function=smoothing) for i, text in enumerate(texts)]
    distinct, repeated = [], []
    for n in range(1, 5):
        grams = [list(ngrams(text, n)) for text in texts]
        every = [gram for own in grams for gram in own]
        distinct.append(len(set(every)) / len(every) if every else 0)
        shares = [1 - len(set(own)) / len(own) for own in grams if own]
        repeated.append(sum(shares) / len(shares) if shares else 0)
    return {"texts": texts, "selfBLEU": sum(bleu) / len(bleu), "distinct": distinct, "repeated": repeated}


words = random.Random(3)
sets = [
    [["the", "cat", "sat", "on", "the", "mat", "."], ["the", "cat", "sat", "on", "a", "mat", "."], ["a", "dog", "barked"]],
    [["one", "one", "one", "one", "one", "one"], ["one", "two", "three", "four", "five"], ["five", "four", "three", "two", "one"]],
    [["same", "words", "in", "every", "text"]] * 4,
    [["nothing", "in", "common"], ["all", "other", "things", "here"]],
]
for size, vocabulary in [(12, 8), (30, 40)]:
    sets.append([[f"w{int(words.paretovariate(0.7)) % vocabulary}" for _ in range(words.randint(3, 24))] for _ in range(size)])

path = FIXTURES / "statistics.json"
path.write_text(json.dumps({"wilson": wilson, "paired": paired, "diversity": [diversity(own) for own in sets]}) + "\n")
print(f"{path.relative_to(FIXTURES.parents[1])}: {path.stat().st_size / 1000:.0f} kB")
