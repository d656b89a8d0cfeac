"""Hooks of schemathesis: generated requests that are right name a model and a map that are there, and ask for little.

Only values that the document allows are replaced, and by others that it allows: what is wrong stays wrong.
"""

import os
import random
import re

import schemathesis

RNG = random.Random(1)
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
LITTLE = {"max_tokens": (1 << 20, 3), "max_completion_tokens": (1 << 20, 3), "n": (16, 2), "steps": (1 << 20, 2), "best_of": (64, 2)}

OF_TEXTS = ("/v1/completions", "/v1/chat/completions", "/v1/steering/preview")


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    body = dict(body)
    if isinstance(body.get("model"), str) and RNG.random() < 0.8:
        body["model"] = os.environ["MONGE_TEXT_MODEL"] if RNG.random() < 0.7 else RNG.choice(os.environ["MONGE_MODELS"].split(","))
    if getattr(context.operation, "path", "") in OF_TEXTS:
        body.setdefault("max_tokens", 3)
    for name, (most, few) in LITTLE.items():
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and few < value <= most:
            body[name] = few
    if isinstance(body.get("steering"), list):
        body["steering"] = [named(steer) for steer in body["steering"]]
    if isinstance(body.get("sites"), list) and body["sites"] and all(isinstance(site, str) for site in body["sites"]) and RNG.random() < 0.8:
        body["sites"] = [r"model\.layers\.0\.input_layernorm"]
    return body


def named(steer):
    if isinstance(steer, dict) and isinstance(steer.get("map"), str) and NAME.fullmatch(steer["map"]) and RNG.random() < 0.8:
        return {**steer, "map": os.environ["MONGE_MAP"]}
    return steer
