"""Makes Tests/Fixtures/diffusion/flux-dev and flux-schnell: small FLUX models with random weights, as diffusers saves them, and what diffusers makes
of them.

    .venv/bin/python tools/parity/make_flux.py

`flux-dev` takes the scale of guidance and has tokenizer.json for T5, `flux-schnell` does without and has spiece.model; the tokenizers of T5 are
those of make_t5_tokenizer.py. Weights are f16. `reference.safetensors` (F32, channels last) holds, computed in Float64 from the same weights
(text encoders in Float32):

`tokens` and `tokens_2` of the prompts; `text_encoder.pooled`, `text_encoder_2.last`; `transformer.latents`, `.timestep`, `.guidance`, `.text`,
`.pooled`, `.output`; `pooled.<site>`, means over tokens of what blocks return, in the order of `sites`; `pointwise.output`, the output when hooks
change all blocks' results by the maps `<site>.omega`, `.beta`, `.low`, `.high` with the strength of each image in `strengths`; `fit.latents`, `.text`,
`.pooled`, and of the untouched model run with them `fit.untouched.activations.<site>`, `.omega.<site>` and `.beta.<site>`, means over tokens and
the linear maps from the first half of the images to the second; and in Float32 from the pipeline itself `pipeline.start`, `.latents`, `.picture`.
"""

import shutil

import numpy as np
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from transformers import CLIPTextModel, T5Config, T5EncoderModel, T5TokenizerFast

from fixtures import FIXTURES, save
from make_diffusion import CAPTIONS, FOLDER, PROMPTS, STEPS, fitted, make_encoder, make_tokenizer, mapped, mean, numpy, stir

TOKENS = 24
GUIDANCE = 3.5


def hook(models: dict, change):
    """Watches and changes each element of what blocks return. `change(site, value)` returns the new value or None."""
    handles = []
    for top, model in models.items():
        for name, module in model.named_modules():
            if name.split(".")[0] in ("transformer_blocks", "single_transformer_blocks") and name.count(".") == 1:

                def run(module, inputs, value, name=f"{top}.{name}"):
                    changed = [change(f"{name}:{i}", element) for i, element in enumerate(value)]
                    return tuple(old if new is None else new for old, new in zip(value, changed))

                handles.append(module.register_forward_hook(run))
    return handles


