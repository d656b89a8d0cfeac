"""The model's shapes: Stable Diffusion's layout, made small. 64 × 64 pictures, 16 × 16 × 4 latents, 13 million weights."""
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

CONTEXT = 24
WIDTH = 192


def text_encoder(vocabulary):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=CONTEXT, projection_dim=WIDTH, hidden_act="quick_gelu",
        bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1))


def unet():
    """Pooled text joins the time embedding (`addition_embed_type`): names bind far faster than by cross-attention alone."""
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=(96, 128, 160), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH, attention_head_dim=4, norm_num_groups=16,
        addition_embed_type="text", addition_embed_type_num_heads=4)


def autoencoder():
    return AutoencoderKL(
        sample_size=64, latent_channels=4, block_out_channels=(32, 64, 96), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        mid_block_add_attention=False, scaling_factor=1.0, force_upcast=True)


def scheduler():
    return DDIMScheduler(
        num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction",
        timestep_spacing="trailing", rescale_betas_zero_snr=True, clip_sample=False, set_alpha_to_one=True, steps_offset=1)


def signed(pictures):
    """uint8 [n, 64, 64, 3] to float [n, 3, 64, 64] in −1 … 1."""
    return torch.as_tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def encode(vae, pictures, device="cpu"):
    """Means and standard deviations of the latents of `pictures`."""
    means, spreads = [], []
    for i in range(0, len(pictures), 64):
        d = vae.encode(signed(pictures[i:i + 64]).to(device)).latent_dist
        means.append(d.mean.float().cpu())
        spreads.append(d.std.float().cpu())
    return torch.cat(means), torch.cat(spreads)
