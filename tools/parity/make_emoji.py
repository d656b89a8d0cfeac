"""Makes reference.safetensors and reference.png of Tests/Fixtures/emoji: what diffusers draws with the model beside them.

    .venv/bin/python tools/parity/make_emoji.py

Twenty of the prompts that the model is judged by, ten plain and ten with a heart, 20 steps with guidance 4, the noise of seed 100 + i for prompt
i, in Float32. `latents` [20, height, width, channels] F32 as they are decoded, the texts as the metadata's `prompts`, and the pictures one
below the other.
"""

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from fixtures import FIXTURES, save

FOLDER = FIXTURES / "emoji"
STEPS, GUIDANCE, SEED, EACH = 20, 4.0, 100, 10


def main() -> None:
    torch.set_num_threads(1)
    prompts = [line for kind in ("plain", "heart") for line in (FOLDER / "captions" / f"draw-{kind}.txt").read_text().splitlines()[:EACH]]
    pipe = StableDiffusionPipeline.from_pretrained(FOLDER / "model", torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    latents, pictures = [], []
    for index, prompt in enumerate(prompts):
        generator = torch.Generator().manual_seed(SEED + index)
        result = pipe(prompt, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=generator, output_type="latent").images
        with torch.no_grad():
            decoded = pipe.vae.decode(result / pipe.vae.config.scaling_factor).sample
        latents.append(result[0].permute(1, 2, 0).numpy())
        pixels = (decoded[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1) * 255
        pictures.append(pixels.round().numpy().astype(np.uint8))
    save(FOLDER / "reference.safetensors", {"latents": np.stack(latents)}, {"prompts": prompts})
    Image.fromarray(np.concatenate(pictures)).save(FOLDER / "reference.png", optimize=True)


if __name__ == "__main__":
    main()