def reference(pipe, name):
    generator = torch.Generator().manual_seed(3)
    tensors, order, values = {}, [], {}

    def random(*shape):
        return torch.randn(*shape, generator=generator).double()

    ids = pipe.tokenizer(PROMPTS, padding="max_length", truncation=True, return_tensors="pt").input_ids
    ids_2 = pipe.tokenizer_2(PROMPTS, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").input_ids
    tensors |= {"tokens": ids.int().numpy(), "tokens_2": ids_2.int().numpy()}
    with torch.no_grad():
        tensors["text_encoder.pooled"] = numpy(pipe.text_encoder.float()(ids).pooler_output)
        tensors["text_encoder_2.last"] = numpy(pipe.text_encoder_2.float()(ids_2)[0])

    transformer = pipe.transformer.double()
    images, height, width = 3, 6, 4
    latents = random(images, 4, height, width)
    text, pooled = random(images, 7, transformer.config.joint_attention_dim), random(images, transformer.config.pooled_projection_dim)
    text, pooled = text.float().double(), pooled.float().double()
    latents = latents.float().double()
    timestep, guidance = 801.0, 2.5
    tensors |= {"transformer.latents": numpy(latents), "transformer.text": numpy(text), "transformer.pooled": numpy(pooled)}
    tensors |= {"transformer.timestep": np.float32([timestep]), "transformer.guidance": np.float32([guidance])}

    def run(latents=latents, text=text, pooled=pooled):
        images = len(latents)
        packed = FluxPipeline._pack_latents(latents, images, 4, height, width)
        places = FluxPipeline._prepare_latent_image_ids(images, height // 2, width // 2, "cpu", torch.float64)
        scale = torch.full([images], guidance).double() if transformer.config.guidance_embeds else None
        with torch.no_grad():
            output = transformer(
                hidden_states=packed, timestep=torch.full([images], timestep / 1000).double(), guidance=scale, pooled_projections=pooled,
                encoder_hidden_states=text, txt_ids=torch.zeros(text.shape[1], 3).double(), img_ids=places).sample  # fmt: skip
        return numpy(FluxPipeline._unpack_latents(output, height * 8, width * 8, 8))

    def watch(site, value):
        order.append(site)
        values[site] = value
        tensors[f"pooled.{site}"] = mean(value).float().numpy()

    handles = hook({"transformer": transformer}, watch)
    tensors["transformer.output"] = run()
    for handle in handles:
        handle.remove()
    maps = {}
    for site, value in values.items():
        flat = value.reshape(-1, value.shape[-1])
        low, high = flat.mean(0) - 0.7 * flat.std(0), flat.mean(0) + 1.1 * flat.std(0)
        low[::4], high[::4] = -torch.inf, torch.inf
        channels = flat.shape[-1]
        parts = {"omega": 1 + 0.3 * random(channels), "beta": 0.3 * random(channels), "low": low, "high": high}
        maps[site] = {key: part.float().double() for key, part in parts.items()}
        tensors |= {f"{site}.{key}": part.float().numpy() for key, part in maps[site].items()}
    strengths = torch.tensor([1.0, 0.5, 0.0]).double()
    tensors["strengths"] = strengths.float().numpy()
    handles = hook({"transformer": transformer}, lambda site, value: mapped(value, maps[site], strengths, "pointwise"))
    tensors["pointwise.output"] = run()
    for handle in handles:
        handle.remove()

    count = 2 * CAPTIONS
    inputs = {"latents": random(count, 4, height, width), "text": random(count, *text.shape[1:]), "pooled": random(count, *pooled.shape[1:])}
    inputs["text"][CAPTIONS:] = 1.3 * inputs["text"][CAPTIONS:] + 0.4
    inputs = {key: value.float().double() for key, value in inputs.items()}
    untouched = {}
    handles = hook({"transformer": transformer}, lambda site, value: untouched.update({site: mean(value)}))
    run(**inputs)
    for handle in handles:
        handle.remove()
    tensors |= {f"fit.{key}": numpy(value) for key, value in inputs.items()} | fitted("fit.untouched", untouched, CAPTIONS)

    pipe = pipe.to(torch.float32)
    height, width = 8, 12
    noise = torch.stack([torch.randn(4, height, width, generator=torch.Generator().manual_seed(7 + i)) for i in range(3)])
    tensors["pipeline.start"] = numpy(noise)
    packed = FluxPipeline._pack_latents(noise, 3, 4, height, width)
    scale = pipe.vae_scale_factor
    kwargs = {"prompt": PROMPTS, "num_inference_steps": STEPS, "guidance_scale": GUIDANCE, "height": height * scale, "width": width * scale,
              "max_sequence_length": 512 if transformer.config.guidance_embeds else 256}
    pipe.set_progress_bar_config(disable=True)
    result = pipe(**kwargs, latents=packed.clone(), output_type="latent").images
    tensors["pipeline.latents"] = numpy(FluxPipeline._unpack_latents(result, height * scale, width * scale, scale))
    tensors["pipeline.picture"] = pipe(**kwargs, latents=packed.clone(), output_type="np").images.astype(np.float32)
    save(FOLDER / name / "reference.safetensors", tensors, {"sites": order})


def make(name, takes_guidance, scheduler):
    torch.manual_seed(8)
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = make_tokenizer(folder / "tokenizer")
    source = FIXTURES / "tokenizer" / "t5"
    tokenizer_2 = T5TokenizerFast(tokenizer_file=str(source / "tokenizer.json"))
    transformer = stir(
        FluxTransformer2DModel(
            in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=12,
            pooled_projection_dim=12, guidance_embeds=takes_guidance, axes_dims_rope=(2, 2, 4)))  # fmt: skip
    encoder = T5EncoderModel(
        T5Config(vocab_size=len(tokenizer_2) + 2, d_model=12, d_kv=4, d_ff=20, num_layers=2, num_heads=2, relative_attention_num_buckets=8,
                 relative_attention_max_distance=12, feed_forward_proj="gated-gelu"))  # fmt: skip
    for parameter in encoder.parameters():
        if parameter.ndim == 2:
            parameter.data = torch.randn_like(parameter) * parameter.shape[1] ** -0.5
    encoder.shared.weight.data *= 4
    encoder.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight.data *= 2
    vae = stir(
        AutoencoderKL(
            block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=2, latent_channels=4, layers_per_block=1, sample_size=16, scaling_factor=0.3611, shift_factor=0.1159,
            use_quant_conv=False, use_post_quant_conv=False, force_upcast=False))  # fmt: skip
    pipe = FluxPipeline(
        scheduler, vae, make_encoder(CLIPTextModel, tokenizer, 12, "quick_gelu", layers=2), tokenizer, stir(encoder), tokenizer_2, transformer)
    pipe.to(torch.float16).save_pretrained(folder)
    for extra in folder.rglob("special_tokens_map.json"):
        extra.unlink()
    for file in (folder / "tokenizer_2").iterdir():
        file.unlink()
    shutil.copy(source / ("tokenizer.json" if takes_guidance else "spiece.model"), folder / "tokenizer_2")
    reference(pipe.to(torch.float32), name)


def main() -> None:
    make("flux-dev", True, FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True))
    make("flux-schnell", False, FlowMatchEulerDiscreteScheduler(shift=1.0))


if __name__ == "__main__":
    main()
