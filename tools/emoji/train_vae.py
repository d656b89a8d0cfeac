"""Trains the autoencoder, or only its decoder, on the pictures without and with hearts.

    python train_vae.py --pictures pictures.npz --minutes 20 --out vae
    python train_vae.py --pictures pictures.npz --warm vae --decoder --minutes 10 --out vae

The whole autoencoder ends with its latents whitened: each channel's mean and spread are folded into the two 1 × 1 convolutions
beside the latents, so that the scaling factor is 1. `--decoder` leaves the encoder, and so every latent, as it is: the UNet does
not notice. It also learns to draw from latents that are a little off (`--noise`), as those of a UNet are.
"""
import argparse, math, time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from model import autoencoder, encode, signed
from pictures import STYLES, load, sheet, with_heart

a = argparse.ArgumentParser()
a.add_argument("--pictures", default="pictures.npz")
a.add_argument("--warm", help="an autoencoder's folder to start from")
a.add_argument("--decoder", action="store_true")
a.add_argument("--noise", type=float, default=0.15, help="largest spread of the noise on whitened latents, with --decoder")
a.add_argument("--minutes", type=float, default=20)
a.add_argument("--batch", type=int, default=8)
a.add_argument("--rate", type=float, default=1.5e-3)
a.add_argument("--device", default="cpu")
a.add_argument("--threads", type=int, default=1)
a.add_argument("--out", default="vae")
a.add_argument("--sheet", help="a PNG of pictures above what comes back")
o = a.parse_args()
torch.set_num_threads(o.threads)
torch.manual_seed(0)

pictures, labels, hearts = load(o.pictures)
style = np.array([STYLES.index(s) for _, s in labels])
everything = np.concatenate([pictures, with_heart(pictures, hearts[style])])
x = signed(everything)
weight = torch.tensor([0.4 if s == "lineart" else 1.0 for _, s in labels]).repeat(2)
weight[len(labels):] *= 0.4
vae = AutoencoderKL.from_pretrained(o.warm, torch_dtype=torch.float32) if o.warm else autoencoder()
vae = vae.to(o.device, memory_format=torch.channels_last)
if o.decoder:
    mean, spread = encode(vae, everything, o.device)
    learning = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
else:
    learning = list(vae.parameters())
optimiser = torch.optim.AdamW(learning, o.rate, weight_decay=1e-4, betas=(0.9, 0.99), fused=True)


def edges(d):
    """Differences of neighbours: what makes an outline crisp."""
    return (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()


start, step, errors = time.time(), 0, []
while (share := (time.time() - start) / (60 * o.minutes)) < 1:
    for g in optimiser.param_groups:
        g["lr"] = o.rate * min(1, (step + 1) / 50) * (0.5 * (1 + math.cos(math.pi * share)) + 0.003)
    i = torch.multinomial(weight, o.batch)
    target = x[i]
    if o.decoder:
        off = spread[i] + o.noise * torch.rand(o.batch, 1, 1, 1) * (torch.rand(o.batch, 1, 1, 1) < 0.7)
        latent = mean[i] + off * torch.randn(mean[i].shape)
        divergence = 0.0
    else:
        if torch.rand(()) < 0.5:
            target = target.flip(3)
        posterior = vae.encode(target.to(o.device, memory_format=torch.channels_last)).latent_dist
        latent, divergence = posterior.sample(), posterior.kl().mean()
    target = target.to(o.device)
    d = vae.decode(latent.to(o.device, memory_format=torch.channels_last)).sample - target
    chroma = d - d.mean(1, keepdim=True)
    loss = 0.5 * d.abs().mean() + d.pow(2).mean() + 2 * chroma.pow(2).mean() + 2 * F.avg_pool2d(d, 4).pow(2).mean() \
        + (0.25 * edges(d) if o.decoder else 0) + 5e-7 * divergence
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learning, 1.0)
    optimiser.step()
    step += 1
    errors.append(d.detach().pow(2).mean())
    if step % 100 == 0:
        print(f"step {step} {time.time() - start:.0f} s squared error {torch.stack(errors).mean().item():.5f}", flush=True)
        errors = []

vae = vae.cpu().eval()
if not o.decoder:
    mean, spread = encode(vae, everything)
    with torch.no_grad():
        centre = mean.mean((0, 2, 3))
        size = (mean.std((0, 2, 3)) ** 2 + (spread ** 2).mean((0, 2, 3))).sqrt()
        before, after, c = vae.quant_conv, vae.post_quant_conv, len(centre)
        before.weight[:c] /= size.view(c, 1, 1, 1)
        before.bias[:c] = (before.bias[:c] - centre) / size
        before.bias[c:] -= 2 * size.log()
        after.bias += after.weight[:, :, 0, 0] @ centre
        after.weight *= size.view(1, c, 1, 1)
vae.register_to_config(scaling_factor=1.0)
vae.save_pretrained(o.out)
with torch.no_grad():
    z, _ = encode(vae, everything)
    y = torch.cat([vae.decode(z[i:i + 64]).sample for i in range(0, len(z), 64)]).clamp(-1, 1)
    error = (y - x).pow(2).mean((1, 2, 3))
    decibel = 10 * torch.log10(4 / error)
    print("PSNR", round(10 * math.log10(4 / error.mean().item()), 2), "by style",
          {s: round(decibel[:len(labels)][torch.from_numpy(style) == k].mean().item(), 2) for k, s in enumerate(STYLES)})
if o.sheet:
    pick = np.random.default_rng(0).choice(len(everything), 48, replace=False)
    back = ((y[pick] + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    rows = [p for k in range(0, 48, 16) for p in (*everything[pick[k:k + 16]], *back[k:k + 16])]
    sheet(rows, 16, o.sheet)
