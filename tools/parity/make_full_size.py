"""Makes a text-to-image model of the full size with random weights, and what diffusers makes of one step: for the test and the commands that need
the size, not the picture.

    .venv/bin/python tools/parity/make_full_size.py sdxl /tmp/sdxl
    .venv/bin/python tools/parity/make_full_size.py flux /tmp/flux
    .venv/bin/python tools/parity/make_full_size.py decoder /tmp/decoder
    .venv/bin/python tools/parity/make_full_size.py sdxl /tmp/sdxl --hollow
    MONGE_FULL_SIZE=/tmp/sdxl:/tmp/flux swift test -c release --filter FullSizeTests

`sdxl` is SDXL base as published (7 GB in f16). `flux` is FLUX.1 dev with its full width and its whole encoders, cut to 4 blocks of two streams and
4 of one (14 GB). `decoder` is the emoji model with the autoencoder of Stable Diffusion, whose decoding of large pictures is what takes memory then. Weights are written a shard of at most 2 GB at a time. `reference.safetensors` (F32, channels last) holds `latents`, `timestep`,
`text`, `pooled`, `sizes` or `guidance`, and `output`: the network in Float32, each module's weights widened from f16 while it runs, so that the
whole takes little more than the weights in f16.

--hollow makes files of zeros that take no room on the disk, and no reference: for what depends on shapes alone, as the work of the host for each
step.
"""

import argparse
import json
import math
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from fixtures import FIXTURES

SHARD_BYTES = 2 << 30
SIDE = 64

CLIP_L = dict(
    vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, hidden_act="quick_gelu",
    projection_dim=768, eos_token_id=2)
CLIP_G = dict(
    vocab_size=49408, hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, hidden_act="gelu",
    projection_dim=1280, eos_token_id=2)
T5_XXL = dict(
    vocab_size=32128, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64, feed_forward_proj="gated-gelu",
    relative_attention_num_buckets=32, relative_attention_max_distance=128, tie_word_embeddings=False)
UNET = dict(
    sample_size=128, in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280), layers_per_block=2,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
    attention_head_dim=(5, 10, 20), cross_attention_dim=2048, use_linear_projection=True, addition_embed_type="text_time",
    addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816)
FLUX = dict(
    in_channels=64, num_layers=4, num_single_layers=4, attention_head_dim=128, num_attention_heads=24, joint_attention_dim=4096,
    pooled_projection_dim=768, guidance_embeds=True, axes_dims_rope=(16, 56, 56))


def vae(latents: int, scale: float, shift: float | None) -> dict:
    return dict(
        block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2, latent_channels=latents, scaling_factor=scale, shift_factor=shift, force_upcast=True, sample_size=1024,
        use_quant_conv=latents == 4, use_post_quant_conv=latents == 4)


def on_meta(make):
    with torch.device("meta"):
        return make()


