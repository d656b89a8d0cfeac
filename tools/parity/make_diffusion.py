"""Makes Tests/Fixtures/diffusion: small text-to-image models with random weights, as diffusers saves them, and what diffusers makes of them.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_diffusion.py

A folder each: `sd1` (Stable Diffusion 1: epsilon, projections by convolution, quick GELU), `sd2` (Stable Diffusion 2: v-prediction with
zero-terminal SNR, linear projections, heads by level, GELU; weights as variant fp16), `sdxl` (two text encoders, pooled text and sizes,
deeper transformers; the UNet's weights in shards), `pooled` (the text pooled by attention into the timestep's embedding; latents of
odd size) and `taesd` (AutoencoderTiny). Weights are f16. `reference.safetensors` beside each (F32, channels last) holds, computed in
Float64 from the same weights (text encoders in Float32):

`tokens` of the prompts; `<encoder>.last`, `.penultimate`, `.projected`; `unet.latents`, `.timestep`, `.text`, `.pooled`, `.sizes`,
`.output`; `pooled.<site>`, means over pixels or tokens of what modules return, in the order of `sites`; `<mode>.output`, the UNet's
output when hooks change all norms by the maps `<site>.omega`, `.beta`, `.low`, `.high` with the strength of each image in `strengths`;
`vae.picture`, `.latents`, `vae.code`, `.decoded`; and in Float32 from the pipeline itself `pipeline.start`, `.latents`, `.picture`. For
`sdxl` also `fit.activations.<site>`, `.omega.<site>` and `.beta.<site>`: means and linear maps of all norms, estimated causally as the method
defines it, by running the model once for each site with the maps of the earlier sites in place, and `fit.untouched.*`, the same of the
untouched model.
"""

import json
import re
import shutil

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from fixtures import FIXTURES, save

torch.set_num_threads(1)
FOLDER = FIXTURES / "diffusion"
POSITIONS = 16
PROMPTS = ["a line drawing of a cat", "A small red house!", "two cats with a heart on top of the house"]
NEGATIVE = "blurred"
STEPS, GUIDANCE = 4, 5.0


def make_tokenizer(folder):
    """Bytes, a few merges and the two marks, in the files of CLIP's tokenizer."""
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ["a t</w>", "c at</w>", "o u", "h ou", "i n", "d r", "a w", "dr aw", "l in", "t h", "th e</w>", "r e", "re d</w>"]
    vocabulary = alphabet + [a + "</w>" for a in alphabet] + [m.replace(" ", "") for m in merges]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=POSITIONS, pad_token="<|endoftext|>",
        unk_token="<|endoftext|>")  # fmt: skip


def stir(model):
    """Numbers that f16 has, with gains and biases that matter."""
    for name, p in model.named_parameters():
        noise = torch.randn_like(p)
        p.data = (p.data + (0.2 if p.ndim == 1 else 0.3 * p.data.std()) * noise).half().float()
    return model.eval()


def make_encoder(kind, tokenizer, hidden, activation, layers=3, eos=None):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=3 * hidden, projection_dim=hidden,
        num_hidden_layers=layers, num_attention_heads=2, max_position_embeddings=POSITIONS, hidden_act=activation,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=eos or tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    model = kind(config)
    for name, p in model.named_parameters():
        if "embedding" in name:
            p.data *= 20
    return stir(model)


def last(x: torch.Tensor) -> torch.Tensor:
    """Channels last."""
    return x.permute(0, 2, 3, 1) if x.ndim == 4 else x


def numpy(x: torch.Tensor) -> np.ndarray:
    return last(x).float().numpy()


# Modules of a UNet whose results are sites, and of a text encoder.
SITES = re.compile(
    r".*(norm|norm[123]|conv_norm_out|resnets\.\d+|attentions\.\d+|transformer_blocks\.\d+|attn[12]|ff|samplers\.0|mid_block"
    r"|up_blocks\.\d+|down_blocks\.\d+|conv_in|conv_out|embeddings|layer_norm[12]|out_proj|fc2|layers\.\d+|final_layer_norm)")  # fmt: skip
NORMS = re.compile(r".*(norm[123]?|conv_norm_out)")


