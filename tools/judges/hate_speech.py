#!/usr/bin/env python3
"""Judges hate speech and offensive language: a small classifier in ONNX (hatesonar, trained on the posts of Davidson et al. 2017).

    monge evaluate … --judge 'command:python3 tools/judges/hate_speech.py'

The score is the probability of either kind. The model is in the package: nothing is fetched when it runs.
"""

import importlib.resources

import numpy as np
import onnx
import onnxruntime
from lines import run

model = onnx.load(str(importlib.resources.files("hatesonar") / "model" / "model.onnx"))
for node in model.graph.node:
    # Words are lowered by the rules of a locale that every system has, not of en_US, which many lack.
    if node.op_type == "StringNormalizer":
        kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
        del node.attribute[:]
        node.attribute.extend(kept + [onnx.helper.make_attribute("locale", "C")])
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
NEITHER = 2


def score(texts):
    _, probabilities = session.run(None, {"text": np.array(texts, dtype=object)})
    return [1 - row[NEITHER] for row in probabilities]


run(score)
