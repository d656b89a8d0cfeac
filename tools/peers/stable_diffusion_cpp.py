"""stable-diffusion.cpp by cyllama: prints the seconds of each step of drawing as JSON (tools/bench-pictures)."""

import argparse
import json
import os
import sys
import time

# ggml prints to standard output, which is kept for the result.
result = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from importlib.metadata import PackageNotFoundError, version  # noqa: E402

import cyllama.sd as sd  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--guidance", type=float, required=True)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    log, times = [], []
    sd.set_log_callback(lambda level, text: log.append(text))
    sd.set_progress_callback(lambda step, steps, seconds: times.append((step, steps, time.perf_counter())))
    parameters = sd.SDContextParams(model_path=options.model)
    parameters.n_threads = options.threads
    context = sd.SDContext(parameters)
    times.clear()
    context.generate(
        "a picture of a banana", width=options.width, height=options.height, seed=0, sample_steps=options.steps, cfg_scale=options.guidance,
        sample_method=sd.SampleMethod.EULER)
    print("".join(log)[-3000:], file=sys.stderr)
    steps = [(step, when) for step, count, when in times if count == options.steps]
    seconds = [b[1] - a[1] for a, b in zip(steps, steps[1:]) if b[0] == a[0] + 1]
    package = next(name for name in ("cyllama", "cyllama-vulkan") if installed(name))
    print(json.dumps({"name": f"stable-diffusion.cpp of {package} {version(package)}, {options.threads} threads", "seconds": seconds}), file=result, flush=True)


def installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
