"""A map fitted from two files, and tried."""

from playwright.sync_api import expect

from case import WRITING, StudioCase
from server import CONCEPT, ask, get, lines, refusal

DROP = """(zone, files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name, { type: "text/plain" }));
  for (const type of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


class FitTests(StudioCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.forget)
        self.open("Fit")

    def forget(self):
        """No job and no map is left to other tests."""
        for job in get(self.url, "v1/jobs")["data"]:
            if job["state"] in ("waiting", "running"):
                ask(self.url, f"v1/jobs/{job['id']}", None, "DELETE")
        ask(self.url, "v1/maps/fitted-here", None, "DELETE")

    def drop(self, index, *files):
        self.page.locator("#fit-sentences .drop").nth(index).evaluate(DROP, [[name, text] for name, text in files])

    @staticmethod
    def sides(count):
        return ["\n".join(lines(CONCEPT / f"{name}.txt", count)) for name in ("source", "target")]

    def fill(self, count=40):
        source, target = self.sides(count)
        self.drop(0, ("source.txt", source))
        self.drop(1, ("target.txt", target))
        expect(self.page.locator("#fit-target-count")).to_have_text(f"{count} sentences")
        self.field("Name", exact=True).fill("fitted-here")

    def test_two_dropped_files_become_a_map_that_is_tried(self):
        source, target = self.sides(40)
        self.drop(0, ("target.txt", target), ("source.txt", source))
        for side, text in [("source", source), ("target", target)]:
            expect(self.page.locator(f"#fit-{side}-count")).to_have_text("40 sentences")
            expect(self.page.locator(f"#fit-{side}")).to_have_value(text)
        self.field("Name", exact=True).fill("fitted-here")
        with self.page.expect_response(lambda answer: answer.url.endswith("/v1/maps") and answer.request.method == "POST") as answer:
            self.button("Fit", exact=True).click()
        body = answer.value.request.post_data_json
        self.assertEqual(answer.value.status, 202)
        self.assertEqual((len(body["source"]), len(body["target"]), body["method"]), (40, 40, "linear"))
        self.assertNotIn("sites", body, "the server takes all layer norms")
        expect(self.page.get_by_role("progressbar", name="Progress of the fit")).to_be_visible()
        expect(self.page.get_by_role("heading", name="Fitted: fitted-here")).to_be_visible(timeout=WRITING)
        # Few sentences are worth a warning, and what the server says is shown.
        warnings = get(self.url, f"v1/jobs/{answer.value.json()['id']}")["warnings"]
        self.assertGreater(len(warnings), 0)
        self.assertEqual(self.page.locator(".warnings li").all_inner_texts(), warnings)
        self.button("Try it").click()
        expect(self.page.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
        expect(self.button("Generate")).to_be_focused()
        expect(self.field("Map 1")).to_have_value("fitted-here")
        self.field("Tokens", exact=True).fill("4")
        body = self.body_of("/v1/steering/preview", lambda: self.page.keyboard.press("Control+Enter"))
        self.written()
        self.assertEqual(body["steering"], [{"map": "fitted-here", "strength": 1}])
        self.assertTrue(all(self.columns()))

    def test_a_fit_goes_on_over_a_reload_and_is_cancelled(self):
        self.fill(400)
        self.button("Fit", exact=True).click()
        expect(self.page.locator("#fit-job")).to_be_visible()
        self.page.reload()
        expect(self.page.locator("#fit-job h3")).to_contain_text("fitted-here")
        expect(self.button("Fit", exact=True)).to_be_disabled()
        self.page.locator("#fit-job").get_by_role("button", name="Cancel").click()
        expect(self.page.get_by_role("heading", name="Cancelled: fitted-here")).to_be_visible(timeout=WRITING)
        expect(self.button("Fit", exact=True)).to_be_enabled()
        self.assertEqual(ask(self.url, "v1/maps/fitted-here")[0], 404)

    def test_settings_are_sent(self):
        self.fill(12)
        self.field("Method").select_option("mean")
        self.page.locator("#panel-fit").get_by_text("More settings").click()
        self.field("Sites").fill(".*o_proj\nmodel\\.norm")
        self.field("Estimation").select_option("simultaneous")
        self.field("Pooling").select_option("last")
        self.field("Support").select_option("all")
        self.field("Leave out first tokens").fill("1")
        self.page.locator("#fit-seed").fill("7")
        body = self.body_of("/v1/maps", lambda: self.button("Fit", exact=True).click())
        wanted = {"method": "mean", "sites": [".*o_proj", "model\\.norm"], "estimation": "simultaneous", "pooling": "last", "support": "all"}
        wanted |= {"skip_first": 1, "seed": 7}
        self.assertEqual({name: body[name] for name in wanted}, wanted)
        expect(self.page.get_by_role("heading", name="Fitted: fitted-here")).to_be_visible(timeout=WRITING)
        map = get(self.url, "v1/maps/fitted-here")
        self.assertEqual((map["method"], map["estimation"]), ("mean", "simultaneous"))

    def test_what_is_missing_is_said_and_shown(self):
        self.button("Fit", exact=True).click()
        self.alert("The side to lead away from has no sentences.")
        expect(self.page.locator("#fit-source")).to_be_focused()
        self.page.locator("#fit-source").fill("One.")
        self.page.locator("#fit-target").fill("Two.\n\n  \nThree.")
        expect(self.page.locator("#fit-source-count")).to_have_text("1 sentence")
        expect(self.page.locator("#fit-target-count")).to_have_text("2 sentences")
        self.field("Name", exact=True).fill(".hidden")
        self.button("Fit", exact=True).click()
        self.alert("cannot be a map’s name")
        expect(self.field("Name", exact=True)).to_have_attribute("aria-invalid", "true")

    def test_a_refusal_is_shown_beside_the_button_and_at_its_field(self):
        self.allowed = ["status of 400"]
        self.fill(12)
        self.page.locator("#panel-fit").get_by_text("More settings").click()
        self.field("Leave out first tokens").fill("-1")
        body = self.body_of("/v1/maps", lambda: self.button("Fit", exact=True).click())
        self.alert(refusal(self.url, "v1/maps", body))
        expect(self.field("Leave out first tokens")).to_have_attribute("aria-invalid", "true")
        expect(self.button("Fit", exact=True)).to_be_enabled()

    def test_a_fit_that_cannot_be_done_says_why_and_the_next_one_can(self):
        # Sites are told from the model: the server may say at once or by the job that there are none.
        self.allowed = ["status of 400"]
        self.fill(12)
        self.page.locator("#panel-fit").get_by_text("More settings").click()
        self.field("Sites").fill("no_such_site")
        self.button("Fit", exact=True).click()
        self.alert("no_such_site")
        expect(self.button("Fit", exact=True)).to_be_enabled()
        self.field("Sites").fill("")
        self.button("Fit", exact=True).click()
        expect(self.page.get_by_role("heading", name="Fitted: fitted-here")).to_be_visible(timeout=WRITING)
        self.assertEqual(self.page.get_by_role("alert").locator("visible=true").all_inner_texts(), [])

    def test_a_file_that_is_no_text_is_refused_by_name(self):
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_text("Choose a file").first.click()
        chooser.value.set_files({"name": "noise.txt", "mimeType": "text/plain", "buffer": b"\xff\xfe\x00\xd8"})
        self.alert("noise.txt is not UTF-8 text.")
