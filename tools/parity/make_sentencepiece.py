"""Makes Tests/Fixtures/tokenizer/sentencepiece/: small byte-pair encodings of SentencePiece's kind, and what its own code and Hugging Face's
`tokenizers` make of many texts with them.

    .venv/bin/python tools/parity/make_sentencepiece.py

Both are trained by SentencePiece on the strings of texts.py, with bytes for characters without a piece: `prefixed` puts a space before a text as
Llama 2, Mistral and Phi-3 do, `plain` does not, as Gemma.

    <name>.model             SentencePiece's file
    <name>.gguf              the same tokens and scores, written by llama.cpp's own package
    prefixed.legacy.json     a `tokenizer.json` as transformers converts Llama's: a space before every stretch of text
    prefixed.json            the same with a space before the first alone (Metaspace), as newer folders have it
    plain.json               as Gemma's folders have it
    <name>.cases.json        [{"text": …, "ids": …, "legacy": …, "json": …}]: by SentencePiece; and by the two kinds of tokenizer.json where they differ
    marked.cases.json        [{"text": …, "legacy": …, "json": …, "plain": …}]: texts with the names of special tokens, by `tokenizers`
"""

import io
import json

import sentencepiece
from gguf import GGUFWriter
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers.convert_slow_tokenizer import generate_merges

from fixtures import FIXTURES
from texts import all_texts

FOLDER = FIXTURES / "tokenizer" / "sentencepiece"
USER = ["<sep>", "\u2581\u2581\u2581", "\n\n"]
MARKED = [
    "<s>", "a<s>b", " <s> ", "</s>x", "<s>  two", "<sep>", "a <sep> b", "x<sep>y", "a   b", "\n\n", "a\n\n\nb", "<unk>", "é</s>é", "<s></s>", "</s> \n",
    "<0x41>", "a<0x0A>", "<s", "s>",
]


def train(texts: list[str], prefix: bool) -> bytes:
    model = io.BytesIO()
    # Few scripts, so that there are characters without a piece.
    texts = [text for text in texts if all(ord(character) < 0x500 for character in text)]
    sentences = [line for text in texts * 3 for line in text.replace("\0", " ").split("\n") if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=900, model_type="bpe", character_coverage=0.98, byte_fallback=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, user_defined_symbols=USER, normalization_rule_name="identity", add_dummy_prefix=prefix,
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, split_digits=True, hard_vocab_limit=False, num_threads=1,
        minloglevel=2)
    return model.getvalue()


def kind(processor, index: int) -> int:
    if processor.is_byte(index):
        return 6
    if processor.id_to_piece(index) in USER:
        return 4
    return 2 if processor.is_unknown(index) else 3 if processor.is_control(index) else 5 if processor.is_unused(index) else 1


def write_gguf(name: str, processor, prefix: bool) -> None:
    writer = GGUFWriter(str(FOLDER / f"{name}.gguf"), "llama")
    count = processor.get_piece_size()
    kinds = [kind(processor, index) for index in range(count)]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    # llama.cpp's converter writes spaces in tokens of the user's.
    writer.add_token_list([
        (processor.id_to_piece(index).replace("\u2581", " ") if kinds[index] == 4 else processor.id_to_piece(index)).encode()
        for index in range(count)])
    writer.add_token_scores([processor.get_score(index) for index in range(count)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(prefix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def convert(processor, form: str) -> Tokenizer:
    """What transformers' converters of Llama and Gemma make."""
    count = processor.get_piece_size()
    vocabulary = {processor.id_to_piece(index): index for index in range(count)}
    scores = {processor.id_to_piece(index): processor.get_score(index) for index in range(count)}
    tokenizer = Tokenizer(models.BPE(
        vocabulary, generate_merges(vocabulary, scores), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    replace = normalizers.Replace(" ", "\u2581")
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    if form == "legacy":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replace])
        tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(content=" ", left=1)])
    elif form == "first":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
        tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(content=" ", left=1)])
    else:
        tokenizer.normalizer = replace
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
        tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken(token.replace("\u2581", " "), normalized=False, special=False) for token in ("<sep>", "\n\n")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def write_cases(name: str, cases: list[dict]) -> None:
    path = FOLDER / f"{name}.cases.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n", encoding="utf-8")
    print(f"{path.name}: {len(cases)} texts, {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = list(dict.fromkeys(all_texts(300)))
    forms = {}
    for name, prefix in (("prefixed", True), ("plain", False)):
        model = train(texts[:400], prefix)
        (FOLDER / f"{name}.model").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        write_gguf(name, processor, prefix)
        kinds = {"prefixed.legacy": "legacy", "prefixed": "first"} if prefix else {"plain": "plain"}
        for file, form in kinds.items():
            forms[form] = convert(processor, form)
            (FOLDER / f"{file}.json").write_text(forms[form].to_str(pretty=False) + "\n", encoding="utf-8")
        cases = []
        for text in texts:
            case = {"text": text, "ids": processor.encode(text)}
            for form in kinds.values():
                ids = forms[form].encode(text, add_special_tokens=False).ids
                if ids != case["ids"]:
                    case["legacy" if form == "legacy" else "json"] = ids
            cases.append(case)
        write_cases(name, cases)
        differing = {key: sum(key in case for case in cases) for key in ("legacy", "json")}
        print(f"{name}: {processor.get_piece_size()} pieces, {differing} differ")
    write_cases("marked", [
        {"text": text, "legacy": forms["legacy"].encode(text).ids, "json": forms["first"].encode(text).ids,
         "plain": forms["plain"].encode(text).ids} for text in MARKED])


if __name__ == "__main__":
    main()