def numbers(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Of a size that keeps activations in range through all layers."""
    if len(shape) == 1:
        values = torch.randn(shape, generator=generator) * 0.02
        return values + 1 if name.endswith("weight") or name.endswith("scale") else values
    fan_in = math.prod(shape[1:])
    scale = 1 if "embed" in name and len(shape) == 2 and "embedder" not in name and "embedding.linear" not in name else fan_in ** -0.5
    return torch.randn(shape, generator=generator) * 0.8 * scale


def save_hollow(tensors: dict[str, torch.Size], path: Path) -> None:
    """A safetensors file of zeros in f16: its header, and a hole."""
    header, end = {}, 0
    for name, shape in tensors.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def write(model, folder: Path, stem: str, seed: int, is_hollow: bool = False) -> None:
    """The configuration and random weights of a model that has none."""
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(model, "save_config"):
        model.save_config(folder)
    else:
        model.config.save_pretrained(folder)
    if is_hollow:
        shapes = {name: value.shape for name, value in sorted(model.state_dict().items()) if not name.endswith("position_ids")}
        return save_hollow(shapes, folder / f"{stem}.safetensors")
    generator = torch.Generator().manual_seed(seed)
    shards, size, whole = [{}], 0, 0
    files = []

    def flush():
        files.append(folder / f"{stem}-{len(files) + 1:05}.safetensors")
        save_file(shards[-1], files[-1])

    places = {}
    for name, parameter in sorted(model.state_dict().items()):
        if name.endswith("position_ids"):
            continue
        values = numbers(name, parameter.shape, generator).half()
        if size + values.nbytes > SHARD_BYTES and shards[-1]:
            flush()
            shards[-1], size = {}, 0
        shards[-1][name] = values
        places[name] = len(files)
        size += values.nbytes
        whole += values.nbytes
    flush()
    if len(files) == 1:
        files[0].rename(folder / f"{stem}.safetensors")
    else:
        names = [f"{stem}-{i + 1:05}-of-{len(files):05}.safetensors" for i in range(len(files))]
        for file, new in zip(files, names):
            file.rename(folder / new)
        index = {"metadata": {"total_size": whole}, "weight_map": {name: names[place] for name, place in places.items()}}
        (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index))
    print(f"{folder.name}: {whole / 1e9:.2f} GB in {len(files)} files", flush=True)


def load(make, folder: Path, stem: str):
    """The model with the weights of its files, in f16."""
    model = on_meta(make)
    state = {}
    for file in sorted(folder.glob(f"{stem}*.safetensors")):
        state |= load_file(file)
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


def widen(model) -> None:
    """Has the parameters of each module in f32 while it runs, and only then."""
    for module in model.modules():
        own = dict(module.named_parameters(recurse=False))
        if not own:
            continue

        def before(module, inputs, own=own):
            for name, parameter in own.items():
                module._parameters[name] = torch.nn.Parameter(parameter.float(), requires_grad=False)

        def after(module, inputs, output, own=own):
            for name, parameter in own.items():
                module._parameters[name] = parameter

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)
    # What asks for the type of the whole is told the type of activations.
    type(model).dtype = property(lambda self: torch.float32)


def save_reference(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file({name: value.float().contiguous() for name, value in tensors.items()}, folder / "reference.safetensors")


def write_model(folder: Path, small: str, components: dict, is_hollow: bool) -> None:
    """The components, and around them what the small model of the same kind has."""
    for seed, (name, make) in enumerate(components.items(), 1):
        write(on_meta(make), folder / name, "model" if name.startswith("text_encoder") else "diffusion_pytorch_model", seed, is_hollow)
    for name in ("tokenizer", "tokenizer_2", "scheduler"):
        shutil.copytree(FIXTURES / "diffusion" / small / name, folder / name, dirs_exist_ok=True)
    shutil.copy(FIXTURES / "diffusion" / small / "model_index.json", folder)


def make_sdxl(folder: Path, is_hollow: bool) -> None:
    write_model(folder, "sdxl", {
        "text_encoder": lambda: CLIPTextModel(CLIPTextConfig(**CLIP_L)),
        "text_encoder_2": lambda: CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_G)),
        "unet": lambda: UNet2DConditionModel(**UNET),
        "vae": lambda: AutoencoderKL(**vae(4, 0.13025, None))}, is_hollow)
    if is_hollow:
        return
    unet = load(lambda: UNet2DConditionModel(**UNET), folder / "unet", "diffusion_pytorch_model")
    widen(unet)
    generator = torch.Generator().manual_seed(7)
    latents = torch.randn(1, 4, SIDE, SIDE, generator=generator)
    text = torch.randn(1, 77, 2048, generator=generator)
    pooled = torch.randn(1, 1280, generator=generator)
    sizes = torch.tensor([[512.0, 512, 0, 0, 512, 512]])
    timestep = 601.0
    with torch.no_grad():
        output = unet(
            latents, timestep, encoder_hidden_states=text, added_cond_kwargs={"text_embeds": pooled, "time_ids": sizes}).sample
    save_reference(
        folder, {
            "latents": latents.permute(0, 2, 3, 1), "timestep": torch.tensor([timestep]), "text": text, "pooled": pooled, "sizes": sizes,
            "output": output.permute(0, 2, 3, 1)})
    print(f"output: deviation {output.std():.3f}, largest {output.abs().max():.3f}")


def make_flux(folder: Path, is_hollow: bool) -> None:
    write_model(folder, "flux-dev", {
        "text_encoder": lambda: CLIPTextModel(CLIPTextConfig(**CLIP_L)),
        "text_encoder_2": lambda: T5EncoderModel(T5Config(**T5_XXL)),
        "transformer": lambda: FluxTransformer2DModel(**FLUX),
        "vae": lambda: AutoencoderKL(**vae(16, 0.3611, 0.1159))}, is_hollow)
    if is_hollow:
        return
    transformer = load(lambda: FluxTransformer2DModel(**FLUX), folder / "transformer", "diffusion_pytorch_model")
    widen(transformer)
    generator = torch.Generator().manual_seed(7)
    latents = torch.randn(1, 16, SIDE, SIDE, generator=generator)
    text = torch.randn(1, 77, 4096, generator=generator)
    pooled = torch.randn(1, 768, generator=generator)
    rows = SIDE // 2
    packed = latents.reshape(1, 16, rows, 2, rows, 2).permute(0, 2, 4, 1, 3, 5).reshape(1, rows * rows, 64)
    places = torch.zeros(rows, rows, 3)
    places[..., 1] = torch.arange(rows)[:, None]
    places[..., 2] = torch.arange(rows)[None, :]
    timestep, guidance = 601.0, 3.5
    with torch.no_grad():
        output = transformer(
            packed, encoder_hidden_states=text, pooled_projections=pooled, timestep=torch.tensor([timestep / 1000]),
            img_ids=places.reshape(-1, 3), txt_ids=torch.zeros(77, 3), guidance=torch.tensor([guidance])).sample
    output = output.reshape(1, rows, rows, 16, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(1, 16, SIDE, SIDE)
    save_reference(
        folder, {
            "latents": latents.permute(0, 2, 3, 1), "timestep": torch.tensor([timestep]), "text": text, "pooled": pooled,
            "guidance": torch.tensor([guidance]), "output": output.permute(0, 2, 3, 1)})
    print(f"output: deviation {output.std():.3f}, largest {output.abs().max():.3f}")


def make_decoder(folder: Path, is_hollow: bool) -> None:
    shutil.copytree(FIXTURES / "emoji" / "model", folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "vae")
    write(on_meta(lambda: AutoencoderKL(**vae(4, 0.18215, None))), folder / "vae", "diffusion_pytorch_model", 4, is_hollow)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=["sdxl", "flux", "decoder"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hollow", action="store_true", help="files of zeros that take no room, and no reference")
    arguments = parser.parse_args()
    {"sdxl": make_sdxl, "flux": make_flux, "decoder": make_decoder}[arguments.model](arguments.folder, arguments.hollow)


if __name__ == "__main__":
    main()
