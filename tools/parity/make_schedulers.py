"""Makes Tests/Fixtures/schedulers.json: timesteps, noise levels and whole trajectories of diffusers' schedulers.

    .venv/bin/python tools/parity/make_schedulers.py

The model is a fixed function: output = 0.6 · sin(1.3 · input + timestep / 250) + 0.3 · input, computed in f32, so that the sample decides
its own way. Each case is {"config": <scheduler_config.json>, "steps": …, "skipping": …, "eta": …, "imageTokens": …, "even": …, "timesteps": […],
"initialNoiseScale": …, "start": [signal, noise], "samples": [the sample after each step]}; the first sample and all fresh noise are torch's
numbers of the seed, eight each. A case that begins in the middle begins at a picture with noise.
"""

import inspect
import json
from pathlib import Path

import diffusers
import numpy as np
import torch

PATH = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "schedulers.json"
SEED = 20
SIZE = 8
SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}


def model(sample: torch.Tensor, timestep: float) -> torch.Tensor:
    return 0.6 * torch.sin(1.3 * sample + timestep / 250) + 0.3 * sample


def cases():
    """(class, settings, steps, strength, more)"""
    for spacing in ("leading", "trailing", "linspace"):
        for prediction in ("epsilon", "v_prediction", "sample"):
            yield "DDIM", {**SD, "clip_sample": False, "timestep_spacing": spacing, "prediction_type": prediction, "steps_offset": 1}, 7, 1, {}
    yield "DDIM", {**COSINE, "clip_sample": False, "timestep_spacing": "trailing", "prediction_type": "v_prediction",
                   "rescale_betas_zero_snr": True, "set_alpha_to_one": True}, 20, 1, {}
    yield "DDIM", {**SD, "clip_sample": True, "clip_sample_range": 0.7}, 10, 1, {}
    yield "DDIM", {**SD, "clip_sample": True, "set_alpha_to_one": False}, 10, 1, {"eta": 1.0}
    yield "DDIM", {"clip_sample": False}, 30, 1, {"eta": 0.5}
    yield "DDIM", {**SD, "clip_sample": False}, 10, 0.63, {}
    yield "DDIM", {"clip_sample": False, "num_train_timesteps": 12, "trained_betas": np.linspace(0.01, 0.4, 12).tolist()}, 5, 1, {}
    for spacing in ("leading", "trailing", "linspace"):
        for prediction in ("epsilon", "v_prediction", "sample"):
            yield "EulerDiscrete", {**SD, "timestep_spacing": spacing, "prediction_type": prediction, "steps_offset": 1}, 9, 1, {}
    yield "EulerDiscrete", {**SD, "use_karras_sigmas": True}, 8, 1, {}
    yield "EulerDiscrete", {**SD, "use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.5}, 8, 1, {}
    yield "EulerDiscrete", {**SD, "use_exponential_sigmas": True}, 8, 1, {}
    yield "EulerDiscrete", {**SD, "interpolation_type": "log_linear"}, 8, 1, {}
    yield "EulerDiscrete", {**SD, "final_sigmas_type": "sigma_min"}, 8, 1, {}
    yield "EulerDiscrete", {**SD, "timestep_type": "continuous", "prediction_type": "v_prediction", "use_karras_sigmas": True,
                            "sigma_max": 700.0, "sigma_min": 0.002}, 8, 1, {}
    yield "EulerDiscrete", {**COSINE, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}, 12, 1, {}
    yield "EulerDiscrete", {**SD, "timestep_spacing": "trailing", "prediction_type": "sample"}, 1, 1, {}
    yield "EulerDiscrete", {**SD, "timestep_spacing": "trailing"}, 4, 1, {}
    yield "EulerDiscrete", {**SD, "timestep_spacing": "leading", "steps_offset": 1}, 10, 0.4, {}
    for spacing in ("leading", "trailing", "linspace"):
        yield "EulerAncestralDiscrete", {**SD, "timestep_spacing": spacing}, 11, 1, {}
    yield "EulerAncestralDiscrete", {**SD, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True,
                                     "timestep_spacing": "trailing"}, 6, 1, {}
    yield "EulerAncestralDiscrete", {**SD, "timestep_spacing": "trailing"}, 1, 1, {}
    yield "EulerAncestralDiscrete", {**SD}, 10, 0.5, {}
    for prediction in ("epsilon", "v_prediction", "sample"):
        for karras in (False, True):
            yield "DPMSolverMultistep", {**SD, "use_karras_sigmas": karras, "prediction_type": prediction}, 20, 1, {}
    for spacing in ("leading", "trailing"):
        yield "DPMSolverMultistep", {**SD, "timestep_spacing": spacing, "steps_offset": 1}, 9, 1, {}
    yield "DPMSolverMultistep", {**SD, "solver_order": 1}, 9, 1, {}
    yield "DPMSolverMultistep", {**SD, "solver_order": 3}, 9, 1, {}
    yield "DPMSolverMultistep", {**SD, "solver_order": 3}, 17, 1, {}
    yield "DPMSolverMultistep", {**SD, "solver_type": "heun"}, 9, 1, {}
    yield "DPMSolverMultistep", {**SD, "solver_type": "heun", "algorithm_type": "sde-dpmsolver++"}, 9, 1, {}
    yield "DPMSolverMultistep", {**SD, "algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True}, 16, 1, {}
    yield "DPMSolverMultistep", {**SD, "algorithm_type": "sde-dpmsolver++", "solver_order": 3}, 16, 1, {}
    yield "DPMSolverMultistep", {**SD, "use_exponential_sigmas": True, "final_sigmas_type": "sigma_min"}, 16, 1, {}
    yield "DPMSolverMultistep", {**SD, "lower_order_final": False, "euler_at_final": True, "final_sigmas_type": "sigma_min"}, 9, 1, {}
    yield "DPMSolverMultistep", {**SD, "lower_order_final": False, "final_sigmas_type": "sigma_min"}, 9, 1, {}
    yield "DPMSolverMultistep", {**COSINE, "use_karras_sigmas": True, "lambda_min_clipped": -5.1}, 16, 1, {}
    yield "DPMSolverMultistep", {**COSINE, "lambda_min_clipped": -5.1}, 16, 1, {}
    yield "DPMSolverMultistep", {**SD, "use_karras_sigmas": True}, 10, 0.6, {}
    yield "LCM", {**SD}, 4, 1, {}
    yield "LCM", {**SD, "prediction_type": "v_prediction", "clip_sample": True, "original_inference_steps": 40, "timestep_scaling": 3.0}, 6, 1, {}
    yield "LCM", {**SD, "prediction_type": "sample"}, 1, 1, {}
    yield "LCM", {**SD}, 8, 0.5, {}
    for prediction in ("epsilon", "v_prediction"):
        yield "PNDM", {**SD, "skip_prk_steps": True, "steps_offset": 1, "prediction_type": prediction}, 12, 1, {}
    yield "PNDM", {**SD, "skip_prk_steps": True, "set_alpha_to_one": True, "timestep_spacing": "trailing"}, 5, 1, {}
    yield "PNDM", {**SD, "skip_prk_steps": True, "timestep_spacing": "linspace"}, 2, 1, {}
    yield "PNDM", {**SD, "skip_prk_steps": True, "steps_offset": 1}, 1, 1, {}
    yield "PNDM", {**SD, "skip_prk_steps": True, "steps_offset": 1}, 12, 0.5, {}
    yield "FlowMatchEulerDiscrete", {}, 6, 1, {}
    yield "FlowMatchEulerDiscrete", {"shift": 3.0}, 6, 1, {}
    yield "FlowMatchEulerDiscrete", {"shift": 3.0}, 6, 0.5, {}
    yield "FlowMatchEulerDiscrete", {"shift": 1.0}, 4, 1, {"even": True}
    dynamic = {"shift": 3.0, "use_dynamic_shifting": True}
    yield "FlowMatchEulerDiscrete", dynamic, 10, 1, {"even": True, "imageTokens": 1024}
    yield "FlowMatchEulerDiscrete", {**dynamic, "time_shift_type": "linear"}, 10, 1, {"even": True, "imageTokens": 4096}
    yield "FlowMatchEulerDiscrete", {**dynamic, "base_shift": 0.95, "max_shift": 2.05, "shift_terminal": 0.1}, 7, 1, {"imageTokens": 300}
    yield "FlowMatchEulerDiscrete", {"use_karras_sigmas": True}, 7, 1, {}
    yield "FlowMatchEulerDiscrete", {"use_exponential_sigmas": True, "shift": 2.0}, 7, 1, {}
    yield "FlowMatchEulerDiscrete", {"stochastic_sampling": True}, 7, 1, {}


def flux_shift(tokens: int, config) -> float:
    slope = (config.max_shift - config.base_shift) / (config.max_image_seq_len - config.base_image_seq_len)
    return tokens * slope + config.base_shift - slope * config.base_image_seq_len


def run(name: str, settings: dict, steps: int, strength: float, more: dict) -> dict:
    scheduler = getattr(diffusers, f"{name}Scheduler")(**settings)
    arguments = {}
    if "imageTokens" in more:
        arguments["mu"] = flux_shift(more["imageTokens"], scheduler.config)
    if more.get("even"):
        arguments["sigmas"] = np.linspace(1.0, 1 / steps, steps)
    scheduler.set_timesteps(steps, **arguments)
    skipping = max(steps - min(int(steps * strength), steps), 0)
    timesteps = scheduler.timesteps[skipping:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipping)
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(1, SIZE, generator=generator)
    result = {"config": scheduler.to_json_string(), "steps": steps, "skipping": skipping, **more}
    scale = float(getattr(scheduler, "init_noise_sigma", 1.0))
    if skipping:
        picture = torch.linspace(-1, 1, SIZE)[None]
        noising = scheduler.scale_noise if name.startswith("Flow") else scheduler.add_noise
        sample = noising(picture, timesteps[:1], noise) if name.startswith("Flow") else noising(picture, noise, timesteps[:1])
    else:
        sample = noise * scale
    result["first"] = sample.flatten().tolist()
    extra = {}
    parameters = inspect.signature(scheduler.step).parameters
    if "generator" in parameters:
        extra["generator"] = generator
    if "eta" in more:
        extra["eta"] = more["eta"]
    samples = []
    for timestep in timesteps:
        given = sample if name.startswith("Flow") else scheduler.scale_model_input(sample, timestep)
        sample = scheduler.step(model(given, float(timestep)), timestep, sample, **extra).prev_sample
        samples.append(sample.flatten().tolist())
    result |= {"timesteps": timesteps.tolist(), "initialNoiseScale": scale, "samples": samples}
    return result


def rounded(value):
    """Seven digits, which f32 has."""
    if isinstance(value, float):
        return float(f"{value:.8g}") if np.isfinite(value) else value
    if isinstance(value, list):
        return [rounded(element) for element in value]
    return {key: rounded(element) for key, element in value.items()} if isinstance(value, dict) else value


def main() -> None:
    results = [rounded(run(*case)) for case in cases()]
    PATH.write_text("[\n" + ",\n".join(json.dumps(result, separators=(",", ":")) for result in results) + "\n]\n", encoding="utf-8")
    print(f"{PATH.name}: {len(results)} cases, {PATH.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