class Hooks:
    """Watches and changes what modules return. `change(site, value)` returns the new value or None."""

    def __init__(self, models: dict, pattern, change):
        self.handles = []
        for top, model in models.items():
            for name, module in model.named_modules():
                if name and pattern.fullmatch(name):
                    self.handles.append(module.register_forward_hook(self.hook(f"{top}.{name}", change)))

    def hook(self, name, change):
        def run(module, inputs, value):
            if isinstance(value, tuple):
                changed = change(f"{name}:0" if name.split(".")[-2] == "down_blocks" else name, value[0])
                return None if changed is None else (changed,) + value[1:]
            return change(name, value)

        return run

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for handle in self.handles:
            handle.remove()


def mean(x: torch.Tensor) -> torch.Tensor:
    """Over pixels or tokens."""
    x = last(x)
    return x.reshape(x.shape[0], -1, x.shape[-1]).mean(1)


def mapped(y, m, strengths, mode):
    """Section 2 of Rodríguez et al. for tokens; for pixels the same rule on each element, or on a channel's mean."""
    x = last(y)
    strength = strengths.reshape([-1] + [1] * (x.ndim - 1))
    z = x.mean(dim=(1, 2), keepdim=True) if mode == "channelMean" and x.ndim == 4 else x
    x = x + torch.where((m["low"] < z) & (z < m["high"]), strength * (m["omega"] * z + m["beta"] - z), 0)
    return x.permute(0, 3, 1, 2) if y.ndim == 4 else x


def components(pipe):
    return [(n, getattr(pipe, n)) for n in ("text_encoder", "text_encoder_2") if getattr(pipe, n, None) is not None]


def reference(pipe, name, latent_size):
    unet, generator = pipe.unet.double(), torch.Generator().manual_seed(3)

    def random(*shape):
        return torch.randn(*shape, generator=generator).double()

    tensors, order = {}, []
    ids = pipe.tokenizer(PROMPTS, padding="max_length", max_length=POSITIONS, truncation=True, return_tensors="pt").input_ids
    tensors["tokens"] = ids.int().numpy()

    def watch(site, value):
        order.append(site)
        tensors[f"pooled.{site}"] = mean(value).float().numpy()

    with torch.no_grad(), Hooks(dict(components(pipe)), SITES, watch):
        for label, encoder in components(pipe):
            # In Float32: transformers' mask overflows in Float64.
            out = encoder.float()(ids, output_hidden_states=True)
            tensors[f"{label}.last"] = numpy(out.last_hidden_state)
            tensors[f"{label}.penultimate"] = numpy(out.hidden_states[-2])
            if hasattr(out, "text_embeds"):
                tensors[f"{label}.projected"] = numpy(out.text_embeds)
    images, (height, width) = 3, latent_size
    latents = random(images, 4, height, width)
    text = random(images, POSITIONS, unet.config.cross_attention_dim)
    timestep, added = 801, None
    tensors |= {"unet.latents": numpy(latents), "unet.timestep": np.float32([timestep]), "unet.text": numpy(text)}
    if unet.config.addition_embed_type == "text_time":
        pooled, sizes = random(images, pipe.text_encoder_2.config.projection_dim), torch.tensor([[64, 48, 0, 8, 64, 64]] * images)
        added = {"text_embeds": pooled, "time_ids": sizes.double()}
        tensors |= {"unet.pooled": numpy(pooled), "unet.sizes": sizes.float().numpy()}

    def run():
        with torch.no_grad():
            return unet(latents, timestep, text, added_cond_kwargs=added).sample

    values = {}
    with Hooks({"unet": unet}, SITES, lambda site, value: (watch(site, value), values.__setitem__(site, value))[0]):
        tensors["unet.output"] = numpy(run())
    maps = {}
    for site, value in values.items():
        if not NORMS.fullmatch(site):
            continue
        flat = last(value).reshape(-1, last(value).shape[-1])
        channels = flat.shape[-1]
        omega, beta = 1 + 0.3 * random(channels), 0.3 * random(channels)
        # Most of what is there lies within, some means and elements do not.
        low, high = flat.mean(0) - 0.7 * flat.std(0), flat.mean(0) + 1.1 * flat.std(0)
        low[::4], high[::4] = -torch.inf, torch.inf
        maps[site] = {k: v.float().double() for k, v in {"omega": omega, "beta": beta, "low": low, "high": high}.items()}
        tensors |= {f"{site}.{key}": value.float().numpy() for key, value in maps[site].items()}
    strengths = torch.tensor([1.0, 0.5, 0.0]).double()
    tensors["strengths"] = strengths.float().numpy()
    for mode in ["pointwise", "channelMean"]:
        with Hooks({"unet": unet}, NORMS, lambda site, value: mapped(value, maps[site], strengths, mode)):
            tensors[f"{mode}.output"] = numpy(run())

    vae = pipe.vae.double()
    picture = random(2, 3, 16, 24).tanh()
    code = random(2, 4, 6, 5)
    with torch.no_grad():
        tensors |= {"vae.picture": numpy(picture), "vae.latents": numpy(vae.encode(picture).latent_dist.mode() * vae.config.scaling_factor)}
        tensors |= {"vae.code": numpy(code), "vae.decoded": numpy(vae.decode(code / vae.config.scaling_factor).sample)}

    if name == "sdxl":
        tensors |= causal_fit(pipe, unet, generator)

    # The pipeline in f32, from noise of one seed a picture.
    pipe = pipe.to(torch.float32)
    height, width = 8, 12
    noise = torch.stack([torch.randn(4, height, width, generator=torch.Generator().manual_seed(7 + i)) for i in range(3)])
    tensors["pipeline.start"] = numpy(noise)
    size = {"height": height * 2, "width": width * 2}
    kwargs = {"prompt": PROMPTS, "negative_prompt": [NEGATIVE] * 3, "num_inference_steps": STEPS, "guidance_scale": GUIDANCE, **size}
    pipe.set_progress_bar_config(disable=True)
    tensors["pipeline.latents"] = numpy(pipe(**kwargs, latents=noise.clone(), output_type="latent").images)
    tensors["pipeline.picture"] = pipe(**kwargs, latents=noise.clone(), output_type="np").images.astype(np.float32)
    save(FOLDER / name / "reference.safetensors", tensors, {"sites": order})


