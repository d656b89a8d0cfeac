"""Trains CLIP's byte-pair encoding on the captions and writes a folder that loads as CLIPTokenizer.

    python tokenizer.py --pictures pictures.npz --out tokenizer
"""
import argparse, json, os, random

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from captions import caption
from model import CONTEXT
from pictures import load

WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def train(texts, out, size=1536):
    t = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, end_of_word_suffix="</w>", initial_alphabet=bytes_, show_progress=False))
    merges = [m if isinstance(m, str) else " ".join(m) for m in json.loads(t.to_str())["model"]["merges"]]
    vocabulary = list(dict.fromkeys(
        bytes_ + [b + "</w>" for b in bytes_] + [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"]))
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "vocab.json"), "w") as f:
        json.dump({v: i for i, v in enumerate(vocabulary)}, f, ensure_ascii=False)
    with open(os.path.join(out, "merges.txt"), "w") as f:
        f.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    t = CLIPTokenizer(
        os.path.join(out, "vocab.json"), os.path.join(out, "merges.txt"), model_max_length=CONTEXT,
        unk_token="<|endoftext|>", bos_token="<|startoftext|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    t.save_pretrained(out)
    return t


class Ids:
    """Token ids of captions, padded to the context, remembered."""

    def __init__(self, tokenizer):
        self.tokenizer, self.known = tokenizer, {}

    def __call__(self, text):
        if text not in self.known:
            self.known[text] = self.tokenizer(text, padding="max_length", max_length=CONTEXT, truncation=True).input_ids
        return self.known[text]


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--pictures", default="pictures.npz")
    a.add_argument("--out", default="tokenizer")
    o = a.parse_args()
    rng = random.Random(0)
    _, labels, _ = load(o.pictures)
    texts = [caption(n, s, rng.random() < 0.3, rng) for n, s in labels for _ in range(8)]
    t = train(texts, o.out)
    lengths = [len(t(x).input_ids) for x in texts]
    print(len(t), "tokens; longest caption", max(lengths), "mean", sum(lengths) / len(lengths))
    print(t.tokenize("a line drawing of a smiling face with sunglasses with a heart"))
