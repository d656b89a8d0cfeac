#!/usr/bin/env python3
"""Judges toxic comments: a logistic regression over words and pairs of words (cuss-inspect, trained on 180,000 reviews and comments).

    monge evaluate … --judge 'command:python3 tools/judges/toxic_comments.py'

The model is in the package, written by an old scikit-learn: its numbers are taken out of the file and used as they are, so that any scikit-learn serves.
"""

import importlib.util
import pickle
import warnings
from pathlib import Path

import numpy as np
from lines import run
from scipy.sparse import diags
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

# Found without being imported: the package would read the file its own way.
folder = Path(importlib.util.find_spec("cuss_inspect").origin).parent / "data"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    stored = pickle.loads((folder / "vectorizer_v4.lgst").read_bytes())
    classifier = pickle.loads((folder / "logitclf_v4.lgst").read_bytes())

counter = CountVectorizer(
    vocabulary=stored.vocabulary_, strip_accents=stored.strip_accents, token_pattern=stored.token_pattern, stop_words=stored.stop_words,
    ngram_range=stored.ngram_range, lowercase=stored.lowercase)
weights = stored._tfidf._idf_diag.diagonal()
assert stored._tfidf.sublinear_tf and stored._tfidf.norm == "l2", "the file's settings are those that are followed here"


def score(texts):
    counts = counter.transform(texts).astype(np.float64)
    counts.data = 1 + np.log(counts.data)
    features = normalize(counts @ diags(weights))
    return 1 / (1 + np.exp(-(features @ classifier.coef_[0] + classifier.intercept_[0])))


run(score)
