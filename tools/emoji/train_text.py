"""Teaches the text encoder what its words look like before there is a UNet: pooled text → latents, by regression.

A few minutes of this save the UNet most of the time that it would need to tell names apart.

    python train_text.py --pictures pictures.npz --vae vae --tokenizer tokenizer --out text_encoder
"""
import argparse, math, random, time

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from captions import prompt
from dataset import Latents
from model import WIDTH, text_encoder
from tokenizer import Ids

a = argparse.ArgumentParser()
a.add_argument("--pictures", default="pictures.npz")
a.add_argument("--vae", default="vae")
a.add_argument("--tokenizer", default="tokenizer")
a.add_argument("--steps", type=int, default=2500)
a.add_argument("--batch", type=int, default=64)
a.add_argument("--device", default="cpu")
a.add_argument("--threads", type=int, default=1)
a.add_argument("--out", default="text_encoder")
o = a.parse_args()
torch.set_num_threads(o.threads)
torch.manual_seed(0)
rng = random.Random(0)
data = Latents(o.pictures, AutoencoderKL.from_pretrained(o.vae).to(o.device).eval(), o.device)
y = data.mean.flatten(2).to(o.device)
centre = y[0, data.train].mean(0)
y = y - centre
variance = y[0, data.train].pow(2).mean()
ids = Ids(CLIPTokenizer.from_pretrained(o.tokenizer))
text = text_encoder(len(ids.tokenizer)).to(o.device)
with torch.no_grad():
    text.get_input_embeddings().weight.mul_(5)
head = torch.nn.Linear(WIDTH, y.shape[2]).to(o.device)
parameters = [*text.parameters(), *head.parameters()]
optimiser = torch.optim.AdamW(parameters, 1.5e-3, weight_decay=0.01, betas=(0.9, 0.99), fused=True)


def predict(captions):
    return head(text(torch.tensor([ids(c) for c in captions], device=o.device)).last_hidden_state.mean(1))


@torch.no_grad()
def explained(indices):
    text.eval()
    rest = (predict([prompt(*data.labels[i]) for i in indices]) - y[0, indices]).pow(2).mean() / y[0, indices].pow(2).mean()
    text.train()
    return 1 - rest.item()


start, losses = time.time(), []
for step in range(1, o.steps + 1):
    share = step / o.steps
    for g in optimiser.param_groups:
        g["lr"] = 1.5e-3 * min(1, step / 100) * (0.5 * (1 + math.cos(math.pi * share)) + 0.02)
    i, heart, captions = data.batch(o.batch, rng)
    loss = (predict(captions) - y[torch.tensor(heart).long(), i]).pow(2).mean() / variance
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    optimiser.zero_grad()
    losses.append(loss.item())
    if step % 200 == 0:
        print(f"step {step} {time.time() - start:.0f} s loss {sum(losses) / len(losses):.3f} "
              f"explained: trained {explained(data.train):.3f} held out {explained(data.hidden):.3f}", flush=True)
        losses = []
text.save_pretrained(o.out)
