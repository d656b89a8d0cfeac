"""Makes Tests/Fixtures/tokenizer/clip/: a small tokenizer of CLIP's kind, and what transformers makes of many texts with it.

    .venv/bin/python tools/parity/make_clip_tokenizer.py [VOCABULARY.txt.gz CASES.json]

Its merges are trained on the strings of texts.py; its vocabulary is in CLIP's order: bytes, bytes at the end of a word, merges, begin, end.
The folder has vocab.json and merges.txt, as diffusers' folders do, and tokenizer.json. cases.json: {"text": …, "slow": …, "fast": …,
"padded": …}, the numbers that CLIPTokenizer, CLIPTokenizerFast, and CLIPTokenizer with "!" to fill up make of it, with begin and end; "fast"
and "padded" where they differ from "slow". "long" are texts cut to 16 and filled up, and what was cut off, as diffusers says it.

With CLIP's own vocabulary (bpe_simple_vocab_16e6.txt.gz of the package clip-anytorch) it writes another folder beside CASES.json.
"""

import gzip
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer, CLIPTokenizerFast
from transformers.models.clip.tokenization_clip import bytes_to_unicode

from texts import all_texts

FOLDER = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "tokenizer" / "clip"
LENGTH = 16
PROMPTS = [
    "a photograph of an astronaut riding a horse", "A cat, sitting on a (very:1.3) small [chair]!", "masterpiece, best quality, 8k, trending",
    "noto emoji: a smiling face with hearts", "portrait of a woman's face; oil on canvas -- by Vermeer", "an orange cat! really!! orange!!!",
    "<|startoftext|>a dog<|endoftext|>", "a dog<|STARTOFTEXT|> b", "!", "!!", "x!y", "a <|endoftext|>! b", "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ", "ΑΣ, ΑΣ\u0301 ΣΣ", "İstanbul",
    "ﬁne LIGATURES Ǆ", "a\u200db", "a\u00adb", "\ufffd", "a \ufffd b", "\u4e2d\u6587 caf\u00e9 \u4e2d\u6587", "𠀀𠀁 兀",
    "Ünïcödé \u1e9e", "'S 'LL 'd 'D", "it'S they'RE", "'ſ x'ſ", "10 000 cats", "½cup", "a_b-c", "10:30pm", "$5.99", "#art @me", "C3PO r2d2",
    "  leading and trailing  ", "tabs\tand\nlines", "a" * 90, "naïve \u0065\u0301", "\u00c5 \u212b", "emoji 😀👍🏽 here",
]


def small_merges() -> list[tuple[str, str]]:
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(
        vocab_size=1200, end_of_word_suffix="</w>", initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator([*all_texts(90), *PROMPTS] * 2, trainer)
    return [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]


def own_merges(path: str) -> list[tuple[str, str]]:
    lines = gzip.open(path).read().decode("utf-8").split("\n")
    return [tuple(line.split()) for line in lines[1:49152 - 256 - 2 + 1]]


def write_folder(folder: Path, merges: list[tuple[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    alphabet = list(bytes_to_unicode().values())
    tokens = [*alphabet, *(character + "</w>" for character in alphabet), *("".join(merge) for merge in merges),
              "<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == len(tokens)
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    slow = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LENGTH)
    slow.save_pretrained(folder)
    fast = CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LENGTH)
    fast.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def cases(folder: Path) -> dict:
    slow = CLIPTokenizer.from_pretrained(folder)
    padded = CLIPTokenizer.from_pretrained(folder, pad_token="!")
    fast = CLIPTokenizerFast.from_pretrained(folder)
    texts = []
    for text in dict.fromkeys([*PROMPTS, *all_texts(90)]):
        case = {"text": text, "slow": slow(text).input_ids}
        for name, tokenizer in (("fast", fast), ("padded", padded)):
            numbers = tokenizer(text).input_ids
            if numbers != case["slow"]:
                case[name] = numbers
        texts.append(case)
    long = []
    for text in PROMPTS:
        whole = slow(text, padding="longest").input_ids
        cut = {name: tokenizer(text, padding="max_length", max_length=LENGTH, truncation=True).input_ids
               for name, tokenizer in (("slow", slow), ("padded", padded))}
        removed = slow.batch_decode([whole[LENGTH - 1:-1]])[0] if len(whole) > LENGTH else None
        long.append({"text": text, **cut, "removed": removed})
    return {"cases": texts, "long": long}


def main() -> None:
    folder, merges, path = FOLDER, None, FOLDER / "cases.json"
    if len(sys.argv) > 2:
        path = Path(sys.argv[2])
        folder, merges = path.parent, own_merges(sys.argv[1])
    write_folder(folder, merges or small_merges())
    result = cases(folder)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in result["cases"])
    long = ",\n".join(json.dumps(case, separators=(",", ":")) for case in result["long"])
    path.write_text('{"cases":[\n' + lines + '\n],"long":[\n' + long + "\n]}\n", encoding="utf-8")
    print(f"{len(result['cases'])} texts, {sum('fast' in case for case in result['cases'])} differ, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
