"""Pictures, where a model for them is loaded."""

import base64

from playwright.sync_api import expect

from case import WRITING, StudioCase


class PictureTests(StudioCase):
    def setUp(self):
        super().setUp()
        if not self.models("picture"):
            self.skipTest("no model for pictures is loaded")
        self.open("Pictures")
        self.field("Steps", exact=True).fill("4")

    def drawn(self):
        self.page.locator("#pictures-strips[aria-busy=false]").wait_for(state="attached", timeout=WRITING)

    def test_a_strip_of_seeds_appears_and_one_is_kept(self):
        self.page.locator("#pictures-prompt").fill("a picture of a banana")
        self.field("Pictures", exact=True).last.fill("2")
        self.page.locator("#pictures-seed-value").fill("5")
        body = self.body_of("/v1/images/generations", lambda: self.button("Draw", exact=True).click())
        self.drawn()
        self.assertEqual((body["n"], body["steps"], body["seed"], body["stream"]), (2, 4, 5, True))
        pictures = self.page.locator(".frame img")
        expect(pictures).to_have_count(2)
        for index, picture in enumerate(pictures.all()):
            self.assertEqual(picture.get_attribute("alt"), f"a picture of a banana, no map, seed {5 + index}")
            self.assertGreater(picture.evaluate("image => image.naturalWidth"), 0)
        self.page.locator(".frame .keep").nth(1).click()
        expect(self.page.locator("#pictures-seed-value")).to_have_value("6")
        expect(self.page.locator(".frame .keep").nth(1)).to_have_attribute("aria-pressed", "true")
        expect(self.page.locator(".frame .keep").nth(0)).to_have_attribute("aria-pressed", "false")
        source = pictures.nth(0).get_attribute("src")
        with self.page.expect_download() as download:
            self.page.locator(".frame a").nth(0).click()
        self.assertEqual(download.value.suggested_filename, "a-picture-of-a-banana-5.png")
        with open(download.value.path(), "rb") as file:
            self.assertEqual(file.read(), base64.b64decode(source.split(",")[1]))

    def test_strengths_stand_side_by_side(self):
        maps = self.page.locator("#pictures-steering").get_by_role("button", name="Add a map")
        if not maps.is_enabled():
            self.skipTest("no map fits the model for pictures")
        maps.click()
        self.set_strengths([0, 1], "#pictures-strengths")
        body = self.body_of("/v1/images/generations", lambda: self.button("Draw", exact=True).click())
        self.drawn()
        self.assertEqual(body["strengths"], [0, 1])
        sources = [picture.get_attribute("src") for picture in self.page.locator(".frame img").all()]
        self.assertEqual(len(sources), 2)
        self.assertNotEqual(*sources)

    def test_drawing_is_stopped(self):
        self.field("Steps", exact=True).fill("150")
        self.button("Draw", exact=True).click()
        expect(self.page.get_by_role("progressbar", name="Steps drawn")).to_be_visible()
        self.button("Stop").locator("visible=true").click()
        self.drawn()
        expect(self.page.locator("#said")).to_have_text("Stopped.")
        expect(self.button("Draw", exact=True)).to_be_enabled()
