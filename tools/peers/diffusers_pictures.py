"""PyTorch with diffusers on the CPU: prints the seconds of each step of drawing as JSON (tools/bench-pictures)."""

import argparse
import json
import time

import diffusers
import torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--guidance", type=float, required=True)
    parser.add_argument("--width", type=int)
    parser.add_argument("--height", type=int)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pipe = diffusers.DiffusionPipeline.from_pretrained(options.model, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    seconds, last = [], time.perf_counter()

    def done(pipe, step, timestep, values):
        nonlocal last
        now = time.perf_counter()
        # The first step has the text and the first use of everything before it.
        if step > 0:
            seconds.append(now - last)
        last = now
        return values

    pipe("a picture of a banana", num_inference_steps=options.steps, guidance_scale=options.guidance, width=options.width, height=options.height,
         output_type="latent", callback_on_step_end=done, generator=torch.Generator().manual_seed(0))  # fmt: skip
    name = f"diffusers {diffusers.__version__}, PyTorch {torch.__version__.split('+')[0]}, {options.threads} threads"
    print(json.dumps({"name": name, "seconds": seconds}))


if __name__ == "__main__":
    main()
