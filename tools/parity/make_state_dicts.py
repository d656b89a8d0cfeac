"""Makes Tests/Fixtures/state-dicts: maps as other programs save them, and what those programs make of activations.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements.txt
    git clone https://github.com/apple/ml-act /somewhere/ml-act
    .venv/bin/python tools/parity/make_state_dicts.py /somewhere/ml-act

The hook classes of ml-act (act/hooks) are fitted to samples, save their state dicts, and are applied to activations; nothing of their code is
kept. `aura.pt` holds the factors as ml-aura saves them; `lineas.statedict` what ml-lineas adds to the linear map.

    <method>.statedict         linear, gaussian, mean, aura
    hooks.safetensors          x F32 [2, 5, 16]; <method>.<support>.<strength> F32 of x's shape: the hook's result
    vector.gguf                a control vector of three directions, written by PyPI's gguf as repeng does
    vector.safetensors         direction.<k> F32 [16]
"""

import sys
from collections import OrderedDict

import numpy as np
import torch

from fixtures import FIXTURES, save

sys.path.insert(0, sys.argv[1])
from act.hooks.aura_hook import AURAHook  # noqa: E402
from act.hooks.transport import GaussianOTHook, LinearOTHook, OnlyMeanHook  # noqa: E402

CHANNELS, SAMPLES = 16, 40
SUPPORTS = ["q_all", "q_0_100", "q_5_95", "q_40_60"]


def main() -> None:
    folder = FIXTURES / "state-dicts"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(20261129)
    np.random.seed(20261129)
    source = torch.randn(SAMPLES, CHANNELS) * torch.linspace(0.1, 4, CHANNELS)
    target = torch.randn(SAMPLES, CHANNELS) * torch.linspace(2, 0.2, CHANNELS) + torch.linspace(-3, 3, CHANNELS)
    # A dead neuron, which the normal maps leave alone.
    source[:, 7] = 0.25
    responses = torch.cat([source, target])
    labels = torch.cat([torch.ones(SAMPLES), torch.zeros(SAMPLES)])
    x = torch.randn(2, 5, CHANNELS) * 3
    tensors = {"x": x.numpy()}
    classes = {"linear": LinearOTHook, "gaussian": GaussianOTHook, "mean": OnlyMeanHook, "aura": AURAHook}
    for name, hook_class in classes.items():
        fitted = hook_class(module_name="model.norm", device="cpu", quantiles_src="q_5_95")
        fitted.fit(responses=responses, labels=labels)
        path = folder / f"{name}.statedict"
        fitted.save_state_dict(path)
        for support in SUPPORTS if name != "aura" else ["q_all"]:
            for strength in (1.0, 0.5):
                hook = hook_class(module_name="model.norm", device="cpu", quantiles_src=support, strength=strength)
                hook.load_state_dict(torch.load(path, weights_only=False))
                with torch.no_grad():
                    tensors[f"{name}.{support.replace('q_all', 'all')}.{strength:g}"] = hook(None, None, x.clone()).numpy()
    factors = torch.linspace(0, 1, CHANNELS, dtype=torch.float16)
    torch.save({"alpha": factors}, folder / "aura.pt")
    tensors["factors.all.1"] = (x * factors.float()).numpy()
    linear = torch.load(folder / "linear.statedict", weights_only=False)
    torch.save(
        OrderedDict({"dim": torch.tensor(CHANNELS), "net.w1": torch.nn.Parameter(linear["net.w1"]), "net.b1": linear["net.b1"]}),
        folder / "lineas.statedict", pickle_protocol=4)
    save(folder / "hooks.safetensors", tensors)

    import gguf

    directions = {block: np.random.default_rng(block).normal(size=CHANNELS).astype(np.float32) for block in (1, 2, 11)}
    writer = gguf.GGUFWriter(folder / "vector.gguf", "controlvector")
    writer.add_string("controlvector.model_hint", "llama")
    writer.add_uint32("controlvector.layer_count", len(directions))
    for block, direction in directions.items():
        writer.add_tensor(f"direction.{block}", direction)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save(folder / "vector.safetensors", {f"direction.{block}": direction for block, direction in directions.items()})


if __name__ == "__main__":
    main()
