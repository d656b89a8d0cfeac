"""Where fixtures lie and how they are written; it needs no more than numpy and safetensors."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

FIXTURES = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures"


def save(path: Path, tensors: dict[str, np.ndarray], metadata: dict | None = None) -> None:
    """Writes a safetensors file; values of the metadata that are not strings are stored as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (metadata or {}).items()}
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path, metadata=texts)
    print(f"{path.relative_to(FIXTURES.parents[1])}: {len(tensors)} tensors, {path.stat().st_size / 1000:.0f} kB")
