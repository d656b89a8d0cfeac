"""Training pictures as latents, each without and with a heart, and batches of them with captions."""
import random

import numpy as np
import torch

from captions import caption, held_out
from model import encode
from pictures import STYLES, load, with_heart


class Latents:
    """`mean` and `spread` [2, n, 4, 16, 16]: row 0 the pictures as they are, row 1 with a heart."""

    def __init__(self, path, vae, device="cpu"):
        pictures, self.labels, hearts = load(path)
        styles = np.array([STYLES.index(s) for _, s in self.labels])
        both = [pictures, with_heart(pictures, hearts[styles])]
        self.mean, self.spread = (torch.stack(x) for x in zip(*(encode(vae, p, device) for p in both)))
        hidden = held_out(self.labels)
        self.train = [i for i, l in enumerate(self.labels) if l not in hidden]
        self.hidden = [i for i, l in enumerate(self.labels) if l in hidden]
        self.order = []

    def batch(self, size, rng, hearts=0.3):
        """Indices, whether there is a heart, captions. Every picture comes once a round."""
        while len(self.order) < size:
            self.order += rng.sample(self.train, len(self.train))
        i, self.order = self.order[:size], self.order[size:]
        heart = [rng.random() < hearts for _ in i]
        return i, heart, [caption(*self.labels[k], h, rng) for k, h in zip(i, heart)]

    def sample(self, i, heart, generator=None):
        """Latents drawn from the autoencoder's distribution."""
        row = torch.tensor(heart).long()
        mean, spread = self.mean[row, i], self.spread[row, i]
        return mean + spread * torch.randn(mean.shape, generator=generator)