CAPTIONS = 16


def linear_map(z, count):
    """Slopes and shifts from the first `count` pooled activations to the others (Rodríguez et al. 2025, definition 3.1)."""
    a, b = z[:count].sort(0).values, z[count:].sort(0).values
    a0, b0 = a - a.mean(0), b - b.mean(0)
    omega = (a0 * b0).sum(0) / (a0 * a0).sum(0)
    return omega, b.mean(0) - omega * a.mean(0)


def fitted(prefix, pooled, count):
    """Pooled activations of sites, and the linear maps that they give."""
    tensors = {}
    for site, z in pooled.items():
        parts = (z, *linear_map(z, count))
        tensors |= {f"{prefix}.{key}.{site}": part.float().numpy() for key, part in zip(("activations", "omega", "beta"), parts)}
    return tensors


def causal_fit(pipe, unet, generator):
    """Linear maps of every norm, causally: site k is captured with the maps of the sites before it in place, for both sides."""
    width = unet.config.cross_attention_dim
    images = 2 * CAPTIONS
    text = torch.randn(images, POSITIONS, width, generator=generator).double()
    text[CAPTIONS:] = 1.3 * text[CAPTIONS:] + 0.4
    latents = torch.randn(images, 4, 8, 8, generator=generator).double()
    pooled = torch.randn(images, pipe.text_encoder_2.config.projection_dim, generator=generator).double()
    sizes = torch.tensor([[16, 16, 0, 0, 16, 16]] * images).double()
    text, latents, pooled = (x.float().double() for x in (text, latents, pooled))
    tensors = {"fit.text": numpy(text), "fit.latents": numpy(latents), "fit.pooled": numpy(pooled), "fit.sizes": numpy(sizes)}
    ones, everywhere, maps = torch.ones(images).double(), torch.tensor(torch.inf).double(), {}

    def run(change):
        with torch.no_grad(), Hooks({"unet": unet}, NORMS, change):
            unet(latents, 999, text, added_cond_kwargs={"text_embeds": pooled, "time_ids": sizes})

    untouched = {}
    run(lambda site, value: untouched.update({site: mean(value)}))
    tensors |= fitted("fit.untouched", untouched, CAPTIONS)
    for site in untouched:
        captured = {}

        def change(name, value):
            if name == site:
                captured[site] = mean(value)
            return mapped(value, maps[name], ones, "channelMean") if name in maps else None

        run(change)
        omega, beta = linear_map(captured[site], CAPTIONS)
        maps[site] = {"omega": omega, "beta": beta, "low": -everywhere, "high": everywhere}
        tensors |= fitted("fit", captured, CAPTIONS)
    return tensors


