"""A prompt and tokens with ggml's Vulkan backend (PyPI cyllama-vulkan), and what each token costs the host and submits: a line of JSON.

    python ggml_host.py MODEL.gguf FOLDER_OF_THE_LAYER TOKENS
"""

import ctypes
import json
import sys
import time
from pathlib import Path

from cyllama.llama import llama_cpp as llama

PROMPT = 64
WARM_UP = 20


def main():
    path, layer, tokens = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    llama.ggml_backend_load_all()
    parameters = llama.LlamaModelParams()
    parameters.n_gpu_layers = 99
    model = llama.LlamaModel(path, parameters)
    options = llama.LlamaContextParams()
    options.n_ctx = 1024
    context = llama.LlamaContext(model, options)
    # The layer that the loader has opened, not another.
    library = ctypes.CDLL(str(layer / "libnull-device.so"))

    def counts():
        values = (ctypes.c_uint64 * 4)()
        library.null_device_counts(values)
        return list(values)

    context.decode(llama.llama_batch_get_one([504] * PROMPT, 0))
    times = []
    for position in range(PROMPT, PROMPT + WARM_UP + tokens):
        if position == PROMPT + WARM_UP:
            before = counts()
        start = time.perf_counter()
        context.decode(llama.llama_batch_get_one([504], position))
        times.append(1000 * (time.perf_counter() - start))
    done = [(after - first) / tokens for after, first in zip(counts(), before)]
    times = sorted(times[WARM_UP:])
    names = ("dispatches", "barriers", "copies", "submissions")
    print(json.dumps({"median": times[len(times) // 2], "fastest": times[0], **dict(zip(names, done))}))


if __name__ == "__main__":
    main()
