"""Trains UNet and text encoder together on latents; stages can be cut anywhere and go on where they stopped.

    python train.py --pictures pictures.npz --vae vae --tokenizer tokenizer --text text_encoder --state state.pt \
        --minutes 45 --of 105 --log loss.txt --out ../../Tests/Fixtures/emoji/model

`--of` is the length of the whole training in minutes, over which the learning rate falls; `--minutes` is this stage.
On a GPU: --device cuda --batch 192 --minutes 6 --of 6.
"""
import argparse, math, os, random, time

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from captions import prompt
from dataset import Latents
from model import scheduler, unet
from tokenizer import Ids

a = argparse.ArgumentParser()
a.add_argument("--pictures", default="pictures.npz")
a.add_argument("--vae", default="vae")
a.add_argument("--tokenizer", default="tokenizer")
a.add_argument("--text", default="text_encoder")
a.add_argument("--warm", help="a UNet's folder to start from")
a.add_argument("--renew", action="store_true", help="with --warm: the UNet's paths to the text start anew, for another text encoder")
a.add_argument("--state", default="state.pt")
a.add_argument("--minutes", type=float, default=45)
a.add_argument("--of", type=float, default=105)
a.add_argument("--batch", type=int, default=24)
a.add_argument("--rate", type=float, default=8e-4)
a.add_argument("--device", default="cpu")
a.add_argument("--threads", type=int, default=1)
a.add_argument("--log", default="loss.txt")
a.add_argument("--out", help="where the averaged weights go as a pipeline in f16 when the stage ends")
o = a.parse_args()
torch.set_num_threads(o.threads)
torch.manual_seed(0)
rng = random.Random(0)
gpu = o.device != "cpu"

vae = AutoencoderKL.from_pretrained(o.vae).to(o.device).eval()
data = Latents(o.pictures, vae, o.device)
ids = Ids(CLIPTokenizer.from_pretrained(o.tokenizer))
text = CLIPTextModel.from_pretrained(o.text, torch_dtype=torch.float32)
model = unet()
if o.warm:
    old = UNet2DConditionModel.from_pretrained(o.warm, torch_dtype=torch.float32).state_dict()
    model.load_state_dict({k: v for k, v in old.items() if not (
        o.renew and ("attn2.to_k" in k or "attn2.to_v" in k or "add_embedding" in k))}, strict=False)
text, model = text.to(o.device).train(), model.to(o.device, memory_format=torch.channels_last).train()
parameters = [*model.parameters(), *text.parameters()]
optimiser = torch.optim.AdamW(
    [{"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.01},
     {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0}], o.rate, betas=(0.9, 0.99), fused=True)
average = [p.detach().clone() for p in parameters]
step, before = 0, 0.0
if os.path.exists(o.state):
    s = torch.load(o.state, map_location=o.device, weights_only=False)
    model.load_state_dict(s["unet"])
    text.load_state_dict(s["text"])
    optimiser.load_state_dict(s["optimiser"])
    average = s["average"]
    step, before = s["step"], s["seconds"]
    rng.setstate(s["rng"])
    torch.set_rng_state(s["torch"].cpu())
signal = scheduler().alphas_cumprod
call = torch.compile(model) if gpu else model


def swap():
    for p, e in zip(parameters, average):
        kept = p.data.clone()
        p.data.copy_(e)
        e.copy_(kept)


def save(seconds):
    torch.save({"unet": model.state_dict(), "text": text.state_dict(), "optimiser": optimiser.state_dict(),
                "average": average, "step": step, "seconds": seconds, "rng": rng.getstate(),
                "torch": torch.get_rng_state()}, o.state + ".new")
    os.replace(o.state + ".new", o.state)


@torch.no_grad()
def told(indices):
    """Loss from pure noise (t = 999, nothing but the caption tells the picture) of averaged weights, right and wrong names."""
    swap()
    wrong = indices[4 * 7:] + indices[:4 * 7]
    out = []
    x = data.mean[0, indices].to(o.device)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(o.device)
    for named in (indices, wrong):
        tokens = torch.tensor([ids(prompt(*data.labels[k])) for k in named], device=o.device)
        v = model(noise, torch.full((len(x),), 999, device=o.device), text(tokens).last_hidden_state).sample
        out.append(F.mse_loss(v, -x).item())
    swap()
    return out


start, losses, saved = time.time(), [], time.time()
log = open(o.log, "a")
print(f"{len(data.train)} pictures to train on, {len(data.hidden)} held out", flush=True)
while (spent := time.time() - start) < 60 * o.minutes:
    share = min(1, (before + spent) / (60 * o.of))
    for g in optimiser.param_groups:
        g["lr"] = o.rate * min(1, (step + 1) / 200) * (0.5 * (1 + math.cos(math.pi * share)) * 0.98 + 0.02)
    i, heart, captions = data.batch(o.batch, rng)
    x = data.sample(i, heart).to(o.device)
    tokens = torch.tensor([ids(c) for c in captions], device=o.device)
    # Stratified, and more of the noisy end, where what is drawn is decided.
    t = (((torch.arange(o.batch) + torch.rand(o.batch)) / o.batch) ** 0.6 * 1000).long().clamp(0, 999)
    t = t[torch.randperm(o.batch)]
    keep = signal[t].sqrt().view(-1, 1, 1, 1).to(o.device)
    mix = (1 - signal[t]).sqrt().view(-1, 1, 1, 1).to(o.device)
    noise = torch.randn(x.shape).to(o.device)
    noisy = (keep * x + mix * noise).contiguous(memory_format=torch.channels_last)
    with torch.autocast(o.device.split(":")[0], torch.bfloat16, enabled=gpu):
        v = call(noisy, t.to(o.device), text(tokens).last_hidden_state).sample
    loss = F.mse_loss(v.float(), keep * noise - mix * x)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    optimiser.zero_grad()
    step += 1
    torch._foreach_lerp_(average, [p.detach() for p in parameters], 1 - min(0.999, (1 + step) / (10 + step)))
    losses.append(loss.detach())
    if step % 100 == 0:
        line = f"step {step} minutes {(before + time.time() - start) / 60:.1f} loss {torch.stack(losses).mean().item():.4f}"
        if step % 500 == 0:
            line += " from noise: right name {:.3f} wrong name {:.3f} held out {:.3f}".format(
                *told(data.train[:96]), told(data.hidden[:64])[0])
        print(line, flush=True)
        log.write(line + "\n")
        log.flush()
        losses = []
    if time.time() - saved > 180:
        save(before + time.time() - start)
        saved = time.time()
save(before + time.time() - start)
if o.out:
    swap()
    half = {k: v.half() for k, v in (("vae", vae.cpu()), ("text_encoder", text.cpu().eval()), ("unet", model.cpu().eval()))}
    StableDiffusionPipeline(**half, tokenizer=ids.tokenizer, scheduler=scheduler(), safety_checker=None, feature_extractor=None,
                            requires_safety_checker=False).save_pretrained(o.out)
