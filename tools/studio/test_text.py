"""Texts: several strengths at once, stopping, what moved, and that all of it is text."""

import json
import urllib.parse

from playwright.sync_api import expect

from case import PROMPT, TextCase
from server import ask, preview


class TextTests(TextCase):
    def test_strengths_stand_side_by_side_with_the_texts_of_the_server(self):
        self.settle()
        self.add_map("football")
        self.set_strengths([-0.5, 0, 0.25, 1])
        body = self.body_of("/v1/steering/preview", lambda: self.button("Generate").click())
        self.written()
        self.assertEqual(body["strengths"], [-0.5, 0, 0.25, 1])
        self.assertEqual(self.page.locator(".column h3").all_inner_texts(), ["−0.5", "0", "0.25", "1"])
        self.assertEqual(self.page.locator(".column header .quiet").all_inner_texts()[2], "football 0.25")
        wanted = [result["text"] for result in preview(self.url, body)]
        self.assertEqual(self.columns(), wanted)
        self.assertNotEqual(wanted[1], wanted[3], "the map changes the text")
        expect(self.page.locator(".column .foot").first).to_contain_text("token")
        expect(self.page.locator("#said")).to_have_text("4 texts are written.")

    def test_strength_0_and_no_map_give_what_completions_give(self):
        self.settle(tokens=10)
        body = self.body_of("/v1/completions", lambda: self.button("Generate").click())
        self.written()
        expect(self.page.locator(".column .foot")).to_have_text("10 tokens · all tokens used")
        asked = {name: body[name] for name in ("model", "prompt", "max_tokens", "temperature", "seed", "repetition_penalty", "top_p", "top_k")}
        status, answer = ask(self.url, "v1/completions", asked)
        self.assertEqual(status, 200, answer)
        plain = json.loads(answer)["choices"][0]["text"]
        self.assertEqual(self.columns(), [plain], "one text without a map")
        self.add_map("football")
        self.set_strengths([0, 1])
        self.generate()
        self.assertEqual(self.columns()[0], plain)

    def test_texts_grow_together_and_stop_in_the_middle(self):
        self.settle(tokens=1500, temperature=1)
        self.add_map("football")
        self.set_strengths([0, 0.5, 1])
        self.button("Generate").click()
        columns = self.page.locator(".column.running .generated")
        for index in range(3):
            expect(columns.nth(index)).not_to_have_text(PROMPT)
        expect(self.page.locator("#text-columns")).to_have_attribute("aria-busy", "true")
        expect(self.button("Generate")).to_be_disabled()
        self.button("Stop").click()
        self.written()
        texts = self.columns()
        self.assertTrue(all(texts), texts)
        expect(self.page.locator(".column .foot").first).to_have_text("stopped")
        expect(self.page.locator("#said")).to_have_text("Stopped.")
        expect(self.button("Generate")).to_be_focused()
        self.assertEqual(self.page.get_by_role("alert").locator("visible=true").count(), 0, "stopping is no error")
        # The server is free again: a short text comes.
        self.field("Tokens", exact=True).fill("3")
        self.generate()
        self.assertNotEqual(self.columns(), texts)
        expect(self.page.locator(".column .foot").first).to_contain_text("token")

    def test_tokens_tell_how_far_they_were_moved(self):
        self.settle()
        self.add_map("football")
        self.set_strengths([0, 1])
        body = self.body_of("/v1/steering/preview", lambda: self.button("Generate").click())
        self.written()
        self.assertTrue(body["movement"])
        wanted = preview(self.url, body)
        titles = [token.get_attribute("title") for token in self.page.locator(".column").nth(1).locator(".token").all()]
        values = [token["value"] for token in wanted[1]["movement"]]
        self.assertEqual(len(titles), len(values))
        for title, value in zip(titles, values):
            self.assertAlmostEqual(float(title.removeprefix("moved by ").removesuffix(" %")), 100 * value, delta=0.051)
        self.assertGreater(max(values), 0)
        self.assertEqual({token["value"] for token in wanted[0]["movement"]}, {0}, "nothing moves at strength 0")
        self.assertEqual(self.columns(), [result["text"] for result in wanted], "colours change no text")
        expect(self.page.locator("#text-legend .swatches .token")).to_have_count(5)
        # By keyboard: one stop, then from token to token.
        text = self.page.get_by_role("group", name="Text at strength 1, token by token")
        text.focus()
        self.page.keyboard.press("ArrowRight")
        self.page.keyboard.press("ArrowRight")
        readout = self.page.locator(".column").nth(1).locator(".readout")
        expect(readout).to_contain_text(titles[1])
        self.page.keyboard.press("End")
        expect(readout).to_contain_text(titles[-1])
        # As a table.
        column = self.page.locator(".column").nth(1)
        column.get_by_text("Tokens as a table").click()
        expect(column.locator("tbody tr")).to_have_count(len(values))

    def test_a_condition_that_is_not_met_is_told(self):
        self.need_map("only-football")
        self.settle(tokens=4)
        self.add_map("only-football")
        self.set_strengths([1])
        expect(self.page.get_by_text("Acts only where the prompt meets the map’s condition.")).to_be_visible()
        met = set()
        for prompt in ["The goalkeeper caught the ball before the striker could shoot.", "Simmer the onions in butter until they are soft."]:
            self.field("Prompt", exact=True).fill(prompt)
            body = self.body_of("/v1/steering/preview", lambda: self.button("Generate").click())
            self.written()
            is_met = preview(self.url, body)[0]["end"]["conditions_met"][0]
            met.add(is_met)
            expect(self.page.locator(".column .note")).to_have_count(0 if is_met else 1)
        self.assertIn(False, met, "one of these prompts is not about football")

    def test_as_chat_messages_are_sent(self):
        self.field("Chat", exact=True).check()
        self.field("System message").fill("You answer in one word.")
        self.field("Message", exact=True).fill("What colour is the sky?")
        self.field("Tokens", exact=True).fill("6")
        for path, strengths in [("/v1/chat/completions", 1), ("/v1/steering/preview", 3)]:
            body = self.body_of(path, lambda: self.button("Generate").click())
            self.written()
            self.assertNotIn("prompt", body)
            self.assertEqual([message["role"] for message in body["messages"]], ["system", "user"])
            self.assertEqual(body["messages"][1]["content"], "What colour is the sky?")
            self.assertEqual(len(self.columns()), strengths)
            self.assertTrue(all(self.columns()))
            self.add_map("football")

    def test_tokens_that_are_parts_of_a_character_are_shown_as_one(self):
        cases = [
            ([[" a", 1], [" \ufffd", 2], ["\ufffd", 5], ["\ufffd", 3], [" b", 4]], " a 😀 b", [[" a", 1], [" 😀", 5], [" b", 4]]),
            ([[" a", 1], ["\ufffd", 2], ["\ufffd", 3]], " aé", [[" a", 1], ["é", 3]]),
            # What lies behind a stop, or from within a token on, is not shown.
            ([[" a", 1], ["\n", 2], ["###", 5]], " a", [[" a", 1]]),
            ([[" a", 1], ["b\n##", 2]], " ab", [[" a", 1], ["b", 2]]),
            ([[" the", 1], [" the", 2]], " the the", [[" the", 1], [" the", 2]]),
        ]
        for tokens, text, wanted in cases:
            with self.subTest(text=text):
                whole = self.page.evaluate(
                    """async ([tokens, text]) => {
                      const { wholeTokens } = await import("/studio/movement.js");
                      return wholeTokens(tokens.map(([text, value]) => ({ text, value })), text).map(({ text, value }) => [text, value]);
                    }""",
                    [tokens, text],
                )
                self.assertEqual(whole, wanted)

    def test_text_is_never_markup(self):
        self.field("Prompt", exact=True).fill("<img src=x onerror=alert(1)><b>bold</b>")
        self.field("Tokens", exact=True).fill("2")
        self.generate()
        self.assertEqual(self.page.locator(".column img, .column b").count(), 0)
        self.assertIn("<b>bold</b>", self.page.locator(".column .before").text_content())

    def test_all_comes_from_the_server_and_is_small(self):
        sizes = {}

        def weigh(response):
            path = urllib.parse.urlparse(response.url).path
            if path == "/" or path.startswith("/studio/"):
                self.assertIn("default-src 'self'", response.headers.get("content-security-policy", ""), path)
                # The browser has files of before, and asks whether they are as they were.
                self.assertIn(response.status, (200, 304), path)
                sizes[path] = None

        self.page.on("response", weigh)
        self.page.reload()
        expect(self.page.locator("#text-model option")).not_to_have_count(0)
        self.assertGreater(len(sizes), 10)
        for path in sizes:
            answer = self.page.request.get(self.url + path)
            self.assertEqual(answer.status, 200, path)
            sizes[path] = len(answer.body())
        self.assertLessEqual(sum(sizes.values()), 120_000)
