"""Makes Tests/Fixtures/smollm2/{logits,activations}.safetensors: SmolLM2-135M-Instruct (Q4_1) in transformers, in Float64.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    .venv/bin/python tools/parity/make_logits.py "$(tools/get-model smollm2)"

The weights are decoded by `gguf` exactly as stored, so what is compared is the arithmetic of the model alone.

logits.safetensors, for prompt NN (00 to 19):
    NN.ids           I32 [tokens]       the prompt
    NN.top           I32 [tokens]       the most likely next token at each position
    NN.top_logits    F32 [tokens]       its logit
    NN.margins       F32 [tokens]       its lead over the second; a smaller difference than this cannot change the top token
    NN.indices       I32 [80]           64 vocabulary entries, the same for every prompt, then the 16 likeliest at the end of this one
    NN.logits        F32 [tokens, 80]   the logits of these entries
    NN.last          F32 [vocabulary]   every logit at the last position; for prompts 00, 07 and 15
  Metadata: `prompts` (JSON, the texts), `float32_difference` (the largest difference of a Float32 run of the same model, for scale).

activations.safetensors, for the first three prompts: `<site>` F32 [3, channels], the output of the module of that name averaged over
the tokens of each prompt; `00.ids`, `01.ids`, `02.ids`. Channels of q_proj are in the order of Hugging Face (rotate-half pairs).
"""

import numpy as np

from fixtures import FIXTURES, save
from references import load_llama, load_tokenizer, logits, parse_model_argument, use_float64

PROMPTS = [
    "Once upon a time, in a small village by the sea, there lived an old clockmaker who",
    "The capital of France is Paris, and the capital of Italy is",
    "Water boils at a lower temperature on a mountain because the air pressure is",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "#include <stdio.h>\n\nint main(void) {\n    for (int i = 0; i < 10; i++) {\n        printf(\"%d\\n\", i);\n    }\n",
    "SELECT name, COUNT(*) FROM orders WHERE total > 100 GROUP BY name ORDER BY",
    "{\"id\": 42, \"tags\": [\"red\", \"green\"], \"nested\": {\"ok\": true, \"value\": null}, \"next\":",
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\nWhat is gravity?<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nWrite a haiku about rain.<|im_end|>\n<|im_start|>assistant\nSoft rain on the roof",
    "Le petit chat dort sur la chaise pendant que la pluie tombe dehors, et",
    "Der schnelle braune Fuchs springt über den faulen Hund, während",
    "El tren sale de la estación a las ocho y llega a",
    "今天天气很好,我们一起去公园",
    "Москва является столицей России, а Париж",
    "1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89,",
    "3.14159265358979 is approximately pi, and 2.71828 is approximately e. Their sum is",
    "   leading spaces,\ttabs\t\tand\n\n\nblank lines   ",
    "She said: \"I can't believe it's already five o'clock!\" 😀🎉 Then",
    "<|endoftext|>The history of the bicycle begins in the early nineteenth century, when a German baron built a wooden machine with two "
    "wheels that the rider pushed along with his feet. It had no pedals, no chain and no brakes, and yet people were",
    "Dear Ms. Alvarez,\n\nThank you for your letter of 12 March. We are sorry to hear that",
]

FULL_PROMPTS = (0, 7, 15)
LAYERS = (0, 7, 29)
MODULES = ("input_layernorm", "self_attn.q_proj", "self_attn.o_proj", "post_attention_layernorm", "mlp.up_proj")
SAMPLED_ENTRIES = 64
TOP_ENTRIES = 16


def record_means(model, sites: list[str], prompts: list[list[int]]) -> dict[str, np.ndarray]:
    """The outputs of the named modules, averaged over the tokens of each prompt."""
    modules = dict(model.named_modules())
    means = {site: [] for site in sites}
    hooks = [
        modules[site].register_forward_hook(
            lambda module, inputs, output, site=site: means[site].append(output[0].mean(dim=0).numpy().astype(np.float32)))
        for site in sites
    ]
    for ids in prompts:
        logits(model, ids)
    for hook in hooks:
        hook.remove()
    return {site: np.stack(rows) for site, rows in means.items()}


def main() -> None:
    reader = parse_model_argument(__doc__)
    tokenizer = load_tokenizer(reader)
    prompts = [tokenizer.encode(text, add_special_tokens=False).ids for text in PROMPTS]
    # The decoded weights are Float32 numbers, so that the change of type and back loses nothing.
    model = load_llama(reader).float()
    in_float32 = [logits(model, ids) for ids in prompts]
    model = model.double()
    use_float64()
    exact = [logits(model, ids) for ids in prompts]
    difference = max(float(np.abs(a - b).max()) for a, b in zip(in_float32, exact))

    entries = np.sort(np.random.default_rng(20250101).choice(exact[0].shape[1], SAMPLED_ENTRIES, replace=False))
    tensors = {}
    for number, (ids, values) in enumerate(zip(prompts, exact)):
        name = f"{number:02}"
        ordered = np.sort(values, axis=1)
        likeliest = np.argsort(-values[-1], kind="stable")[:TOP_ENTRIES]
        indices = np.concatenate([entries, likeliest])
        tensors[f"{name}.ids"] = np.array(ids, dtype=np.int32)
        tensors[f"{name}.top"] = values.argmax(axis=1).astype(np.int32)
        tensors[f"{name}.top_logits"] = ordered[:, -1].astype(np.float32)
        tensors[f"{name}.margins"] = (ordered[:, -1] - ordered[:, -2]).astype(np.float32)
        tensors[f"{name}.indices"] = indices.astype(np.int32)
        tensors[f"{name}.logits"] = values[:, indices].astype(np.float32)
        if number in FULL_PROMPTS:
            tensors[f"{name}.last"] = values[-1].astype(np.float32)
        print(f"{name} {len(ids):3} tokens, smallest margin {tensors[f'{name}.margins'].min():.4f}, "
              f"range {values.min():.1f} … {values.max():.1f}, next: {tokenizer.decode([int(likeliest[0])])!r}")
    print(f"{sum(map(len, prompts))} positions; Float32 differs from Float64 by at most {difference:.2e}")
    save(FIXTURES / "smollm2" / "logits.safetensors", tensors, {"prompts": PROMPTS, "float32_difference": difference})

    sites = [f"model.layers.{layer}.{module}" for layer in LAYERS for module in MODULES] + ["model.norm"]
    activations = record_means(model, sites, prompts[:3])
    for number in range(3):
        activations[f"{number:02}.ids"] = np.array(prompts[number], dtype=np.int32)
    save(FIXTURES / "smollm2" / "activations.safetensors", activations, {"prompts": PROMPTS[:3]})


if __name__ == "__main__":
    main()
