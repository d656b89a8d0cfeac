"""Makes Tests/Fixtures/diffusion/checkpoints.json: what the tensors of the small models of make_diffusion.py and make_flux.py are called in files of
the original layouts, and shapes of the published models.

    .venv/bin/python tools/parity/make_checkpoints.py

"names": {"sd1": {"original name": [kind, component, name, …]}}: `kind` is "same", "joined" (rows of several one after the other), "transposed", or
"exchanged" (halves of the rows). That these files are what they are meant to be is checked here: diffusers' own conversions
turn them back into the folders' tensors, value by value.

"published": {"family": {"shapes": {"original name": shape}, "settings": {component: {key: value}}}}: the tensors of Stable Diffusion 1.5, 2.1, SDXL and
FLUX.1 dev that tell of their settings, as diffusers builds these models without memory, and the settings that they were built with.
"""

import inspect
import json
import re

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, UNet2DConditionModel
from diffusers.loaders import single_file_utils as convert
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from fixtures import FIXTURES

FOLDER = FIXTURES / "diffusion"
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3",
          "conv_shortcut": "skip_connection"}  # fmt: skip
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_name(name, layers, attends):
    """`attends`: by level of the way up, whether it has transformers."""
    for new, old in {**convert.DIFFUSERS_TO_LDM_MAPPING["unet"]["layers"], **convert.DIFFUSERS_TO_LDM_MAPPING["unet"]["addition_embed_type"]}.items():
        if name == new:
            return old
    parts = name.split(".")

    def resnet(place, rest):
        module, kind = ".".join(rest[:-1]), rest[-1]
        return f"{place}.{RESNET[module]}.{kind}"

    if parts[0] == "mid_block":
        index = int(parts[2])
        return resnet(f"middle_block.{2 * index}", parts[3:]) if parts[1] == "resnets" else ".".join(["middle_block.1", *parts[3:]])
    side, level, kind, index = parts[0], int(parts[1]), parts[2], int(parts[3])
    if side == "down_blocks":
        place = f"input_blocks.{1 + level * (layers + 1) + index}"
        if kind == "downsamplers":
            return f"input_blocks.{(level + 1) * (layers + 1)}.0.op.{parts[-1]}"
    else:
        place = f"output_blocks.{level * (layers + 1) + index}"
        if kind == "upsamplers":
            return f"output_blocks.{level * (layers + 1) + layers}.{2 if attends[level] else 1}.conv.{parts[-1]}"
    return resnet(f"{place}.0", parts[4:]) if kind == "resnets" else ".".join([f"{place}.1", *parts[4:]])


