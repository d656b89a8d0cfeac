"""Published clients against a server: their texts are those of `monge generate` with the same seed.

    tools/serve/test clients --monge .build/release/monge --model smollm2 --encoder minilm --pictures Tests/Fixtures/emoji/model

The clients are used as they come from PyPI: openai, huggingface_hub's InferenceClient, llm; and curl.
"""

import asyncio
import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zlib

import numpy
import openai

import checks
import server
import tensors
import wire
from checks import expect, same

PROMPTS = ["Once upon a time", "The best thing about the morning is", "Long ago, in a faraway land", "She opened the letter and"]
KEY = "a-key-of-the-tests"
DRAWN = {"temperature": 0.9, "top_p": 0.95, "seed": 11}
GREEDY = {"temperature": 0, "seed": 0}


def pixels(png):
    """The size and the rows of a PNG file, without what else it says."""
    place, head, data = 8, b"", b""
    while place < len(png):
        length = int.from_bytes(png[place:place + 4], "big")
        kind, content = png[place + 4:place + 8], png[place + 8:place + 8 + length]
        head, data = (content if kind == b"IHDR" else head), data + (content if kind == b"IDAT" else b"")
        place += 12 + length
    return head, zlib.decompress(data)


class Clients:
    def __init__(self, chosen, maps, running):
        self.chosen, self.maps, self.server = chosen, maps, running
        self.name = list(maps)[0]
        self.other = list(maps)[1] if len(maps) > 1 else self.name
        self.openai = openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0)
        self.model = next(entry.id for entry in self.openai.models.list() if getattr(entry, "kind", None) == "text")
        self.known = {}

    def texts(self, prompts, settings, tokens=16, samples=1, steering=()):
        """[prompt][sample] of what the command line gives."""
        key = json.dumps([prompts, settings, tokens, samples, steering])
        if key not in self.known:
            self.known[key] = server.generate(
                self.chosen, prompts, tokens=tokens, samples=samples, maps=[(self.maps[entry["map"]], entry.get("strength", 1)) for entry in steering], **settings)
        return self.known[key]

    def complete(self, prompt, settings, tokens=16, steering=None, **named):
        return self.openai.completions.create(
            model=self.model, prompt=prompt, max_tokens=tokens, extra_body={"steering": steering} if steering else None, **settings, **named)

    # openai: completions

    def completion(self, settings, steering):
        """One prompt alone, the same text, and usage."""
        for prompt in PROMPTS:
            answer = self.complete(prompt, settings, steering=steering)
            wanted = self.texts(PROMPTS, settings, steering=steering or ())[PROMPTS.index(prompt)][0]
            # Prompt p draws from a stream of its own; here each is the first.
            if settings is not GREEDY:
                wanted = self.texts([prompt], settings, steering=steering or ())[0][0]
            same(answer.choices[0].text, wanted["text"], f"the text of {prompt!r}")
            same(answer.choices[0].finish_reason, "stop" if wanted["finished"] else "length", "finish_reason")
            same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens, "total_tokens")
            same(answer.usage.completion_tokens - (1 if wanted["finished"] else 0) <= len(wanted["tokens"]) <= answer.usage.completion_tokens, True,
                 f"{answer.usage.completion_tokens} completion tokens of {len(wanted['tokens'])}: that they agree")
        return f"{len(PROMPTS)} prompts"

    def samples(self):
        answer = self.complete(PROMPTS, DRAWN, n=3, steering=[{"map": self.name, "strength": 0.7}])
        wanted = self.texts(PROMPTS, DRAWN, samples=3, steering=[{"map": self.name, "strength": 0.7}])
        same([choice.index for choice in answer.choices], list(range(3 * len(PROMPTS))), "the order of choices")
        same([choice.text for choice in answer.choices], [entry["text"] for group in wanted for entry in group], "the texts")
        expect(len({choice.text for choice in answer.choices}) > len(PROMPTS), "the samples are all alike")
        return f"{len(answer.choices)} choices"

    def tokens_as_prompt(self):
        ids = json.loads(server.run([self.chosen.monge, "tokenize", "-m", self.chosen.model, "--json", PROMPTS[0]]))["ids"]
        answer = self.complete(ids, GREEDY)
        same(answer.choices[0].text, self.texts(PROMPTS, GREEDY)[0][0]["text"], "the text of the prompt's tokens")
        same(answer.usage.prompt_tokens, len(ids), "prompt_tokens")

    def stream(self):
        steering = [{"map": self.name, "strength": 0.5}, {"map": self.other, "strength": -0.5}]
        texts, usage, reasons = {}, None, {}
        for chunk in self.complete(PROMPTS[:2], DRAWN, n=2, stream=True, stream_options={"include_usage": True}, steering=steering):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                expect(choice.index not in reasons, "a choice goes on behind its end")
                texts[choice.index] = texts.get(choice.index, "") + choice.text
                if choice.finish_reason:
                    reasons[choice.index] = choice.finish_reason
        wanted = self.texts(PROMPTS[:2], DRAWN, samples=2, steering=steering)
        same([texts.get(index) for index in range(4)], [entry["text"] for group in wanted for entry in group], "the streamed texts")
        same(sorted(reasons), [0, 1, 2, 3], "the choices that ended")
        expect(usage is not None and usage.completion_tokens > 0, "no usage came although it was asked for")

    def stop_texts(self):
        whole = self.texts([PROMPTS[0]], GREEDY, tokens=32)[0][0]["text"]
        stop = whole[12:15]
        answer = self.complete(PROMPTS[0], GREEDY, tokens=32, stop=[stop, "no such text"])
        same(answer.choices[0].text, whole[:whole.index(stop)], f"the text up to {stop!r}")
        same(answer.choices[0].finish_reason, "stop", "finish_reason")
        streamed = "".join(chunk.choices[0].text for chunk in self.complete(PROMPTS[0], GREEDY, tokens=32, stop=stop, stream=True) if chunk.choices)
        same(streamed, whole[:whole.index(stop)], "the streamed text")

    def logprobs(self):
        """Held against a log-softmax by NumPy of what `monge logits` writes."""
        answer = self.complete(PROMPTS[0], {"temperature": 0}, tokens=8, logprobs=3)
        found = answer.choices[0].logprobs
        ids = json.loads(server.run([self.chosen.monge, "tokenize", "-m", self.chosen.model, "--json", PROMPTS[0]]))["ids"]
        written = self.texts([PROMPTS[0]], {"temperature": 0}, tokens=8)[0][0]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "logits.safetensors")
            server.run([self.chosen.monge, "logits", "-m", self.chosen.model, "-d", self.chosen.device, "--precision", "fast",
                        "--token-ids", ",".join(map(str, ids + written["tokens"])), "-o", path])
            logits = tensors.read(path)[0]["logits"].astype(numpy.float64)[len(ids) - 1:-1]
        peaks = logits.max(axis=1, keepdims=True)
        wanted = logits - peaks - numpy.log(numpy.exp(logits - peaks).sum(axis=1, keepdims=True))
        same("".join(found.tokens), answer.choices[0].text, "the tokens, one after the other")
        same(found.text_offset[0] in (0, len(PROMPTS[0])), True, f"text_offset begins at {found.text_offset[0]}: that it counts from a beginning")
        # A sum of 49,152 terms in 32 bits, pairwise or in 64: well below 2⁻¹⁴ for log-probabilities up to 32.
        bound = 2.0**-14
        for place, token in enumerate(written["tokens"]):
            error = abs(found.token_logprobs[place] - wanted[place, token])
            expect(error <= bound, f"token {place}: a log-probability of {found.token_logprobs[place]}, expected {wanted[place, token]:.6f}")
            best = sorted(wanted[place])[::-1][:3]
            given = sorted(found.top_logprobs[place].values())[::-1]
            expect(3 <= len(given) <= 4, f"{len(given)} of the most likely tokens, expected 3")
            expect(max(abs(a - b) for a, b in zip(given, best)) <= bound, f"token {place}: the best log-probabilities are {given}, expected {best}")

    def models(self):
        ids = [entry.id for entry in self.openai.models.list()]
        for name in ids:
            same(self.openai.models.retrieve(name).id, name, "the id")
        return ", ".join(ids)

    # openai: chat

    def chat(self, settings, steering):
        message = [{"role": "user", "content": "What is the sea like at night?"}]
        wanted = server.generate(self.chosen, None, tokens=24, messages=message, maps=[(self.maps[e["map"]], e["strength"]) for e in steering], **settings)[0][0]
        body = {"steering": steering} if steering else None
        answer = self.openai.chat.completions.create(model=self.model, messages=message, max_tokens=24, extra_body=body, **settings)
        same(answer.choices[0].message.content, wanted["text"], "the answer")
        same(answer.choices[0].message.role, "assistant", "the role")
        parts, role = [], None
        for chunk in self.openai.chat.completions.create(model=self.model, messages=message, max_completion_tokens=24, stream=True, extra_body=body, **settings):
            for choice in chunk.choices:
                role = role or choice.delta.role
                parts.append(choice.delta.content or "")
        same("".join(parts), wanted["text"], "the streamed answer")
        same(role, "assistant", "the role of the first chunk")

    def conversation(self):
        messages = [{"role": "system", "content": "You answer in few words."}, {"role": "user", "content": "Name a fish."},
                    {"role": "assistant", "content": "A cod."}, {"role": "user", "content": "Another one."}]
        wanted = server.generate(self.chosen, None, tokens=12, messages=messages, **GREEDY)[0][0]["text"]
        answer = self.openai.chat.completions.create(model=self.model, messages=messages, max_tokens=12, logprobs=True, top_logprobs=2, **GREEDY)
        same(answer.choices[0].message.content, wanted, "the answer")
        content = answer.choices[0].logprobs.content
        same("".join(entry.token for entry in content), wanted, "the tokens, one after the other")
        for entry in content:
            same(len(entry.top_logprobs), 2, "the number of the most likely tokens")
            expect(abs(entry.logprob - entry.top_logprobs[0].logprob) < 1e-6, "a greedy token is not the most likely one")
        parts = [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in messages]
        answer = self.openai.chat.completions.create(model=self.model, messages=parts, max_tokens=12, **GREEDY)
        same(answer.choices[0].message.content, wanted, "the answer to messages in parts")

    # What a batch holds must not matter

    def company(self):
        """A text among 32 others with other maps and strengths, many times."""
        rng = random.Random(3)
        steering = [{"map": self.name, "strength": 0.7}]
        wanted = [self.texts([prompt], DRAWN, steering=steering)[0][0]["text"] for prompt in PROMPTS]
        plain = [self.texts([prompt], GREEDY)[0][0]["text"] for prompt in PROMPTS]

        async def run():
            client = openai.AsyncOpenAI(base_url=f"{self.server.url}/v1", api_key=KEY, max_retries=0)

            async def other(number):
                await asyncio.sleep(rng.random() * 0.3)
                maps = [{"map": rng.choice(list(self.maps)), "strength": round(rng.uniform(-1, 2), 3), "scope": rng.choice(["all", "prompt", "generation"])}
                        for _ in range(rng.randint(0, 2))]
                await client.completions.create(
                    model=self.model, prompt=rng.choice(PROMPTS) + " " * rng.randint(0, 1) + str(number), max_tokens=rng.randint(1, 24), temperature=rng.choice([0, 1]), seed=number,
                    extra_body={"steering": maps})

            async def ours(place):
                await asyncio.sleep(rng.random() * 0.3)
                first = await client.completions.create(model=self.model, prompt=PROMPTS[place], max_tokens=16, extra_body={"steering": steering}, **DRAWN)
                same(first.choices[0].text, wanted[place], "a drawn, steered text in company")
                second = await client.completions.create(model=self.model, prompt=PROMPTS[place], max_tokens=16, **GREEDY)
                same(second.choices[0].text, plain[place], "a greedy text in company")

            await asyncio.gather(*(other(number) for number in range(32)), *(ours(place) for place in range(4)))
            await client.close()

        asyncio.run(run())
        return "8 texts among 32"

    # Steering in time

    def schedules(self):
        def text(**named):
            return self.complete(PROMPTS[2], GREEDY, steering=[{"map": self.name, "strength": 1.5, **named}]).choices[0].text

        everywhere, plain = text(), self.complete(PROMPTS[2], GREEDY).choices[0].text
        expect(everywhere != plain, "a map at strength 1.5 changes nothing; give another map")
        same(text(strength=0), plain, "the text at strength 0")
        same(text(scope="all", tokens=[0, 10_000]), everywhere, "the text with all tokens named")
        same(text(schedule={"type": "ramp", "tokens": 1}), everywhere, "the text of a ramp over one token")
        same(text(scope="generation", after="no such text"), plain, "the text of a map behind a text that never comes")
        same(text(sites=".*"), everywhere, "the text with all sites named")
        first = lambda **named: self.complete(PROMPTS[2], GREEDY, tokens=1, steering=[{"map": self.name, "strength": 1.5, **named}]).choices[0].text
        same(first(scope="prompt"), first(), "the first token of a map on the prompt alone")
        half = [{"map": self.name, "strength": 0.5}, {"map": self.name, "strength": 1}]
        same(self.complete(PROMPTS[2], GREEDY, steering=half).choices[0].text, self.texts([PROMPTS[2]], GREEDY, steering=half)[0][0]["text"], "the text of a map after itself")

    def preview(self):
        strengths = [-0.5, 0, 0.5, 1]
        events = asyncio.run(wire.stream(self.server.port, "/v1/steering/preview", {
            "model": self.model, "prompt": PROMPTS[0], "steering": [{"map": self.name}], "strengths": strengths, "max_tokens": 16, "temperature": 0, "movement": True,
        }, self.server.headers))
        texts, ends, moved = [""] * 4, {}, {}
        for event in events:
            same(event["strength"], strengths[event["index"]], "the strength of an event")
            texts[event["index"]] += event.get("text", "")
            if "movement" in event:
                expect(event["index"] not in ends, "movement comes behind the end")
                moved[event["index"]] = event["movement"]
            if "finish_reason" in event:
                ends[event["index"]] = event
        for index, strength in enumerate(strengths):
            wanted = self.texts([PROMPTS[0]], {"temperature": 0}, steering=[{"map": self.name, "strength": strength}])[0][0]
            same(texts[index], wanted["text"], f"the text at {strength}")
            same("".join(entry["text"] for entry in moved[index]), wanted["text"], f"the moved tokens at {strength}")
            expect(all(entry["value"] >= 0 for entry in moved[index]), "a token is moved by less than 0")
            expect((strength == 0) == all(entry["value"] == 0 for entry in moved[index]), f"at {strength} tokens are moved by {moved[index]}")
        same(sorted(ends), [0, 1, 2, 3], "the texts that ended")

    def seconds(self):
        began = time.monotonic()
        answer = self.openai.completions.create(
            model=self.model, prompt=PROMPTS[0], max_tokens=4000, temperature=0, extra_body={"timeout": 0.5, "ignore_eos": True})
        same(answer.choices[0].finish_reason, "timeout", "finish_reason")
        wanted = self.complete(PROMPTS[0], GREEDY, tokens=8).choices[0].text
        expect(answer.choices[0].text.startswith(wanted[:8]), "the text that was cut short begins differently")
        return f"{answer.usage.completion_tokens} tokens in {time.monotonic() - began:.2f} s"

    # Other endpoints

    def activations(self):
        sites = [r"model\.layers\.3\.post_attention_layernorm", r"model\.layers\.0\.mlp\.down_proj"]
        for steering in ([], [{"map": self.name, "strength": 0.7}]):
            with tempfile.TemporaryDirectory() as folder:
                sentences, path = os.path.join(folder, "s.txt"), os.path.join(folder, "a.safetensors")
                with open(sentences, "w", encoding="utf-8") as file:
                    file.write("\n".join(PROMPTS) + "\n")
                command = [self.chosen.monge, "activations", "-m", self.chosen.model, "-d", self.chosen.device, "--precision", "fast", "--sentences", sentences, "-o", path, "--sites", *sites]
                for entry in steering:
                    command += ["-s", f"{self.maps[entry['map']]}@{entry['strength']}"]
                server.run(command)
                wanted = {name: tensor for name, tensor in tensors.read(path)[0].items() if not name.startswith("sketch.")}
            body = {"model": self.model, "input": PROMPTS, "sites": sites, "pooling": "mean", "steering": steering}
            answer = self.server.ask("POST", "/v1/activations", body)
            same(answer.status, 200, f"the status ({answer.body[:200]})")
            found = {(entry["site"], entry["index"]): entry for entry in answer.json()["data"]}
            same(len(found), sum(len(rows) for rows in wanted.values()), "the number of activations")
            for (site, index), entry in found.items():
                values = numpy.array(entry["values"], numpy.float32)
                same(entry["shape"], list(wanted[site][index].shape), "the shape")
                worst = numpy.abs(values - wanted[site][index]).max()
                expect(worst == 0, f"{site} of text {index} is off by {worst}")
            file = self.server.ask("POST", "/v1/activations", {**body, "encoding": "safetensors"})
            binary, _ = tensors.parse(file.body)
            for (site, index), entry in found.items():
                expect(numpy.array_equal(numpy.array(entry["values"], numpy.float32), binary[site][index]), "the file differs from the numbers in JSON")

    def maps_by_http(self):
        """A map is put there, used, read, replaced, and taken away again."""
        with open(self.maps[self.name], "rb") as file:
            data = file.read()
        put = self.server.ask("PUT", "/v1/maps/of-the-tests", data, {"content-type": "application/octet-stream"})
        same(put.status, 201, f"the status of a new map ({put.body[:200]})")
        same(put.json()["id"], "of-the-tests", "its id")
        expect(self.model in put.json()["model"], f"it fits {put.json()['model']}")
        same(self.server.ask("PUT", "/v1/maps/of-the-tests", data, {"content-type": "application/octet-stream"}).status, 200, "the status of a replaced map")
        same(self.server.ask("GET", "/v1/maps/of-the-tests/file").body, data, "the file")
        expect("of-the-tests" in [entry["id"] for entry in self.server.ask("GET", "/v1/maps").json()["data"]], "it is not in the list")
        steering = [{"map": "of-the-tests", "strength": 0.7}]
        found = self.complete(PROMPTS[0], GREEDY, steering=steering).choices[0].text
        same(found, self.texts([PROMPTS[0]], GREEDY, steering=[{"map": self.name, "strength": 0.7}])[0][0]["text"], "its text")
        other = tensors.variant(data, 1 << 11)
        same(self.server.ask("PUT", "/v1/maps/of-the-tests", other, {"content-type": "application/octet-stream"}).status, 200, "the status of another map of the same name")
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
            file.write(other)
            file.flush()
            wanted = server.generate(self.chosen, [PROMPTS[0]], maps=[(file.name, 0.7)], **GREEDY)[0][0]["text"]
        same(self.complete(PROMPTS[0], GREEDY, steering=steering).choices[0].text, wanted, "the text of the map that replaced it")
        same(wire.refusal(self.server.ask("GET", "/v1/maps/of-the-tests/evaluation"), 404), None, "an evaluation that is not there")
        for bad in (b"", b"not a map", data[:-4], data[:100], (1 << 40).to_bytes(8, "little") + data[8:]):
            same(wire.refusal(self.server.ask("PUT", "/v1/maps/of-the-tests", bad, {"content-type": "application/octet-stream"}), 400), None, f"a file of {len(bad)} bytes that is no map")
        same(self.server.ask("GET", "/v1/maps/of-the-tests/file").body, other, "the file after refused ones")
        for name in (".hidden", "a" * 65, "a%2Fb", "..", "%2e%2e%2fetc", "a%00b", "%C3%A4"):
            answer = self.server.ask("PUT", f"/v1/maps/{name}", data, {"content-type": "application/octet-stream"})
            expect(answer.status in (400, 404, 405) and wire.not_json_error(answer) is None, f"a map named {name}: {answer.status} {answer.body[:100]!r}")
        same(self.server.ask("DELETE", "/v1/maps/of-the-tests").json()["deleted"], True, "deleted")
        same(wire.refusal(self.server.ask("DELETE", "/v1/maps/of-the-tests"), 404), None, "a map that is not there")
        try:
            self.complete(PROMPTS[0], GREEDY, steering=steering)
            raise checks.Wrong("a map that was deleted still steers")
        except openai.NotFoundError:
            pass

    def fit(self):
        """The same map as `monge fit` gives."""
        concept = os.path.join(server.ROOT, "tools", "concepts", "cooking")
        sides = {}
        for side in ("source", "target"):
            with open(os.path.join(concept, f"{side}.txt"), encoding="utf-8") as file:
                sides[side] = [line.strip() for line in file if line.strip()][:24]
        sites = [r"model\.layers\.[0-4]\.post_attention_layernorm"]
        answer = self.server.ask("POST", "/v1/maps", {"name": "fitted", "model": self.model, **sides, "sites": sites, "seed": 3})
        same(answer.status, 202, f"the status ({answer.body[:200]})")
        job, states = answer.json(), []
        while job["state"] in ("waiting", "running"):
            states.append(job["state"])
            time.sleep(0.1)
            job = self.server.ask("GET", f"/v1/jobs/{job['id']}").json()
        same(job["state"], "done", f"the state ({job['error']})")
        expect(job["id"] in [entry["id"] for entry in self.server.ask("GET", "/v1/jobs").json()["data"]], "the job is not in the list")
        found, _ = tensors.parse(self.server.ask("GET", "/v1/maps/fitted/file").body)
        with tempfile.TemporaryDirectory() as folder:
            for side, lines in sides.items():
                with open(os.path.join(folder, f"{side}.txt"), "w", encoding="utf-8") as file:
                    file.write("\n".join(lines) + "\n")
            server.run([self.chosen.monge, "fit", "-m", self.chosen.model, "-d", self.chosen.device, "--source", f"{folder}/source.txt", "--target", f"{folder}/target.txt",
                        "--precision", "fast", "--sites", *sites, "--seed", "3", "-o", f"{folder}/map.safetensors"])
            wanted, _ = tensors.read(f"{folder}/map.safetensors")
        same(sorted(found), sorted(wanted), "the tensors")
        for name in wanted:
            expect(numpy.array_equal(found[name], wanted[name]), f"{name} differs by {numpy.abs(found[name] - wanted[name]).max()}")
        same(self.server.ask("DELETE", "/v1/maps/fitted").status, 200, "the status of deleting it")
        return "bit for bit"

    def cancelled_fit(self):
        lines = [f"This is sentence number {number} about the weather of the valley." for number in range(400)]
        job = self.server.ask("POST", "/v1/maps", {"name": "never", "model": self.model, "source": lines, "target": lines[::-1]}).json()
        time.sleep(0.3)
        self.server.ask("DELETE", f"/v1/jobs/{job['id']}")
        end = time.monotonic() + 30
        while (state := self.server.ask("GET", f"/v1/jobs/{job['id']}").json()["state"]) in ("waiting", "running") and time.monotonic() < end:
            time.sleep(0.1)
        same(state, "cancelled", "the state")
        same(self.server.ask("GET", "/v1/maps/never").status, 404, "the status of its map")

    def refusals(self):
        """Errors as the openai client raises them, and fields that Monge does not have."""
        def refused(kind, param, call):
            try:
                call()
            except kind as error:
                if param:
                    same(error.body.get("param"), param, "param")
                return
            raise checks.Wrong(f"no {kind.__name__} came")

        complete = lambda **named: lambda: self.openai.completions.create(**{"model": self.model, "prompt": "a", **named})
        chat = lambda **named: lambda: self.openai.chat.completions.create(**{"model": self.model, "messages": [{"role": "user", "content": "a"}], **named})
        refused(openai.NotFoundError, None, complete(model="no-such-model"))
        refused(openai.NotFoundError, None, lambda: self.openai.models.retrieve("no-such-model"))
        for named in ({"temperature": -1}, {"top_p": 0}, {"top_p": 1.5}, {"n": 0}, {"n": 65}, {"max_tokens": 0}, {"stop": ["a"] * 17}, {"stop": [""]}, {"logprobs": 6}, {"logit_bias": {"1": 1}},
                      {"presence_penalty": 0.5}, {"frequency_penalty": 0.5}, {"echo": True}, {"suffix": "b"}, {"best_of": 3, "n": 2}):
            refused(openai.BadRequestError, list(named)[0], complete(**named))
        refused(openai.BadRequestError, "prompt", complete(prompt=["a"] * 65))
        refused(openai.BadRequestError, "prompt", complete(prompt=""))
        refused(openai.BadRequestError, "max_tokens", complete(max_tokens=10_000_000))
        for extra in ({"no_such_field": 1}, {"top_k": -1}, {"repetition_penalty": 0}, {"timeout": -1}, {"ignore_eos": 1}):
            refused(openai.BadRequestError, list(extra)[0], complete(extra_body=extra))
        for steer in ({"map": self.name, "strenght": 1}, {"strength": 1}, {"map": self.name, "tokens": [2, 1]}, {"map": self.name, "scope": "both"}, {"map": self.name, "sites": "("},
                      {"map": self.name, "schedule": {"type": "ramp", "tokens": 0}}, {"map": self.name, "schedule": {"type": "wave"}}, {"map": self.name, "strength": "much"}):
            refused(openai.BadRequestError, None, complete(extra_body={"steering": [steer]}))
        refused(openai.BadRequestError, "steering", complete(extra_body={"steering": [{"map": self.name}] * 17}))
        refused(openai.NotFoundError, None, complete(extra_body={"steering": [{"map": "no-such-map"}]}))
        refused(openai.BadRequestError, "response_format", chat(response_format={"type": "json_object"}))
        refused(openai.BadRequestError, "tools", chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]))
        refused(openai.BadRequestError, "top_logprobs", chat(logprobs=True, top_logprobs=21))
        refused(openai.AuthenticationError, None, lambda: openai.OpenAI(base_url=f"{self.server.url}/v1", api_key="wrong", max_retries=0).models.list())
        for path, method in (("/v1/completions", "GET"), ("/v1/models", "POST"), ("/v1/maps", "DELETE"), ("/health", "PUT")):
            same(wire.refusal(self.server.ask(method, path), 405), None, f"{method} {path}")
        same(wire.refusal(self.server.ask("GET", "/v1/nothing"), 404), None, "a path that is not there")
        same(wire.refusal(self.server.ask("POST", "/v1/completions", b"prompt=a", {"content-type": "application/x-www-form-urlencoded"}), 415), None, "a form")

    def request_names(self):
        for given, kept in (("abc-1_2.Z", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("a%C3", False)):
            answer = self.server.ask("GET", "/v1/models", headers={"x-request-id": given})
            found = answer.headers.get("x-request-id", "")
            expect(0 < len(found) <= 64, f"x-request-id is {found!r}")
            same(found == given, kept, f"x-request-id {given!r} is answered with {found!r}: that it is kept")

    def embeddings(self):
        encoder = next(entry.id for entry in self.openai.models.list() if entry.kind == "encoder")
        texts = ["The sea is calm tonight.", "The ocean lies quiet this evening.", "The price of copper fell in March."]
        plain = self.openai.embeddings.create(model=encoder, input=texts, encoding_format="float")
        coded = self.openai.embeddings.create(model=encoder, input=texts, encoding_format="base64")
        rows = numpy.array([entry.embedding for entry in plain.data], numpy.float32)
        for entry, row in zip(coded.data, rows):
            expect(numpy.array_equal(numpy.frombuffer(base64.b64decode(entry.embedding), "<f4"), row), "base64 has other numbers")
        for text, row in zip(texts, rows):
            alone = numpy.array(self.openai.embeddings.create(model=encoder, input=text).data[0].embedding, numpy.float32)
            expect(numpy.abs(alone - row).max() <= 1e-4, f"a text alone has another vector, off by {numpy.abs(alone - row).max()}")
        lengths = numpy.linalg.norm(rows, axis=1)
        expect(numpy.abs(lengths - 1).max() < 1e-3, f"lengths are {lengths}, expected 1")
        near, far = float(rows[0] @ rows[1]), float(rows[0] @ rows[2])
        expect(near > far + 0.3, f"two sentences about the sea are {near:.2f} alike, one about copper {far:.2f}")
        same(self.openai.embeddings.create(model=encoder, input=["a"] * 2048).usage.prompt_tokens > 0, True, "that 2,048 texts are taken")
        try:
            self.openai.embeddings.create(model=encoder, input=["a"] * 2049)
            raise checks.Wrong("2,049 texts are taken")
        except openai.BadRequestError as error:
            same(error.body.get("param"), "input", "param")
        return f"{rows.shape[1]} numbers; {near:.2f} against {far:.2f}"

    def pictures(self):
        drawer = next(entry.id for entry in self.openai.models.list() if entry.kind == "picture")
        answer = self.openai.images.generate(model=drawer, prompt="a red apple", n=2, response_format="b64_json", extra_body={"seed": 5, "steps": 4})
        found = [base64.b64decode(entry.b64_json) for entry in answer.data]
        with tempfile.TemporaryDirectory() as folder:
            listing = json.loads(server.run([self.chosen.monge, "image", "-m", self.chosen.pictures, "-d", self.chosen.device, "-p", "a red apple", "--count", "2", "--seed", "5", "--steps", "4",
                                             "--json", "-o", f"{folder}/"]))
            for entry, data in zip(listing, found):
                path = entry["file"] if os.path.exists(entry["file"]) else os.path.join(folder, entry["file"])
                with open(path, "rb") as file:
                    expect(pixels(file.read()) == pixels(data), f"the picture of seed {entry['seed']} is another than that of monge image")
        events = asyncio.run(wire.stream(self.server.port, "/v1/images/generations", {
            "model": drawer, "prompt": "a red apple", "n": 2, "seed": 5, "steps": 4, "stream": True, "partial_images": 1}, self.server.headers))
        done = {event["index"]: event for event in events if event["type"] == "image_generation.completed"}
        same([base64.b64decode(done[index]["b64_json"]) for index in sorted(done)], found, "the streamed pictures")
        same([done[index]["seed"] for index in sorted(done)], [5, 6], "their seeds")
        expect(any(event["type"] == "image_generation.progress" for event in events), "no progress came")
        expect(any(event["type"] == "image_generation.partial_image" for event in events), "no partial picture came")
        strip = self.openai.images.generate(model=drawer, prompt="a red apple", n=1, extra_body={"seed": 5, "steps": 4})
        same([base64.b64decode(entry.b64_json) for entry in strip.data], found[:1], "a picture alone")
        for size in ("9223372036854775807x9223372036854775807", "100000x100000", "0x64", "-64x64", "63x64", "64", "64x", "x", ""):
            try:
                self.openai.images.generate(model=drawer, prompt="a", size=size, extra_body={"steps": 1})
                raise checks.Wrong(f"a picture of the size {size!r} is drawn")
            except openai.BadRequestError:
                pass
        for named in ({"n": 17}, {"n": 0}, {"response_format": "url"}, {"extra_body": {"steps": 0}}, {"extra_body": {"scheduler": "none"}}, {"extra_body": {"strengths": [0, 1]}}):
            try:
                self.openai.images.generate(model=drawer, prompt="a", **named)
                raise checks.Wrong(f"pictures with {named} are drawn")
            except openai.BadRequestError:
                pass
        return f"{len(found)} pictures of {len(found[0])} bytes"

    # Other clients

    def hugging_face(self):
        from huggingface_hub import InferenceClient

        message = [{"role": "user", "content": "What is the sea like at night?"}]
        client = InferenceClient(base_url=f"{self.server.url}/v1", api_key=KEY, timeout=60)
        for steering in ([], [{"map": self.name, "strength": 0.7}]):
            wanted = server.generate(self.chosen, None, tokens=16, messages=message, maps=[(self.maps[e["map"]], e["strength"]) for e in steering], **DRAWN)[0][0]["text"]
            named = {"messages": message, "model": self.model, "max_tokens": 16, "extra_body": {"steering": steering}, **DRAWN}
            same(client.chat_completion(**named).choices[0].message.content, wanted, "the answer")
            parts = [chunk.choices[0].delta.content or "" for chunk in client.chat_completion(stream=True, **named) if chunk.choices]
            same("".join(parts), wanted, "the streamed answer")

    def llm(self):
        """The command llm, with the server as one of its models."""
        question = "What is the sea like at night?"
        wanted = server.generate(self.chosen, None, tokens=16, messages=[{"role": "user", "content": question}], **GREEDY)[0][0]["text"]
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "extra-openai-models.yaml"), "w", encoding="utf-8") as file:
                json.dump([{"model_id": "ours", "model_name": self.model, "api_base": f"{self.server.url}/v1", "api_key_name": "ours"}], file)
            command = [sys.executable, "-m", "llm", "-m", "ours", "-o", "temperature", "0", "-o", "max_tokens", "16", "--key", KEY]
            environment = {**os.environ, "LLM_USER_PATH": folder}
            for extra in ([], ["--no-stream"]):
                found = server.run([*command, *extra, question], env=environment)
                same(found.strip(), wanted.strip(), f"the answer {' '.join(extra)}")

    def curl(self):
        body = {"model": self.model, "prompt": PROMPTS[0], "max_tokens": 16, "steering": [{"map": self.name, "strength": 0.7}], **DRAWN}
        wanted = self.texts([PROMPTS[0]], DRAWN, steering=body["steering"])[0][0]["text"]
        command = ["curl", "-sS", "--fail-with-body", "-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json", f"{self.server.url}/v1/completions"]
        same(json.loads(server.run([*command, "-d", json.dumps(body)]))["choices"][0]["text"], wanted, "the text")
        lines = server.run([*command, "-N", "-d", json.dumps({**body, "stream": True})]).split("\n\n")
        same([line for line in lines if line][-1], "data: [DONE]", "the last event")
        chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line and line != "data: [DONE]"]
        same("".join(choice["text"] for chunk in chunks for choice in chunk["choices"]), wanted, "the streamed text")
        same(json.loads(server.run([*command, "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", "-d", json.dumps(body)]))["choices"][0]["text"], wanted, "the text of a body in chunks")
        for path, kind in (("/health", "application/json"), ("/metrics", "text/plain"), ("/openapi.json", "application/json"), ("/", "text/html")):
            shown = server.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{content_type}", "-H", f"Authorization: Bearer {KEY}", self.server.url + path])
            expect(shown.startswith(f"200 {kind}"), f"{path}: {shown}, expected 200 {kind}")
        head = subprocess.run(["curl", "-sS", "-I", f"{self.server.url}/health"], capture_output=True, text=True)
        expect("HTTP/1.1 200" in head.stdout or "HTTP/1.1 405" in head.stdout, f"HEAD /health: {head.stdout[:60]} {head.stderr}")


