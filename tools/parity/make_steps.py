"""Makes Tests/Fixtures/diffusion/sd1/steps.safetensors: activations at several steps of a schedule, and the maps fitted to them, by hooks.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_steps.py

On the small model of make_diffusion.py, in Float32. Each caption is drawn with guidance and without maps from the noise of a seed of its own; at
the captured steps the UNet runs once more, on the text alone, with hooks on all norms. `activations.<side>.<site>` F32 [captured steps ·
captions, channels] holds means over pixels or tokens, step by step and within one caption by caption; `<site>.omega` and `<site>.beta`
linear maps of all norms, estimated causally as the method defines it: the samples of a site with the maps of the sites before it in
place, by running the model anew for each site. Metadata: `source` and `target` (the captions), `captured` (the places of the steps),
`sites` (in the order in which they are come to).
"""

import torch
from diffusers import StableDiffusionPipeline

from fixtures import FIXTURES, save
from make_diffusion import NORMS, POSITIONS, Hooks, mapped, mean

torch.set_num_threads(1)
FOLDER = FIXTURES / "diffusion" / "sd1"
STEPS, CAPTURED, GUIDANCE, SEED = 6, 3, 5.0, 40
THINGS = ["cat", "house", "red cat", "small house", "hat", "two cats", "line", "top of a hat"]
SIDES = {"source": [f"a {thing}" for thing in THINGS], "target": [f"a line drawing of the {thing}" for thing in THINGS]}


def captured_inputs(pipe, captions):
    """(timestep, latents, text) at the captured steps."""
    ids = pipe.tokenizer(
        captions + [""], padding="max_length", max_length=POSITIONS, truncation=True, return_tensors="pt").input_ids  # fmt: skip
    text = pipe.text_encoder(ids).last_hidden_state
    text, plain = text[:-1], text[-1:].expand(len(captions), -1, -1)
    latents = torch.cat([torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(SEED + i)) for i in range(len(captions))])
    pipe.scheduler.set_timesteps(STEPS)
    places, inputs = [k * STEPS // CAPTURED for k in range(CAPTURED)], []
    for place, timestep in enumerate(pipe.scheduler.timesteps):
        if place in places:
            inputs.append((timestep, latents, text))
        without, with_text = (pipe.unet(latents, timestep, t).sample for t in (plain, text))
        latents = pipe.scheduler.step(without + GUIDANCE * (with_text - without), timestep, latents).prev_sample
    return inputs, places


@torch.no_grad()
def main() -> None:
    pipe = StableDiffusionPipeline.from_pretrained(FOLDER, torch_dtype=torch.float32)
    inputs, maps, order = {}, {}, []
    for side, captions in SIDES.items():
        inputs[side], places = captured_inputs(pipe, captions)

    def samples(side, sites):
        """Of some sites, with the maps that there are in place."""
        found = {site: [] for site in sites}

        def change(name, value):
            if name in found:
                found[name].append(mean(value))
            return mapped(value, maps[name], torch.ones(len(value)), "channelMean") if name in maps else None

        with Hooks({"unet": pipe.unet}, NORMS, change):
            for timestep, latents, text in inputs[side]:
                pipe.unet(latents, timestep, text)
        return {site: torch.cat(values) for site, values in found.items()}

    with Hooks({"unet": pipe.unet}, NORMS, lambda site, value: order.append(site)):
        timestep, latents, text = inputs["source"][0]
        pipe.unet(latents, timestep, text)
    tensors, everywhere = {}, torch.tensor(torch.inf)
    for side in SIDES:
        tensors |= {f"activations.{side}.{site}": value.numpy() for site, value in samples(side, order).items()}
    for site in order:
        a, b = (samples(side, [site])[site].double().sort(0).values for side in SIDES)
        a0, b0 = a - a.mean(0), b - b.mean(0)
        omega = (a0 * b0).sum(0) / (a0 * a0).sum(0)
        beta = b.mean(0) - omega * a.mean(0)
        maps[site] = {"omega": omega.float(), "beta": beta.float(), "low": -everywhere, "high": everywhere}
        tensors |= {f"{site}.{key}": maps[site][key].numpy() for key in ("omega", "beta")}
    save(FOLDER / "steps.safetensors", tensors, {**SIDES, "captured": places, "sites": order})


if __name__ == "__main__":
    main()
