"""Makes Tests/Fixtures/tokenizer/tiny/<name>.json (a small `tokenizer.json`) and <name>.cases.json: Hugging Face's `tokenizers` on it.

    .venv/bin/python tools/parity/make_tiny_tokenizers.py

One tokenizer for each pre-tokenizer, trained on the strings of texts.py, with the settings of the models it stands for: digits and GPT-2's
pattern (SmolLM2), GPT-2's pattern alone, Llama 3's pattern with a first token and `ignore_merges`, Qwen 2's with normalisation form C,
that of Mistral's tekken with `ignore_merges`, and that of GPT-4o.
The cases are {"text": …, "ids": […], "special": …, "withEnds": […]}: `special` says whether the names of special tokens were read as these
tokens; `withEnds` is what the post-processor makes of the text.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from make_splits import GPT4O, LLAMA3, QWEN2, TEKKEN
from texts import all_texts

FOLDER = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "tokenizer" / "tiny"


def split_then_bytes(pattern: str):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
    ])


BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
PRE_TOKENIZERS = {
    "gpt-2": BYTES,
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), BYTES]),
    "llama-bpe": split_then_bytes(LLAMA3),
    "qwen2": split_then_bytes(QWEN2),
    "tekken": split_then_bytes(TEKKEN),
    "gpt-4o": split_then_bytes(GPT4O),
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_end|>>"]


def make(name: str, texts: list[str]) -> Tokenizer:
    # Added tokens are no part of the model's vocabulary here, as in Qwen 2's file: words that the pattern makes of their names are
    # encoded from the vocabulary alone when the names are not read as tokens.
    tokenizer = Tokenizer(models.BPE(ignore_merges=name in ("llama-bpe", "tekken")))
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[name]
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(SPECIAL)
    # A token that is text, looked for after normalisation; one that takes the whitespace around it; one made of spaces.
    tokenizer.add_tokens([
        AddedToken("caf\u00e9", normalized=True), AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False),
        AddedToken("   ", normalized=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    if name == "llama-bpe":
        first = SPECIAL[0]
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{first} $A", pair=f"{first} $A {first} $B", special_tokens=[(first, tokenizer.token_to_id(first))]),
        ])
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = all_texts(90)
    marked = [
        "<|im_start|>user\nHi<|im_end|>\n", "a<|endoftext|>b", "<|im_end|>>", "<|im_end|>> <|im_end|>", "<|im_end", "x <mask> y", "<mask>",
        " \t<mask>\n\nz", "un caf\u00e9 noir", "un cafe\u0301 noir", "caf\u00e9s", "a   b", "a    b", "a      b", "   ",
        "<mask><mask>", "e\u0301<|im_start|>e\u0301", "\u212b \u1e9b\u0323", "é<mask>é", "\u00a0<mask>\u3000x",
    ]
    for name in PRE_TOKENIZERS:
        tokenizer = make(name, texts)
        (FOLDER / f"{name}.json").write_text(tokenizer.to_str(pretty=False) + "\n", encoding="utf-8")
        cases = []
        for special in (True, False):
            tokenizer.encode_special_tokens = not special
            for text in [*marked, *(all_texts(260) if special else [])]:
                cases.append({
                    "text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids, "special": special,
                    "withEnds": tokenizer.encode(text, add_special_tokens=True).ids})
        lines = ",\n".join(json.dumps(case) for case in cases)
        path = FOLDER / f"{name}.cases.json"
        path.write_text("[\n" + lines + "\n]\n", encoding="utf-8")
        print(f"{name}: {len(cases)} cases, {tokenizer.get_vocab_size()} tokens, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
