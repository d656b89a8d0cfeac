"""The controls of texts: what is sent, what is refused, and what is remembered."""

from playwright.sync_api import expect

from case import PROMPT, TextCase
from server import refusal


class SettingsTests(TextCase):
    def test_settings_are_sent_as_they_are_set(self):
        self.settle(tokens=2, temperature=0.5)
        self.add_map("football")
        self.field("Strength of football, as a number").fill("0.7")
        self.page.get_by_text("When and where").click()
        self.field("Acts on").select_option("generation")
        self.field("Over time").select_option("ramp")
        self.field("over so many tokens").fill("4")
        self.field("From token").fill("1")
        self.field("before token").fill("9")
        self.field("Only after this was written").fill(" the")
        self.field("Sites (a regular expression)").fill(".*o_proj")
        self.page.get_by_text("More settings").locator("visible=true").click()
        self.field("Top p").fill("0.8")
        self.field("Top k").fill("40")
        self.field("Repetition penalty").fill("1.2")
        self.field("Stop where one of these is written").fill("\n###\nThe end")
        self.field("Colour tokens").uncheck()
        body = self.body_of("/v1/steering/preview", lambda: self.button("Generate").click())
        self.written()
        self.assertEqual(
            body["steering"],
            [{
                "map": "football", "strength": 0.7, "scope": "generation", "tokens": [1, 9], "after": " the",
                "schedule": {"type": "ramp", "tokens": 4}, "sites": ".*o_proj",
            }],
        )
        wanted = {"prompt": PROMPT, "max_tokens": 2, "temperature": 0.5, "top_p": 0.8, "top_k": 40, "repetition_penalty": 1.2}
        wanted |= {"stop": ["###", "The end"], "movement": False}
        self.assertEqual({name: body[name] for name in wanted}, wanted)
        self.assertEqual(self.page.get_by_role("alert").locator("visible=true").all_inner_texts(), [])

    def test_only_the_beginning_of_a_range_of_tokens_is_enough(self):
        self.settle(tokens=3)
        self.add_map("football")
        self.page.get_by_text("When and where").click()
        self.field("From token").fill("1")
        self.generate()
        self.assertEqual(self.page.get_by_role("alert").locator("visible=true").all_inner_texts(), [])
        self.assertTrue(all(self.columns()))

    def test_a_slider_and_its_number_are_one(self):
        self.add_map("football")
        slider = self.page.get_by_role("slider", name="Strength of football")
        field = self.field("Strength of football, as a number")
        slider.focus()
        self.page.keyboard.press("ArrowLeft")
        expect(field).to_have_value("0.95")
        self.page.keyboard.press("Home")
        expect(field).to_have_value("-1")
        self.page.keyboard.press("End")
        expect(field).to_have_value("2")
        field.fill("0.3")
        expect(slider).to_have_value("0.3")
        box = slider.bounding_box()
        self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.assertAlmostEqual(float(field.input_value()), 0.5, delta=0.051)

    def test_several_maps_act_at_once_and_one_is_removed(self):
        self.need_map("only-football")
        self.settle(tokens=2)
        self.add_map("football")
        self.add_map("only-football")
        self.field("Strength of only-football, as a number").fill("0.5")
        body = self.body_of("/v1/steering/preview", lambda: self.button("Generate").click())
        self.written()
        self.assertEqual([(one["map"], one["strength"]) for one in body["steering"]], [("football", 1), ("only-football", 0.5)])
        self.button("Remove football").click()
        body = self.body_of("/v1/steering/preview", lambda: self.button("Generate").click())
        self.written()
        self.assertEqual([one["map"] for one in body["steering"]], ["only-football"])

    def test_a_seed_is_kept_or_thrown(self):
        self.settle(tokens=1, temperature=1)
        send = lambda: self.body_of("/v1/completions", lambda: self.button("Generate").click())["seed"]
        lock = self.button("Keep this seed").locator("visible=true")
        seeds = []
        for _ in range(2):
            seeds.append(send())
            self.written()
        self.assertEqual(seeds[0], seeds[1])
        lock.click()
        expect(lock).to_have_attribute("aria-pressed", "false")
        for _ in range(2):
            seeds.append(send())
            self.written()
        self.assertEqual(len(set(seeds[1:])), 3)
        before = self.page.locator("#text-seed-value").input_value()
        self.button("Throw another seed").locator("visible=true").click()
        self.assertNotEqual(self.page.locator("#text-seed-value").input_value(), before)

    def test_a_reload_keeps_what_was_set(self):
        self.field("Prompt", exact=True).fill("The old lighthouse")
        self.field("Tokens", exact=True).fill("17")
        self.add_map("football")
        self.field("Strength of football, as a number").fill("0.65")
        self.page.get_by_text("When and where").click()
        self.field("Acts on").select_option("prompt")
        self.set_strengths([0, 2])
        self.tab("Fit")
        self.field("Name", exact=True).fill("my-map")
        self.page.reload()
        expect(self.page.get_by_role("tab", name="Fit")).to_have_attribute("aria-selected", "true")
        expect(self.field("Name", exact=True)).to_have_value("my-map")
        self.tab("Text")
        expect(self.field("Prompt", exact=True)).to_have_value("The old lighthouse")
        expect(self.field("Tokens", exact=True)).to_have_value("17")
        expect(self.field("Map 1")).to_have_value("football")
        expect(self.field("Strength of football, as a number")).to_have_value("0.65")
        expect(self.field("Acts on")).to_have_value("prompt")
        self.assertEqual(self.page.locator("#text-strengths .chip span").all_inner_texts(), ["0", "2"])

    def test_what_was_stored_by_a_broken_hand_does_not_break_the_page(self):
        self.allowed = ["status of 404"]  # the icon that the browser looks for beside a file that is no page
        for stored in ["{", "null", "[1]", '{"text": {"maps": 3, "strengths": ["x"], "tokens": null}, "fit": 1}']:
            self.page.goto(f"{self.url}/studio/theme.js")
            self.page.evaluate("text => localStorage.setItem('monge.studio', text)", stored)
            self.open()
            expect(self.field("Tokens", exact=True)).not_to_have_value("")
            self.assertGreater(self.page.locator("#text-strengths .chip").count(), 0)

    def test_a_refusal_is_shown_in_the_words_of_the_server(self):
        self.allowed = ["status of 400"]
        self.settle(tokens=2)
        self.add_map("football")
        self.page.get_by_text("When and where").click()
        self.field("Sites (a regular expression)").fill("(")
        body = self.body_of("/v1/steering/preview", lambda: self.button("Generate").click())
        sentence = refusal(self.url, "v1/steering/preview", body)
        self.alert(sentence)
        expect(self.page.locator("#text-error")).to_be_in_viewport()
        expect(self.field("Sites (a regular expression)")).to_have_attribute("aria-invalid", "true")
        self.field("Sites (a regular expression)").fill("")
        self.generate()
        expect(self.page.locator("#text-error")).to_be_empty()

    def test_a_refused_setting_is_shown_at_its_field(self):
        self.allowed = ["status of 400"]
        for map, path in [(None, "v1/completions"), ("football", "v1/steering/preview")]:
            self.settle(tokens=2)
            if map:
                self.add_map(map)
            self.field("Temperature").fill("-3")
            body = self.body_of(f"/{path}", lambda: self.button("Generate").click())
            self.alert(refusal(self.url, path, body))
            expect(self.field("Temperature")).to_have_attribute("aria-invalid", "true")
            expect(self.field("Temperature")).to_be_focused()
            self.field("Temperature").fill("0.73")
            self.generate()
            expect(self.field("Temperature")).not_to_have_attribute("aria-invalid", "true")
            self.assertEqual(self.page.get_by_role("alert").locator("visible=true").all_inner_texts(), [])
