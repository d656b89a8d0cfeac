"""Makes Tests/Fixtures/encoders/: small random encoders of texts, and what transformers makes of tokens with them.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_encoders.py

    <weights>.safetensors  F16, the tensors of a folder as transformers saves them
    cases.json             {"texts": [[…], …], "folders": [{"name", "weights", "config", "isClassifier"}]}: a folder has the text `config` as its
                           config.json
    expected.safetensors   computed in Float64 from the weights as stored, from texts that are padded to one length: <name>.states F32 [rows, channels], the last
                           states of all tokens, one text after the other; <name>.logits F32 [texts, labels] and <name>.scores F32 [texts, labels], as the
                           text classification pipeline scores them; <name>.mean F32 [texts, channels], the means of a text's states

    vocab.txt              a WordPiece vocabulary of as many tokens as the models have: letters
    judged.json            {"texts": […], "scores": {"bert": [[…], …], "bert-many": …, "bert-regression": …}, "cosines": […]}: what the text
                           classification pipeline makes of texts with vocab.txt, a row a text in the order of the labels, cut to the model's 40 positions; and
                           the cosines between means of states of "bert-alone", of each text and the first
    sites.safetensors      <name>/<site> F32 [channels]: what the module of a site gives, averaged over the tokens of the first text

`older` are BERT's weights with the names that files converted from TensorFlow have; `bare` are those of the encoder alone, at the top of the folder.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, BertTokenizerFast, TextClassificationPipeline

from fixtures import FIXTURES, save

torch.set_num_threads(1)
FOLDER = FIXTURES / "encoders"
HIDDEN, HEADS, INTERMEDIATE, VOCABULARY, LAYERS, POSITIONS = 32, 4, 48, 64, 2, 40

COMMON = {
    "hidden_size": HIDDEN, "num_attention_heads": HEADS, "intermediate_size": INTERMEDIATE, "vocab_size": VOCABULARY,
    "num_hidden_layers": LAYERS, "max_position_embeddings": POSITIONS,
}


def labels(*names: str) -> dict:
    return {"id2label": {str(k): name for k, name in enumerate(names)}, "label2id": {name: k for k, name in enumerate(names)}}


TOXIC = labels("neutral", "toxic")
MANY = labels("toxic", "obscene", "insult")
BERT = COMMON | {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
ROBERTA = COMMON | {
    "model_type": "roberta", "architectures": ["RobertaForSequenceClassification"], "layer_norm_eps": 1e-5, "type_vocab_size": 1, "pad_token_id": 1}
DISTILBERT = {
    "model_type": "distilbert", "architectures": ["DistilBertForSequenceClassification"], "dim": HIDDEN, "n_heads": HEADS,
    "hidden_dim": INTERMEDIATE, "vocab_size": VOCABULARY, "n_layers": LAYERS, "max_position_embeddings": POSITIONS}

# Name: the weights and the settings.
FOLDERS = {
    "bert": ("bert", BERT | TOXIC),
    "bert-many": ("bert-many", BERT | MANY | {"problem_type": "multi_label_classification"}),
    "bert-new": ("bert", BERT | TOXIC | {"hidden_act": "gelu_new"}),
    "bert-relu": ("bert", BERT | TOXIC | {"hidden_act": "relu", "layer_norm_eps": 0.05}),
    "bert-single": ("bert-one", BERT | labels("toxicity")),
    "bert-regression": ("bert-one", BERT | labels("toxicity") | {"problem_type": "regression"}),
    "bert-older": ("older", BERT | TOXIC),
    "bert-alone": ("bare", BERT | {"architectures": ["BertModel"]}),
    "bert-inside": ("bert", BERT | {"architectures": ["BertModel"]}),
    "roberta": ("roberta", ROBERTA | TOXIC),
    "xlm-roberta": ("roberta", ROBERTA | TOXIC | {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForSequenceClassification"]}),
    "distilbert": ("distilbert", DISTILBERT | MANY),
    "distilbert-relu": ("distilbert", DISTILBERT | MANY | {"activation": "relu"}),
}  # fmt: skip
WEIGHTS = {
    "bert": BERT | TOXIC, "bert-many": BERT | MANY, "bert-one": BERT | labels("toxicity"), "roberta": ROBERTA | TOXIC, "distilbert": DISTILBERT | MANY,
}
# A token of the number that fills texts up within a text: RoBERTa does not count it.
TEXTS = [
    [2, 17, 33, 5, 60, 8, 41, 3], [2, 3], [2] + [(7 * k * k + 3 * k) % 58 + 5 for k in range(36)] + [3], [2, 63, 62, 1, 61, 1, 1, 9, 3],
    [2, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 3],
]  # fmt: skip

LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
VOCABULARY_TEXTS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *["##" + letter for letter in LETTERS], *".,!?'-:"]
JUDGED = [
    "A short text.", "", "You idiot!", "Caf\u00e9 na\u00efve, \u00c5ngstr\u00f6m", "What a long text this is: it goes on and on, and ends nowhere near.", "42", "b", "-",
    "the same, the same", "the same, the same!",
]


def make_model(settings: dict, seed: int):
    """A model whose weights are wide enough for positions, norms and biases to show in what it gives, rounded to F16."""
    generator = torch.Generator().manual_seed(seed)
    model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(**settings))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 2:
                parameter.copy_(noise if "embeddings" in name else 1.5 * noise / parameter.shape[1] ** 0.5)
            else:
                parameter.copy_(0.3 * noise + (0 if name.endswith("bias") else 1))
            parameter.copy_(parameter.half().float())
    return model.eval()


def stored(model) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().astype(np.float16) for name, tensor in model.state_dict().items()}


def load(settings: dict, tensors: dict[str, np.ndarray]):
    names = settings["architectures"][0]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(settings))
        save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        kind = AutoModel if names.endswith("Model") else AutoModelForSequenceClassification
        model, info = kind.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager", output_loading_info=True)
    if info["missing_keys"] or set(info["unexpected_keys"]) - {"classifier.weight", "classifier.bias"}:
        raise SystemExit(f"the weights do not fit: {info}")
    return model.eval()


def scores(config, logits: torch.Tensor) -> torch.Tensor:
    """As `TextClassificationPipeline.postprocess` of transformers chooses."""
    if config.problem_type == "regression":
        return logits
    if config.problem_type == "multi_label_classification" or config.num_labels == 1:
        return torch.sigmoid(logits)
    return torch.softmax(logits, -1)


@torch.no_grad()
def run(model, settings: dict) -> dict[str, np.ndarray]:
    """Texts padded to one length, with a mask over what fills them up."""
    longest = max(map(len, TEXTS))
    padding = settings.get("pad_token_id", 0)
    tokens = torch.tensor([text + [padding] * (longest - len(text)) for text in TEXTS])
    mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in TEXTS])
    output = model(input_ids=tokens, attention_mask=mask, output_hidden_states=True)
    states = output.hidden_states[-1]
    result = {
        "states": torch.cat([states[k, : len(text)] for k, text in enumerate(TEXTS)]),
        "mean": torch.stack([states[k, : len(text)].mean(0) for k, text in enumerate(TEXTS)]),
    }
    if hasattr(output, "logits"):
        result |= {"logits": output.logits, "scores": scores(model.config, output.logits)}
    return {name: tensor.float().numpy() for name, tensor in result.items()}


@torch.no_grad()
def site_means(model) -> dict[str, np.ndarray]:
    """The mean over the first text's tokens of what every linear layer, norm and embedding gives, and of the results of attention's heads."""
    found, hooks = {}, []
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.LayerNorm, torch.nn.Embedding)):
            def hook(module, inputs, output, name=name):
                found[name] = output.reshape(-1, output.shape[-1]).mean(0)
            hooks.append(module.register_forward_hook(hook))
        if name.endswith(("attention.output.dense", "attention.out_lin")):
            def before(module, inputs, name=name):
                found[name + ".input"] = inputs[0].reshape(-1, inputs[0].shape[-1]).mean(0)
            hooks.append(module.register_forward_pre_hook(before))
    model(input_ids=torch.tensor([TEXTS[0]]))
    for hook in hooks:
        hook.remove()
    return {name: tensor.float().numpy() for name, tensor in found.items()}


@torch.no_grad()
def judge(tensors: dict[str, dict[str, np.ndarray]]) -> dict:
    assert len(VOCABULARY_TEXTS) == VOCABULARY
    path = FOLDER / "vocab.txt"
    path.write_text("".join(text + "\n" for text in VOCABULARY_TEXTS), encoding="utf-8")
    tokenizer = BertTokenizerFast(str(path))
    found = {}
    for name in ("bert", "bert-many", "bert-regression"):
        weights, settings = FOLDERS[name]
        pipeline = TextClassificationPipeline(model=load(settings, tensors[weights]), tokenizer=tokenizer, device="cpu")
        order = list(settings["id2label"].values())
        found[name] = []
        for text in JUDGED:
            scores = {entry["label"]: entry["score"] for entry in pipeline(text, top_k=None, truncation=True, max_length=POSITIONS)}
            found[name].append([scores[label] for label in order])
    weights, settings = FOLDERS["bert-alone"]
    model = load(settings, tensors[weights])
    means = []
    for text in JUDGED:
        tokens = tokenizer(text, truncation=True, max_length=POSITIONS, return_tensors="pt")
        means.append(model(**tokens).last_hidden_state[0].mean(0))
    cosines = [torch.nn.functional.cosine_similarity(mean, means[0], dim=0).item() for mean in means]
    return {"texts": JUDGED, "scores": found, "cosines": cosines}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    tensors = {name: stored(make_model(settings, seed)) for seed, (name, settings) in enumerate(WEIGHTS.items())}
    tensors["older"] = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in tensors["bert"].items()}
    tensors["bare"] = {name.removeprefix("bert."): tensor for name, tensor in tensors["bert"].items() if name.startswith("bert.")}
    for name, weights in tensors.items():
        save(FOLDER / f"{name}.safetensors", weights)
    expected, cases, sites = {}, [], {}
    for name, (weights, settings) in FOLDERS.items():
        model = load(settings, tensors[weights])
        result = run(model, settings)
        expected |= {f"{name}.{key}": value for key, value in result.items()}
        cases.append({"name": name, "weights": weights, "config": json.dumps(settings), "isClassifier": "logits" in result})
        if name in ("bert", "roberta", "distilbert"):
            sites |= {f"{name}/{site}": value for site, value in site_means(model).items()}
        first = name.split("-")[0]
        if name != first and expected.get(f"{first}.logits", np.zeros(0)).shape == result.get("logits", np.zeros(1)).shape:
            print(f"{name}: differs by {np.abs(expected[f'{first}.logits'] - result['logits']).max():.2g} from {first}")
        print(f"{name}: states up to {np.abs(result['states']).max():.2g}, logits up to {np.abs(result.get('logits', np.zeros(1))).max():.2g}")
    save(FOLDER / "expected.safetensors", expected)
    save(FOLDER / "sites.safetensors", sites)
    (FOLDER / "judged.json").write_text(json.dumps(judge(tensors), indent=1) + "\n", encoding="utf-8")
    lines = ",\n".join(json.dumps(case) for case in cases)
    (FOLDER / "cases.json").write_text(f'{{"texts": {json.dumps(TEXTS)},\n"folders": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
