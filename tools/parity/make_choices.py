"""Makes Tests/Fixtures/smollm2/choices.json: what EleutherAI's lm-evaluation-harness gives for questions of MMLU and TruthfulQA.

    python3 -m venv .venv && .venv/bin/pip install -r tools/parity/requirements-evaluation.txt
    .venv/bin/python tools/parity/make_choices.py "$(tools/get-model smollm2)" DATA

DATA is a folder with mmlu/{dev,test}/SUBJECT.csv and truthfulqa_mc_task.json. The model is SmolLM2-135M-Instruct (Q4_1) in transformers, its weights decoded by `gguf` exactly
as stored, in Float32; prompts, splitting and likelihoods are the harness's own, from the task files that it comes with.

    mmlu: {SUBJECT: [[log-likelihood of A, of B, of C, of D] a question]}    the first 9 questions of each of six subjects, five examples before each
    truthfulqa: {mc1: [[log-likelihood of each answer] a question], mc2: the same, mass: [MC2 a question]}    the first 50 questions
    accuracy: {mmlu: {SUBJECT: …}, mc1, mc2}    as the harness reports them

Only numbers are written, none of the questions.
"""

import argparse
import csv
import importlib.resources
import json
import os
import tempfile
from pathlib import Path

os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import yaml
from gguf import GGUFReader
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks.truthfulqa.utils import process_results_mc2
from transformers import PreTrainedTokenizerFast

from fixtures import FIXTURES
from references import load_llama, load_tokenizer

QUESTIONS = {"mmlu": 9, "truthfulqa": 50}


def settings(*path: str) -> dict:
    """A task file that the harness comes with."""
    text = importlib.resources.files("lm_eval").joinpath("tasks", *path).read_text()
    return yaml.safe_load(text.replace("!function ", ""))


def exam(data: Path, subject: str, folder: Path) -> ConfigurableTask:
    files = {}
    for split in ("dev", "test"):
        with open(data / "mmlu" / split / f"{subject}.csv", newline="") as file:
            rows = [{"question": row["question"], "choices": [row[f"choice{i}"] for i in range(4)], "answer": int(row["answer"])}
                    for row in csv.DictReader(file)]
        files[split] = str(folder / f"{subject}-{split}.json")
        Path(files[split]).write_text("\n".join(json.dumps(row) for row in rows))
    config = settings("mmlu", "default", "_default_template_yaml") | settings("mmlu", "default", f"mmlu_{subject}.yaml")
    for key in ("include", "tag", "dataset_name", "task_alias"):
        config.pop(key)
    return ConfigurableTask(config=config | {"dataset_path": "json", "dataset_kwargs": {"data_files": files}, "num_fewshot": 5})


def truth(data: Path, name: str, folder: Path) -> ConfigurableTask:
    def targets(answers: dict) -> dict:
        return {"choices": list(answers), "labels": list(answers.values())}

    entries = json.loads((data / "truthfulqa_mc_task.json").read_text())
    file = folder / f"{name}.json"
    file.write_text("\n".join(json.dumps({"question": entry["question"]} | {
        key: targets(entry[key]) for key in ("mc1_targets", "mc2_targets")}) for entry in entries))
    config = settings("truthfulqa", "truthfulqa_mc1.yaml")
    if name == "mc2":
        config |= settings("truthfulqa", "truthfulqa_mc2.yaml") | {"process_results": process_results_mc2}
        config.pop("include")
    for key in ("tag", "dataset_name"):
        config.pop(key)
    return ConfigurableTask(config=config | {
        "task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": {"validation": str(file)}}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="path of SmolLM2-135M-Instruct.Q4_1.gguf (printed by tools/get-model smollm2)")
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    reader = GGUFReader(arguments.model)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=load_tokenizer(reader), eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.model_max_length = 8192
    model = HFLM(pretrained=load_llama(reader).to(torch.float32), tokenizer=tokenizer, batch_size=4, device="cpu")
    subjects = sorted(path.stem for path in (arguments.data / "mmlu" / "test").glob("*.csv"))

    def run(task: ConfigurableTask, limit: int) -> tuple[list[list[float]], list[float], float]:
        """The log-likelihoods of each question, in order, the score of each, and the mean."""
        name = task.config.task
        result = evaluate(lm=model, task_dict={name: task}, limit=limit, log_samples=True, bootstrap_iters=0)
        samples = sorted(result["samples"][name], key=lambda sample: sample["doc_id"])
        values = [[round(float(answer[0]), 6) for answer in sample["filtered_resps"]] for sample in samples]
        return values, [float(sample["acc"]) for sample in samples], result["results"][name]["acc,none"]

    content = {"mmlu": {}, "truthfulqa": {}, "accuracy": {"mmlu": {}}}
    with tempfile.TemporaryDirectory() as folder:
        for subject in subjects:
            values, _, accuracy = run(exam(arguments.data, subject, Path(folder)), QUESTIONS["mmlu"])
            content["mmlu"][subject] = values
            content["accuracy"]["mmlu"][subject] = accuracy
        for name in ("mc1", "mc2"):
            values, scores, accuracy = run(truth(arguments.data, name, Path(folder)), QUESTIONS["truthfulqa"])
            content["truthfulqa"][name] = values
            content["accuracy"][name] = accuracy
            if name == "mc2":
                content["truthfulqa"]["mass"] = scores
    path = FIXTURES / "smollm2" / "choices.json"
    path.write_text(json.dumps(content, indent=None, separators=(",", ":")) + "\n")
    print(f"{path.relative_to(FIXTURES.parents[1])}: {path.stat().st_size / 1000:.0f} kB, {content['accuracy']}")


main()
