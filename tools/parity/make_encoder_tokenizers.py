"""Makes Tests/Fixtures/tokenizer/encoders/: small tokenizers of encoders' kinds, and what Hugging Face's `tokenizers` makes of many texts with them.

    .venv/bin/python tools/parity/make_encoder_tokenizers.py

Trained on the strings of texts.py:

    uncased.json     WordPiece as BERT's: clean text, ideographs apart, no accents, small letters; a template around the text
    cased.json       the same vocabulary's kind with case and accents kept; words of more than 12 characters are unknown; BertProcessing
    accents.json     small letters with their accents, ideographs not apart, text not cleaned, another mark before pieces
    roberta.json     byte-level BPE as RoBERTa's: GPT-2's pattern, RobertaProcessing, <mask> that takes the space before it
    prefixed.json    the same with a space before a text
    xlm.json         unigram as XLM-R's, as transformers converts its SentencePiece file: <s> and </s> around the text
    bytes.json       unigram with bytes for characters without a piece, as decoders in a few families of folders have it: <s> before the text, a space before
                     its first word
    vocab.txt        the vocabulary of uncased.json
    <name>.cases.json  [{"text": …, "ids": […], "special": …, "withEnds": […]}] as in tokenizer/tiny
    vocab.cases.json   [{"text": …, "uncased": […], "cased": […], "accents": […]}]: by BertTokenizerFast on vocab.txt, plain; with do_lower_case false; with
                       strip_accents false and tokenize_chinese_chars false
    characters.json  of every character that Unicode has, by `tokenizers`: ranges of those that BertNormalizer drops ("dropped"), makes a space ("spaces"),
                     sets apart ("ideographs") and takes for a nonspacing mark ("marks"), and that BertPreTokenizer parts from words ("punctuation")
"""

import io
import json
import unicodedata

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizerFast, XLMRobertaTokenizerFast

from fixtures import FIXTURES
from texts import all_texts

FOLDER = FIXTURES / "tokenizer" / "encoders"
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
MARKED = [
    "[CLS]a[SEP]", "a [MASK] b", "a[MASK]b", "[mask]", "[PAD]", " [SEP] ", "[CLS", "<s>x</s>", "a <mask> b", "a  <mask>b", "<mask><mask>", "<pad>", "</s> y",
    "\u00c5ngstr\u00f6m [SEP] \u212b", "un caf\u00e9 noir", "un CAFE\u0301 noir", "cafe", "x\u4e2d\u6587y", "a\ufffdb\u200bc", "\u0130stanbul",
    "antidisestablishmentarianism", "supercalifragilistic-expialidocious", "a" * 101 + " b", "\u03a3\u0391\u03a3", "[unused]", "\u2167 \u24b6",
    "na\u00efve\u0301", "A\u0323\u0307", "\uac00\uac01 \u1112\u1161\u11ab", "\u00df\u1e9e", "don't", "co-operate", "U.S.A.", "3.14", "$5", "e-mail@x.org",
]


def wordpiece(texts: list[str], name: str) -> Tokenizer:
    prefix = "@@" if name == "accents" else "##"
    tokenizer = Tokenizer(models.WordPiece(
        unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=12 if name == "cased" else 100))
    tokenizer.normalizer = {
        "uncased": normalizers.BertNormalizer(),
        "cased": normalizers.BertNormalizer(lowercase=False),
        "accents": normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True),
    }[name]
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=600, limit_alphabet=220, special_tokens=BERT, continuing_subword_prefix=prefix, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    # A word that is looked for in normalised text.
    if name != "cased":
        tokenizer.add_tokens([AddedToken("Caf\u00e9", normalized=True)])
    begin, end = (("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]")))
    if name == "cased":
        tokenizer.post_processor = processors.BertProcessing(end, begin)
    else:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[begin, end])
    tokenizer.decoder = decoders.WordPiece(prefix=prefix)
    return tokenizer


def roberta(texts: list[str], prefixed: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefixed)
    trainer = trainers.BpeTrainer(
        vocab_size=520, special_tokens=ROBERTA, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
    ends = [(name, tokenizer.token_to_id(name)) for name in ("</s>", "<s>")]
    tokenizer.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=prefixed)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram(texts: list[str], size: int, **options) -> bytes:
    model = io.BytesIO()
    sentences = [line for text in texts * 3 for line in text.replace("\0", " ").split("\n") if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=size, model_type="unigram", character_coverage=0.98, unk_id=0, bos_id=1,
        eos_id=2, pad_id=-1, normalization_rule_name="identity", hard_vocab_limit=False, num_threads=1, minloglevel=2, **options)
    return model.getvalue()


