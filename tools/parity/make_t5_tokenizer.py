"""Makes Tests/Fixtures/tokenizer/t5/: a small tokenizer of T5's kind, and what transformers makes of many texts with it.

    .venv/bin/python tools/parity/make_t5_tokenizer.py [FOLDER]

The model is trained by SentencePiece on the strings of texts.py, with a part of NFKC as its table of characters, since the whole takes 240 kB
(with FOLDER the whole is taken, and all is written there). spiece.model is read by T5Tokenizer, tokenizer.json by T5TokenizerFast; metaspace.json
is the same tokenizer in the form of older files (whitespace cut before Metaspace). cases.json: {"text": …, "slow": …, "fast": …, "older": …},
with the end; "fast" and "older" where they differ from "slow".
"""

import io
import json
import sys
import unicodedata
import warnings
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, pre_tokenizers
from transformers import T5Tokenizer, T5TokenizerFast

from texts import all_texts

FOLDER = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "tokenizer" / "t5"
PROMPTS = [
    "a photograph of an astronaut riding a horse", "A cat holding a sign that says hello world", "Portrait of a woman's face; oil on canvas.",
    "noto emoji: a smiling face with hearts", "a  b", "a   b    c", "  leading and trailing  ", "tabs\tand\nlines\r\nhere", "\u3000wide\u3000",
    "ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３", "ﬁne ligatures ﬂ", "½ ² ³ ①", "e\u0301 cafe\u0301 A\u030a", "\u00c5 \u212b", "a\u200bb\ufeffc", "a\u00a0b", "a\u00adb", "x\u0000y",
    "</s>", "a </s> b", "<pad>x<pad>", "<unk> y", "<extra_id_0> the <extra_id_99>x", "a <extra_id_7> b", "<extra_id_100>", "\u2581", "a\u2581b", "\u2581\u2581a",
    "日本語のテキスト", "\U0001f600 emoji \U0001f468\u200d\U0001f469", "unknown \u4e00\u4e01\u4e02 run \u4e00 \u4e01", "a" * 70, "…", "a…b", "1/2 ⁄ ⅓",
    "ｶﾞ ｷﾞ", "가 각", "\u1112\u1161\u11ab", "ǆ Ǆ", "İ ı", "ς Σ", "x\u0301\u0302\u0303y", "\u0301a", "a\r", "\n", " \n ", "q\u0323\u0307",
]


def rules() -> str:
    """Lines of source and target in hexadecimal code points: NFKC of some blocks, and what counts as a space or as nothing."""
    lines = {}
    blocks = [(0xA0, 0x17F), (0x1C4, 0x1CC), (0x2000, 0x206F), (0x2070, 0x209C), (0x2150, 0x2189), (0x2460, 0x2473), (0xFB00, 0xFB06),
              (0xFF01, 0xFF9F), (0x3000, 0x3000), (0x212A, 0x212B)]
    for low, high in blocks:
        for code in range(low, high + 1):
            character = chr(code)
            form = unicodedata.normalize("NFKC", character)
            if form != character:
                lines[character] = form
            # A letter and its mark become one.
            parts = unicodedata.normalize("NFD", character)
            if len(parts) > 1 and unicodedata.normalize("NFC", parts) == character:
                lines[parts] = character
    for character in "\t\n\r\u0085\u1680\u2028\u2029\u3000":
        lines[character] = " "
    for character in [*map(chr, range(1, 9)), "\u000b", "\u000e", "\u200b", "\u200e", "\ufeff", "\u00ad"]:
        lines[character] = ""
    for character in [chr(code) for code in range(0x2000, 0x200B)] + ["\u00a0", "\u202f", "\u205f"]:
        lines[character] = " "
    return "".join(
        " ".join(f"{ord(part):X}" for part in source) + "\t" + " ".join(f"{ord(part):X}" for part in target) + "\n"
        for source, target in sorted(lines.items()))


def main() -> None:
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    texts = list(dict.fromkeys([*PROMPTS, *all_texts(90)]))
    options = {"normalization_rule_name": "nmt_nfkc"}
    if len(sys.argv) <= 1:
        (folder / "rules.tsv").write_text(rules(), encoding="utf-8")
        options = {"normalization_rule_tsv": str(folder / "rules.tsv")}
    model = io.BytesIO()
    sentences = [line for text in texts[:250] * 3 for line in text.replace("\0", " ").split("\n") if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=700, model_type="unigram", character_coverage=0.98, pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, hard_vocab_limit=False, num_threads=1, minloglevel=2, **options)
    (folder / "rules.tsv").unlink(missing_ok=True)
    (folder / "spiece.model").write_bytes(model.getvalue())
    slow = T5Tokenizer(str(folder / "spiece.model"), legacy=True)
    fast = T5TokenizerFast(str(folder / "spiece.model"), add_prefix_space=True)
    fast.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    fast = Tokenizer.from_file(str(folder / "tokenizer.json"))
    older = Tokenizer.from_file(str(folder / "tokenizer.json"))
    document = json.loads(older.to_str())
    document["normalizer"] = document["normalizer"]["normalizers"][0]
    document["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}]}
    older = Tokenizer.from_str(json.dumps(document))
    cases = []
    for text in texts:
        case = {"text": text, "slow": slow(text).input_ids}
        for name, tokenizer in (("fast", fast), ("older", older)):
            numbers = tokenizer.encode(text).ids
            if numbers != case["slow"]:
                case[name] = numbers
        cases.append(case)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (folder / "cases.json").write_text("[\n" + lines + "\n]\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    counts = {name: sum(name in case for case in cases) for name in ("fast", "older")}
    print(f"{len(cases)} texts, {counts} differ, {slow.sp_model.get_piece_size()} pieces, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
