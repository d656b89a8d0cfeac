"""Pictures, where a model for them is loaded."""

import base64

from playwright.sync_api import expect

from case import WRITING, StudioCase
from server import ask, fit_pictures
from settings import settings


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

    def test_a_map_for_pictures_is_brought_and_strengths_stand_side_by_side(self):
        if not settings.monge:
            self.skipTest("fits a map with the program (--monge)")
        self.addCleanup(ask, self.url, "v1/maps/lines", None, "DELETE")
        file = fit_pictures(settings.monge, settings.models, self.models("picture")[0])
        self.tab("Maps")
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_text("Upload a map").click()
        chooser.value.set_files({"name": "lines.safetensors", "mimeType": "application/octet-stream", "buffer": file})
        self.button("Use lines in Pictures").click()
        expect(self.button("Draw", exact=True)).to_be_focused()
        expect(self.field("Map 1")).to_have_value("lines")
        self.set_strengths([0, 1], "#pictures-strengths")
        body = self.body_of("/v1/images/generations", lambda: self.button("Draw", exact=True).click())
        self.drawn()
        self.assertEqual((body["strengths"], body["steering"]), ([0, 1], [{"map": "lines", "strength": 1}]))
        pictures = self.page.locator(".frame img").all()
        self.assertEqual(len(pictures), 2)
        self.assertNotEqual(*[picture.get_attribute("src") for picture in pictures])
        self.assertEqual([picture.get_attribute("alt").split(", ")[1] for picture in pictures], ["strength 0", "strength 1"])

    def test_drawing_is_stopped(self):
        self.field("Steps", exact=True).fill("150")
        self.button("Draw", exact=True).click()
        expect(self.page.get_by_role("progressbar", name="Steps drawn")).to_be_visible()
        self.button("Stop").locator("visible=true").click()
        self.drawn()
        expect(self.page.locator("#said")).to_have_text("Stopped.")
        expect(self.button("Draw", exact=True)).to_be_enabled()