def falling_back(texts: list[str]) -> Tokenizer:
    texts = [text for text in texts if all(ord(character) < 0x500 for character in text)]
    model = sentencepiece.SentencePieceProcessor(model_proto=unigram(texts, 700, byte_fallback=True))
    pieces = [(model.id_to_piece(index), model.get_score(index)) for index in range(model.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=True)
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(replacement="\u2581", prepend_scheme="first")])
    return tokenizer


def xlm(texts: list[str]) -> Tokenizer:
    path = FOLDER / "sentencepiece.bpe.model"
    path.write_bytes(unigram(texts, 500))
    tokenizer = XLMRobertaTokenizerFast(vocab_file=str(path))
    path.unlink()
    return Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())


def write_cases(name: str, tokenizer: Tokenizer) -> None:
    (FOLDER / f"{name}.json").write_text(tokenizer.to_str(pretty=False) + "\n", encoding="utf-8")
    # As it is read.
    tokenizer = Tokenizer.from_file(str(FOLDER / f"{name}.json"))
    cases = []
    for special in (True, False):
        tokenizer.encode_special_tokens = not special
        for text in [*MARKED, *(all_texts(260) if special else [])]:
            cases.append({
                "text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids, "special": special,
                "withEnds": tokenizer.encode(text, add_special_tokens=True).ids})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path = FOLDER / f"{name}.cases.json"
    path.write_text("[\n" + lines + "\n]\n", encoding="utf-8")
    print(f"{name}: {len(cases)} cases, {tokenizer.get_vocab_size()} tokens, {path.stat().st_size / 1000:.0f} kB")


def write_vocabulary(tokenizer: Tokenizer) -> None:
    path = FOLDER / "vocab.txt"
    numbers = tokenizer.get_vocab(with_added_tokens=False)
    path.write_text("".join(token + "\n" for token in sorted(numbers, key=numbers.get)), encoding="utf-8", newline="\n")
    kinds = {
        "uncased": BertTokenizerFast(str(path)), "cased": BertTokenizerFast(str(path), do_lower_case=False),
        "accents": BertTokenizerFast(str(path), strip_accents=False, tokenize_chinese_chars=False)}
    texts = [*MARKED, *all_texts(60)]
    cases = [{"text": text} | {name: kind(text).input_ids for name, kind in kinds.items()} for text in texts]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (FOLDER / "vocab.cases.json").write_text("[\n" + lines + "\n]\n", encoding="utf-8")
    print(f"vocab.txt: {len(cases)} cases, {len(numbers)} tokens")


def write_characters() -> None:
    none = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    clean, apart, strip = (normalizers.BertNormalizer(**(none | {key: True})) for key in ("clean_text", "handle_chinese_chars", "strip_accents"))
    words = pre_tokenizers.BertPreTokenizer()
    found = {"dropped": [], "spaces": [], "ideographs": [], "marks": [], "punctuation": []}
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        cleaned = clean.normalize_str("a" + character + "b")
        kinds = {
            "dropped": cleaned == "ab", "spaces": cleaned == "a b", "ideographs": apart.normalize_str(character) != character,
            # Those that are no mark themselves but come apart into a letter and marks are not meant.
            "marks": strip.normalize_str("a" + character) == "a" and len(unicodedata.normalize("NFD", character)) == 1,
            "punctuation": len(words.pre_tokenize_str("a" + character + "b")) == 3,
        }
        for kind, holds in kinds.items():
            if not holds:
                continue
            ranges = found[kind]
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    lines = ",\n".join(f'"{kind}": {json.dumps(ranges, separators=(",", ":"))}' for kind, ranges in found.items())
    (FOLDER / "characters.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    print({kind: len(ranges) for kind, ranges in found.items()})


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = all_texts(90)
    for name in ("uncased", "cased", "accents"):
        tokenizer = wordpiece(texts, name)
        write_cases(name, tokenizer)
        if name == "uncased":
            write_vocabulary(tokenizer)
    write_cases("roberta", roberta(texts, False))
    write_cases("prefixed", roberta(texts, True))
    write_cases("xlm", xlm(texts))
    write_cases("bytes", falling_back(texts))
    write_characters()


if __name__ == "__main__":
    main()