def make(name, make_unet, make_encoders, scheduler, attends=True, latent_size=(8, 8), **saving):
    torch.manual_seed(8)
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = make_tokenizer(folder / "tokenizer")
    encoders = make_encoders(tokenizer)
    unet = stir(UNet2DConditionModel(in_channels=4, out_channels=4, norm_num_groups=4, **make_unet))
    vae = stir(
        AutoencoderKL(
            block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=2, latent_channels=4, layers_per_block=1, sample_size=16, mid_block_add_attention=attends))  # fmt: skip
    if len(encoders) == 2:
        pipe = StableDiffusionXLPipeline(
            vae, *encoders, tokenizer, make_tokenizer(folder / "tokenizer_2"), unet, scheduler, add_watermarker=False)  # fmt: skip
    else:
        pipe = StableDiffusionPipeline(vae, encoders[0], tokenizer, unet, scheduler, None, None, requires_safety_checker=False)
    pipe.to(torch.float16).save_pretrained(folder, **saving)
    for extra in folder.rglob("special_tokens_map.json"):
        extra.unlink()
    reference(pipe.to(torch.float32), name, latent_size)


def make_taesd():
    torch.manual_seed(8)
    folder = FOLDER / "taesd"
    shutil.rmtree(folder, ignore_errors=True)
    model = stir(
        AutoencoderTiny(
            encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 2), num_decoder_blocks=(2, 1)))  # fmt: skip
    model.half().save_pretrained(folder)
    model = model.double()
    picture, code = torch.randn(2, 3, 12, 8).double().tanh(), 2 * torch.randn(2, 4, 5, 3).double()
    with torch.no_grad():
        tensors = {"picture": numpy(picture), "latents": numpy(model.encode(picture).latents)}
        tensors |= {"code": numpy(code), "decoded": numpy(model.decode(code).sample)}
    save(folder / "reference.safetensors", tensors)


def main() -> None:
    down, attending = ["CrossAttnDownBlock2D", "DownBlock2D"], ["UpBlock2D", "CrossAttnUpBlock2D"]
    ddim = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "clip_sample": False}
    make(
        "sd1",
        dict(block_out_channels=(8, 16), down_block_types=down, up_block_types=attending, layers_per_block=2, cross_attention_dim=12,
             attention_head_dim=2, sample_size=8),
        lambda t: [make_encoder(CLIPTextModel, t, 12, "quick_gelu", eos=2)],
        DDIMScheduler(**ddim, set_alpha_to_one=False, steps_offset=1))  # fmt: skip
    make(
        "sd2",
        dict(block_out_channels=(8, 16), down_block_types=down, up_block_types=attending, layers_per_block=1, cross_attention_dim=12,
             attention_head_dim=[2, 4], use_linear_projection=True, sample_size=8),
        lambda t: [make_encoder(CLIPTextModel, t, 12, "gelu")],
        DDIMScheduler(**ddim, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"),
        variant="fp16")  # fmt: skip
    make(
        "sdxl",
        dict(block_out_channels=(8, 8, 16), down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
             up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], layers_per_block=1, cross_attention_dim=20,
             attention_head_dim=[2, 2, 4], transformer_layers_per_block=[1, 1, 2], use_linear_projection=True, sample_size=8,
             addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=12 + 6 * 4),
        lambda t: [make_encoder(CLIPTextModel, t, 8, "quick_gelu", layers=2),
                   make_encoder(CLIPTextModelWithProjection, t, 12, "gelu", layers=2)],
        EulerDiscreteScheduler(**{k: v for k, v in ddim.items() if k != "clip_sample"}, steps_offset=1, timestep_spacing="leading"),
        max_shard_size="120KB")  # fmt: skip
    make(
        "pooled",
        dict(block_out_channels=(8, 16), down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
             up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"], layers_per_block=1, cross_attention_dim=12, attention_head_dim=2,
             addition_embed_type="text", addition_embed_type_num_heads=3, sample_size=8),
        lambda t: [make_encoder(CLIPTextModel, t, 12, "quick_gelu")],
        DDIMScheduler(**ddim, timestep_spacing="trailing"), attends=False, latent_size=(7, 5))  # fmt: skip
    make_taesd()


if __name__ == "__main__":
    main()
