#!/usr/bin/env python3
"""What a token costs the host: `monge bench model`, and ggml's Vulkan backend, on a device that takes no time.

Needs to be run by tools/gpu-compilers, which puts the layer of the null device between the programs and a driver. The layer counts what is submitted;
the programs measure their own time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

KINDS = ("dispatches", "barriers", "copies", "submissions")


class HostError(Exception):
    pass


def decode_counts(lines, steps):
    """What plain and steered tokens submit, of the lines that the layer wrote for each wait: two lists.

    lines: tuples in the order of KINDS. steps: how many of each the benchmark made. They come last, in pairs whose order changes from one to the next
    (ModelBenchmark); what it measures behind them is a dispatch or two, which no whole pass is.
    """
    whole = max((line[0] for line in lines), default=0)
    tokens = [line for line in lines if line[0] > whole / 2][-2 * steps:]
    if whole < 10 or len(tokens) < 2 * steps:
        raise HostError(f"the layer saw {len(tokens)} passes of the model, and {2 * steps} tokens were asked for")
    plain = [tokens[2 * index + index % 2] for index in range(steps)]
    steered = [tokens[2 * index + 1 - index % 2] for index in range(steps)]
    return plain, steered


def spread(counts):
    """How much of each kind, in the order of KINDS: as attention meets more keys, it may be shared out among more dispatches."""
    columns = [sorted(set(column)) for column in zip(*counts)]
    return [f"{column[0]:g}" if len(column) == 1 else f"{column[0]:g} to {column[-1]:g}" for column in columns]


def monge(program, model, steps, repetitions):
    with tempfile.NamedTemporaryFile() as counts:
        command = [program, "bench", "model", "--device", "vulkan:0", "--model", model, "--prompt-tokens", "16", "--decode-tokens", str(steps),
                   "--repetitions", str(repetitions), "--json"]  # fmt: skip
        result = subprocess.run(command, env=os.environ | {"NULL_DEVICE_COUNTS": counts.name}, stdout=subprocess.PIPE, text=True)
        if result.returncode:
            raise HostError(f"monge ended with exit code {result.returncode}; its message is above")
        lines = [tuple(json.loads(line)[kind] for kind in KINDS) for line in Path(counts.name).read_text().splitlines()]
    report = json.loads(result.stdout)
    plain, steered = decode_counts(lines, steps)
    rows = [("Monge", report["decode"], plain), ("Monge, steered on all norms", report["decodeSteered"], steered)]
    return report, [
        (name, 1000 / rate["tokensPerSecond"], 1000 / rate["fastest"], spread(counts)) for name, rate, counts in rows
    ]  # fmt: skip


def ggml(python, model, layer, steps):
    result = subprocess.run(
        [python, Path(__file__).with_name("ggml_host.py"), model, layer, str(steps)], stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise HostError(f"ggml's part ended with exit code {result.returncode}; its message is above")
    found = json.loads(result.stdout.splitlines()[-1])
    return ("ggml", found["median"], found["fastest"], spread([[round(found[kind], 1) for kind in KINDS]]))


def located(model):
    """The file of a model that is named as monge names those of its cache."""
    if os.path.exists(model):
        return model
    cache = Path(os.environ.get("MONGE_MODELS") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monge")
    found = sorted(file for file in cache.glob("*.gguf") if file.name.lower().startswith(model.lower()))
    if not found:
        raise HostError(f"{model} is no file, and {cache} has none of that name; ggml needs a GGUF file")
    return str(found[0])


def main():
    parser = argparse.ArgumentParser(prog="tools/gpu-compilers FOLDER host", description=__doc__)
    parser.add_argument("--monge", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--layer", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--model", required=True, help="a GGUF file, or a name from the cache (smollm2)")
    parser.add_argument("--ggml", metavar="PYTHON", help="a Python 3.11 with PyPI's cyllama-vulkan")
    parser.add_argument("--tokens", type=int, default=300, help="tokens of each kind (default: 300)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each program, in turn (default: 3)")
    options = parser.parse_args()
    try:
        rows = []
        for _ in range(options.repetitions):
            report, own = monge(options.monge, options.model, options.tokens, 1)
            rows += own
            if options.ggml:
                rows.append(ggml(options.ggml, located(options.model), options.layer, options.tokens))
    except HostError as error:
        sys.exit(f"gpu-compilers: {error}")
    print(f"{report['device']}, {report['model']}, activations {report['activations']}, {options.tokens} tokens of each kind, runs in turn\n")
    print("| | ms a token: median of each run | fastest token | dispatches | barriers | copies | submissions |")
    print("|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == name]
        medians = ", ".join(f"{row[1]:.4f}" for row in own)
        print(f"| {name} | {medians} | {min(row[2] for row in own):.4f} | " + " | ".join(own[-1][3]) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
