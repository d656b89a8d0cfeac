#!/usr/bin/env python3
"""Judges profanity: a linear support vector machine over words (alt-profanity-check, trained on 200,000 texts that people marked as clean or profane).

    monge evaluate … --judge 'command:python3 tools/judges/profanity.py'

The model is in the package: nothing is fetched when it runs.
"""

from lines import run
from profanity_check import predict_prob

run(predict_prob)
