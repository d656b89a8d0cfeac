"""Makes a model with the shapes of Stable Diffusion 1.5 and random weights in f16, for tools/bench-pictures.

    python3 tools/peers/make_stable_diffusion.py FOLDER

FOLDER becomes a folder of diffusers (2.1 GB), whose tokenizer is that of Tests/Fixtures/emoji/model, and FOLDER.safetensors the same weights in one
file, by the names of those who trained Stable Diffusion, as stable-diffusion.cpp reads it. Needs torch, diffusers, transformers and safetensors
of tools/parity/requirements.txt.
"""

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "parity"))

from make_checkpoints import unet_name, vae_name  # noqa: E402

DOWN = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
UP = ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3
WIDTHS = (128, 256, 512, 512)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float16)
    unet = UNet2DConditionModel(
        sample_size=64, in_channels=4, out_channels=4, down_block_types=DOWN, up_block_types=UP, block_out_channels=(320, 640, 1280, 1280),
        layers_per_block=2, cross_attention_dim=768, attention_head_dim=8)  # fmt: skip
    vae = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4, block_out_channels=WIDTHS, layers_per_block=2,
        latent_channels=4, sample_size=512, scaling_factor=0.18215)  # fmt: skip
    encoder = CLIPTextModel(CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, projection_dim=768, bos_token_id=49406,
        eos_token_id=49407))  # fmt: skip
    torch.set_default_dtype(torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "Tests" / "Fixtures" / "emoji" / "model" / "tokenizer", model_max_length=77)
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    pipe = StableDiffusionPipeline(vae, encoder, tokenizer, unet, scheduler, None, None, requires_safety_checker=False)
    pipe.save_pretrained(folder)
    attends = ["CrossAttn" in kind for kind in UP]
    tensors = {"model.diffusion_model." + unet_name(name, 2, attends): value for name, value in unet.state_dict().items()}
    tensors |= {"first_stage_model." + vae_name(name, len(WIDTHS)): value for name, value in vae.state_dict().items()}
    tensors |= {"cond_stage_model.transformer." + name: value for name, value in encoder.state_dict().items()}
    save_file({name: value.contiguous() for name, value in tensors.items()}, f"{folder}.safetensors")


if __name__ == "__main__":
    main()