def vae_name(name, levels):
    for new, old in {"conv_norm_out": "norm_out", "mid_block.attentions.0": "mid.attn_1", "mid_block.resnets.0": "mid.block_1",
                     "mid_block.resnets.1": "mid.block_2", "conv_shortcut": "nin_shortcut"}.items():  # fmt: skip
        name = name.replace(new, old)
    if "attn_1" in name:
        for new, old in ATTENTION.items():
            name = name.replace(f"attn_1.{new}.", f"attn_1.{old}.")
    name = re.sub(r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample.", name)
    name = re.sub(r"up_blocks\.(\d+)\.resnets\.", lambda m: f"up.{levels - 1 - int(m[1])}.block.", name)
    return re.sub(r"up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"up.{levels - 1 - int(m[1])}.upsample.", name)


def same(component, tensors, rename):
    return {rename(name): {"from": [[component, name]], "kind": "same"} for name in tensors}


def open_clip(component, tensors, prefix):
    result = {}
    mapping = convert.DIFFUSERS_TO_LDM_MAPPING["openclip"]
    for name in tensors:
        if name in mapping["layers"]:
            kind = "transposed" if name == "text_projection.weight" else "same"
            result[prefix + mapping["layers"][name]] = {"from": [[component, name]], "kind": kind}
        elif ".self_attn.q_proj." in name:
            place = name.replace("text_model.encoder.layers.", "transformer.resblocks.").replace("self_attn.q_proj.", "attn.in_proj_")
            parts = [[component, name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            result[prefix + place] = {"from": parts, "kind": "joined"}
        elif ".self_attn.k_proj." not in name and ".self_attn.v_proj." not in name:
            place = name.replace("text_model.encoder.layers.", "transformer.resblocks.").replace("self_attn.out_proj", "attn.out_proj")
            place = place.replace("layer_norm1", "ln_1").replace("layer_norm2", "ln_2").replace("fc1", "c_fc").replace("fc2", "c_proj")
            result[prefix + place] = {"from": [[component, name]], "kind": "same"}
    return result


def flux_names(tensors, prefix=""):
    result = {}
    top = {"x_embedder": "img_in", "context_embedder": "txt_in", "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
           "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
           "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
           "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
           "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
           "time_text_embed.text_embedder.linear_2": "vector_in.out_layer", "proj_out": "final_layer.linear"}  # fmt: skip
    double = {"norm1.linear": "img_mod.lin", "norm1_context.linear": "txt_mod.lin", "attn.to_out.0": "img_attn.proj",
              "attn.to_add_out": "txt_attn.proj", "ff.net.0.proj": "img_mlp.0", "ff.net.2": "img_mlp.2", "ff_context.net.0.proj": "txt_mlp.0",
              "ff_context.net.2": "txt_mlp.2"}  # fmt: skip
    norms = {"norm_q": "img_attn.norm.query_norm", "norm_k": "img_attn.norm.key_norm", "norm_added_q": "txt_attn.norm.query_norm",
             "norm_added_k": "txt_attn.norm.key_norm"}  # fmt: skip

    def add(old, names, kind="same"):
        result[prefix + old] = {"from": [["transformer", name] for name in names], "kind": kind}

    for name in tensors:
        module, kind = name.rsplit(".", 1)
        parts = module.split(".")
        if module in top:
            add(f"{top[module]}.{kind}", [name])
        elif module == "norm_out.linear":
            add(f"final_layer.adaLN_modulation.1.{kind}", [name], "exchanged")
        elif parts[0] == "transformer_blocks":
            place, rest = f"double_blocks.{parts[1]}", ".".join(parts[2:])
            if rest in double:
                add(f"{place}.{double[rest]}.{kind}", [name])
            elif parts[-1] in norms:
                add(f"{place}.{norms[parts[-1]]}.scale", [name])
            elif rest == "attn.to_q":
                add(f"{place}.img_attn.qkv.{kind}", [name.replace("to_q", f"to_{part}") for part in "qkv"], "joined")
            elif rest == "attn.add_q_proj":
                add(f"{place}.txt_attn.qkv.{kind}", [name.replace("add_q_proj", f"add_{part}_proj") for part in "qkv"], "joined")
        else:
            place, rest = f"single_blocks.{parts[1]}", ".".join(parts[2:])
            if rest == "norm.linear":
                add(f"{place}.modulation.lin.{kind}", [name])
            elif rest == "proj_out":
                add(f"{place}.linear2.{kind}", [name])
            elif parts[-1] in ("norm_q", "norm_k"):
                add(f"{place}.norm.{'query' if parts[-1] == 'norm_q' else 'key'}_norm.scale", [name])
            elif rest == "attn.to_q":
                names = [name.replace("to_q", f"to_{part}") for part in "qkv"] + [name.replace("attn.to_q", "proj_mlp")]
                add(f"{place}.linear1.{kind}", names, "joined")
    return result


def build(names, components):
    """The original file."""
    result = {}
    for old, entry in names.items():
        parts = [components[component][name] for component, name in entry["from"]]
        value = torch.cat(parts)
        if entry["kind"] == "transposed":
            value = value.T.contiguous()
        if entry["kind"] == "exchanged":
            first, second = value.chunk(2)
            value = torch.cat([second, first])
        result[old] = value
    return result


def read(folder, component):
    tensors = {}
    for path in sorted((folder / component).glob("*.safetensors")):
        tensors |= load_file(path)
    return tensors


def check(found, expected, what):
    assert found.keys() == expected.keys(), (what, sorted(found.keys() ^ expected.keys())[:6])
    for name, value in expected.items():
        other = found[name]
        if other.shape != value.shape:
            other = other.reshape(value.shape)
        assert torch.equal(other, value), (what, name)


def small(name):
    folder = FOLDER / name
    names, components = {}, {}
    for component in ("unet", "transformer", "vae", "text_encoder", "text_encoder_2"):
        if (folder / component).exists():
            components[component] = read(folder, component)
    config = json.loads((folder / "vae" / "config.json").read_text())
    levels = len(config["block_out_channels"])
    flux = "transformer" in components
    vae_prefix = "vae." if flux else "first_stage_model."
    names |= same("vae", components["vae"], lambda n: vae_prefix + vae_name(n, levels))
    if flux:
        names |= flux_names(components["transformer"], "model.diffusion_model.")
        names |= same("text_encoder", components["text_encoder"], lambda n: "text_encoders.clip_l.transformer." + n)
        names |= same("text_encoder_2", components["text_encoder_2"], lambda n: "text_encoders.t5xxl.transformer." + n)
    else:
        unet = json.loads((folder / "unet" / "config.json").read_text())
        attends = ["CrossAttn" in kind for kind in unet["up_block_types"]]
        names |= same(
            "unet", components["unet"], lambda n: "model.diffusion_model." + unet_name(n, unet["layers_per_block"], attends))
        if name == "sd2":
            names |= open_clip("text_encoder", components["text_encoder"], "cond_stage_model.model.")
        elif name == "sdxl":
            names |= same("text_encoder", components["text_encoder"], lambda n: "conditioner.embedders.0.transformer." + n)
            names |= open_clip("text_encoder_2", components["text_encoder_2"], "conditioner.embedders.1.model.")
        else:
            names |= same("text_encoder", components["text_encoder"], lambda n: "cond_stage_model.transformer." + n)
    original = build(names, components)

    # diffusers turns the file back into the folder's tensors.
    def under(prefix):
        return {key: value for key, value in original.items() if key.startswith(prefix)}

    check(convert.convert_ldm_vae_checkpoint(
        {key.replace("vae.", "first_stage_model.", 1): value for key, value in under(vae_prefix).items()}
        if flux else under(vae_prefix), config), components["vae"], "vae")  # fmt: skip
    if flux:
        channels = components["transformer"]["x_embedder.weight"].shape[0]
        source = inspect.getsource(convert.convert_flux_transformer_checkpoint_to_diffusers).replace("3072", str(channels))
        scope = {"torch": torch}
        exec(source, scope)
        back = scope["convert_flux_transformer_checkpoint_to_diffusers"](under("model.diffusion_model."))
        check(back, components["transformer"], "transformer")
    else:
        check(convert.convert_ldm_unet_checkpoint(original, unet), components["unet"], "unet")
    if name in ("sd2", "sdxl"):
        component, prefix = ("text_encoder", "cond_stage_model.model.") if name == "sd2" else ("text_encoder_2", "conditioner.embedders.1.model.")

        class Model:
            class config:
                hidden_size = json.loads((folder / component / "config.json").read_text())["hidden_size"]

        check(convert.convert_open_clip_checkpoint(Model, original, prefix), components[component], component)
    return names


MARKS = re.compile(
    r".*(input_blocks\.0\.0\.weight|op\.weight|in_layers\.0\.weight|out_layers\.0\.weight|transformer_blocks\.\d+\.attn2\.to_k\.weight|out\.2\.weight"
    r"|label_emb\.0\.0\.weight|block\.\d+\.norm[12]\.weight|decoder\.conv_in\.weight|block_1\.norm1\.weight|quant_conv\.weight|ln_final\.weight"
    r"|token_embedding\.weight|positional_embedding|position_embedding\.weight|layer_norm1\.weight|ln_1\.weight|layers\.0\.mlp\.fc1\.weight"
    r"|resblocks\.0\.mlp\.c_fc\.weight|final_layer_norm\.weight|text_projection|img_attn\.qkv\.weight|linear1\.weight|img_in\.weight|txt_in\.weight"
    r"|vector_in\.in_layer\.weight|guidance_in\.in_layer\.weight|double_blocks\.0\.img_attn\.norm\.query_norm\.scale)")  # fmt: skip


def published():
    """Settings of published models, as their folders have them."""
    unet = {
        "sd1": dict(block_out_channels=[320, 640, 1280, 1280], cross_attention_dim=768, attention_head_dim=8,
                    down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3),
        "sd2": dict(block_out_channels=[320, 640, 1280, 1280], cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20],
                    use_linear_projection=True, down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
                    up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3),
        "sdxl": dict(block_out_channels=[320, 640, 1280], cross_attention_dim=2048, attention_head_dim=[5, 10, 20], use_linear_projection=True,
                     transformer_layers_per_block=[1, 2, 10], addition_embed_type="text_time", addition_time_embed_dim=256,
                     projection_class_embeddings_input_dim=2816, down_block_types=["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
                     up_block_types=["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"]),
    }  # fmt: skip
    vae = dict(block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
               layers_per_block=2, latent_channels=4, scaling_factor=0.18215)  # fmt: skip
    large = dict(vocab_size=49408, max_position_embeddings=77, hidden_act="gelu", num_attention_heads=16, hidden_size=1024, intermediate_size=4096,
                 num_hidden_layers=23, projection_dim=512)  # fmt: skip
    clip = dict(vocab_size=49408, max_position_embeddings=77, hidden_act="quick_gelu", num_attention_heads=12, hidden_size=768,
                intermediate_size=3072, num_hidden_layers=12)  # fmt: skip
    huge = dict(large, num_attention_heads=20, hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, projection_dim=1280)
    flux = dict(in_channels=64, num_layers=19, num_single_layers=38, attention_head_dim=128, num_attention_heads=24, joint_attention_dim=4096,
                pooled_projection_dim=768, guidance_embeds=True, axes_dims_rope=[16, 56, 56])  # fmt: skip
    result = {}

    def entry(family, settings, names, states):
        shapes = {}
        for old, part in names.items():
            if not MARKS.fullmatch(old):
                continue
            parts = [list(states[component][name].shape) for component, name in part["from"]]
            shape = [sum(p[0] for p in parts), *parts[0][1:]]
            shapes[old] = shape[::-1] if part["kind"] == "transposed" else shape
        result[family] = {"shapes": shapes, "settings": settings}

    with torch.device("meta"):
        for family, config in unet.items():
            states = {"unet": UNet2DConditionModel(**config).state_dict()}
            autoencoder = dict(vae, scaling_factor=0.13025) if family == "sdxl" else vae
            states["vae"] = AutoencoderKL(**autoencoder).state_dict()
            settings = {"unet": dict(config, layers_per_block=2, in_channels=4, out_channels=4), "vae": autoencoder}
            attends = ["CrossAttn" in kind for kind in config["up_block_types"]]
            names = same("unet", states["unet"], lambda n: "model.diffusion_model." + unet_name(n, 2, attends))
            names |= same("vae", states["vae"], lambda n: "first_stage_model." + vae_name(n, 4))
            if family == "sd2":
                # The file has one layer more than is used.
                states["text_encoder"] = CLIPTextModel(CLIPTextConfig(**dict(large, num_hidden_layers=24))).state_dict()
                names |= open_clip("text_encoder", states["text_encoder"], "cond_stage_model.model.")
                settings["text_encoder"] = {key: value for key, value in large.items() if key != "projection_dim"}
            else:
                prefix = "cond_stage_model.transformer." if family == "sd1" else "conditioner.embedders.0.transformer."
                states["text_encoder"] = CLIPTextModel(CLIPTextConfig(**clip)).state_dict()
                names |= same("text_encoder", states["text_encoder"], lambda n: prefix + n)
                settings["text_encoder"] = clip
            if family == "sdxl":
                states["text_encoder_2"] = CLIPTextModelWithProjection(CLIPTextConfig(**huge)).state_dict()
                names |= open_clip("text_encoder_2", states["text_encoder_2"], "conditioner.embedders.1.model.")
                settings["text_encoder_2"] = huge
            entry(family, settings, names, states)
        states = {"transformer": FluxTransformer2DModel(**flux).state_dict()}
        entry("flux", {"transformer": flux}, flux_names(states["transformer"]), states)
    return result


def short(entry):
    return [entry["kind"], entry["from"][0][0], *(name for _, name in entry["from"])]


def main() -> None:
    names = {name: {old: short(entry) for old, entry in small(name).items()} for name in ("sd1", "sd2", "sdxl", "flux-dev")}
    path = FOLDER / "checkpoints.json"
    path.write_text(json.dumps({"names": names, "published": published()}, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
