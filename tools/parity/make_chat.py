"""Makes Tests/Fixtures/tokenizer/chat.json: what Jinja makes of conversations under the layouts of several model families.

    .venv/bin/python tools/parity/make_chat.py

{"templates": {"<name>": {"template": …, "bos": …, "eos": …, "cases": [{"messages": […], "prompt": …, "text": …}]}}, "unknown": {"<name>": …}}.
Templates run as `transformers` runs them: sandboxed, with `trim_blocks` and `lstrip_blocks`. `unknown` are layouts that differ from those
of a family in what they write, and so must be refused.
"""

import json
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def with_default_system(text: str) -> str:
    return CHATML.replace("{% for message in messages %}", (
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\n" + text + "<|im_end|>\n' }}{% endif %}"))


QWEN25 = r"""{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' }}
    {%- endif %}
    {{- "\n\n# Tools\n\n" }}
    {{- "<|im_end|>\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
    {%- else %}
        {{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
"""

LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + "
    "'<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
    "{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}")

# Llama 3.1's layout without its tools.
LLAMA31 = r"""{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{#- The system message comes first. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{{- "Cutting Knowledge Date: December 2023\n" }}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""

ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}")

TEMPLATES = {
    "chatml": (CHATML, "<s>", "<|im_end|>"),
    "chatml in other spelling": (
        "{%- for message in messages -%}\n  {{- \"<|im_start|>\" + message.role + \"\\n\" + message.content + \"<|im_end|>\\n\" -}}\n"
        "{%- endfor -%}\n{%- if add_generation_prompt -%}\n  {{- \"<|im_start|>assistant\\n\" -}}\n{%- endif -%}", "", ""),
    "smollm2": (
        with_default_system("You are a helpful AI assistant named SmolLM, trained by Hugging Face"), "<|im_start|>", "<|im_end|>"),
    "qwen2": (with_default_system("You are a helpful assistant."), "", "<|im_end|>"),
    "qwen2.5": (QWEN25, "", "<|im_end|>"),
    "llama3": (LLAMA3, "<|begin_of_text|>", "<|eot_id|>"),
    "llama3.1": (LLAMA31, "<|begin_of_text|>", "<|eot_id|>"),
    "zephyr": (ZEPHYR, "<s>", "</s>"),
}

UNKNOWN = {
    "gemma": (
        "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\n' + message['content'] | trim + "
        "'<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"),
    "mistral": (
        "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
        "{% else %}{{ message['content'] + eos_token}}{% endif %}{% endfor %}"),
    "chatml that trims": CHATML.replace("+ message['content'] +", "+ message['content'] | trim +"),
    "chatml with a first token": "{{ bos_token }}" + CHATML,
    "chatml with text between tags": CHATML.replace("{% endfor %}", "\n\n{% endfor %}"),
    "chatml that thinks": CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n"),
    "chatml without a generation prompt": CHATML.split("{% if add")[0],
    "llama3 that does not trim": LLAMA3.replace(" | trim", ""),
    "zephyr without line breaks": ZEPHYR.replace("eos_token }}\n", "eos_token }}"),
    "empty": "",
    "broken": "{% for message in messages %}{{ '<|im_start|>' + message",
}

CONVERSATIONS = [
    [("user", "Hi!")],
    [("system", "Answer briefly."), ("user", "What is 2 + 2?")],
    [("user", "Hello"), ("assistant", "Hi, how can I help?"), ("user", "Tell me a joke.")],
    [("system", "Be kind."), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")],
    [("user", "  spaces around \n")],
    [("user", "\x1ctabs\t\n and 'quotes' \"too\" \u00a0")],
    [("user", "{{ message }} {% if %} <|im_end|>")],
    [("user", "")],
    [("user", "línea 1\nline 2\n\n日本語 😀")],
]


def render(template: str, bos: str, eos: str, conversation: list[tuple[str, str]], prompt: bool) -> str:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    messages = [{"role": role, "content": content} for role, content in conversation]
    return environment.from_string(template).render(messages=messages, add_generation_prompt=prompt, bos_token=bos, eos_token=eos)


def main() -> None:
    templates = {}
    for name, (template, bos, eos) in TEMPLATES.items():
        cases = [
            {"messages": [{"role": role, "content": content} for role, content in conversation], "prompt": prompt,
             "text": render(template, bos, eos, conversation, prompt)}
            for conversation in CONVERSATIONS for prompt in (False, True)
        ]
        templates[name] = {"template": template, "bos": bos, "eos": eos, "cases": cases}
    path = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "tokenizer" / "chat.json"
    path.write_text(json.dumps({"templates": templates, "unknown": UNKNOWN}, indent=1) + "\n", encoding="utf-8")
    print(f"{len(templates)} templates, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