def main():
    parser = server.arguments(__doc__)
    server.accept_models(parser)
    parser.add_argument("--only", nargs="+", help="the checks with one of these words in their names")
    chosen = parser.parse_args()
    listed = checks.Checks()
    with server.serving(chosen, KEY) as (maps, running):
        clients = Clients(chosen, maps, running)
        steering = [{"map": clients.name, "strength": 0.7}]
        both = [{"map": clients.name, "strength": 0.5}, {"map": clients.other, "strength": -0.5}]
        entries = [
            (f"openai completions, {how}, {what}", clients.completion, settings, steered)
            for how, settings in (("greedy", GREEDY), ("drawn", DRAWN)) for what, steered in (("plain", []), ("one map", steering), ("two maps", both))
        ]
        entries += [
            ("openai completions, samples of several prompts", clients.samples), ("openai completions, tokens as prompt", clients.tokens_as_prompt),
            ("openai completions, stream", clients.stream), ("openai completions, stop texts", clients.stop_texts),
            ("openai completions, logprobs", clients.logprobs), ("openai models", clients.models),
        ]
        entries += [(f"openai chat, {how}, {what}", clients.chat, settings, steered) for how, settings in (("greedy", GREEDY), ("drawn", DRAWN)) for what, steered in (("plain", []), ("steered", steering))]
        entries += [
            ("openai chat, conversation and logprobs", clients.conversation), ("openai in company", clients.company), ("schedules", clients.schedules), ("preview", clients.preview),
            ("timeout", clients.seconds), ("activations", clients.activations), ("maps", clients.maps_by_http), ("fit", clients.fit), ("cancelled fit", clients.cancelled_fit),
            ("refusals", clients.refusals), ("request names", clients.request_names), ("huggingface_hub", clients.hugging_face), ("llm", clients.llm), ("curl", clients.curl),
        ]
        if chosen.encoder:
            entries.append(("openai embeddings", clients.embeddings))
        if chosen.pictures:
            entries.append(("openai images", clients.pictures))
        for name, *rest in entries:
            if not chosen.only or any(word in name for word in chosen.only):
                listed.run(name, *rest)
        listed.run("the server is alive", lambda: expect(running.is_alive(), running.read_log()[-1000:]))
        listed.run("the server ends with 0", lambda: same(running.stop(), 0, "the exit code"))
    listed.end(chosen.json)


if __name__ == "__main__":
    main()
