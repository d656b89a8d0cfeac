"""Widths from a phone to a wide screen, in light and dark; pictures of them with --screenshots."""

from playwright.sync_api import expect

from case import StudioCase
from server import CONCEPT, lines
from settings import settings

WIDTHS = [(360, 740), (768, 1024), (1440, 900)]


class LayoutTests(StudioCase):
    def look(self, name):
        wide = self.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        self.assertLessEqual(wide, 0, f"{name}: the page is wider than the window")
        for element in self.page.locator("main button, main input, main select, main textarea, main h3").locator("visible=true").all():
            box = element.bounding_box()
            if box and box["width"] > 2:
                self.assertGreaterEqual(box["x"], -1, f"{name}: {element.evaluate('e => e.outerHTML.slice(0, 120)')} sticks out to the left")
                self.assertLessEqual(box["x"] + box["width"], self.page.viewport_size["width"] + 1, f"{name}: {element.evaluate('e => e.outerHTML.slice(0, 120)')} sticks out to the right")
        if settings.screenshots:
            self.page.screenshot(path=settings.screenshots / f"{name}.png", full_page=True)

    def test_every_width_and_scheme(self):
        for width, height in WIDTHS:
            for scheme in ("light", "dark"):
                with self.subTest(width=width, scheme=scheme):
                    self.size, self.scheme = (width, height), scheme
                    self.context.close()
                    self.open_context()
                    self.tour(f"{width}-{scheme}")

    def tour(self, name):
        self.open()
        self.look(f"text-new-{name}")
        maps = [map for map in ("football", "only-football") if self.page.locator("#text-steering").get_by_role("button", name="Add a map").is_enabled()]
        for map in maps:
            self.add_map(map)
        self.field("Tokens", exact=True).fill("32")
        self.page.get_by_text("When and where").first.click()
        self.generate()
        self.look(f"text-{name}")
        self.tab("Fit")
        for side in ("source", "target"):
            self.page.locator(f"#fit-{side}").fill("\n".join(lines(CONCEPT / f"{side}.txt", 30)))
        self.field("Name", exact=True).fill("a-name")
        self.look(f"fit-{name}")
        self.tab("Maps")
        expect(self.page.locator(".card").first).to_be_visible()
        self.look(f"maps-{name}")
        if self.models("picture"):
            self.tab("Pictures")
            self.field("Steps", exact=True).fill("2")
            self.button("Draw", exact=True).click()
            self.page.locator("#pictures-strips[aria-busy=false]").wait_for(timeout=120_000)
            self.look(f"pictures-{name}")

    def test_the_theme_is_chosen_and_remembered(self):
        self.open()
        paper = lambda: self.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        light = paper()
        self.button("Theme: automatic").click()
        self.assertEqual(paper(), light)
        self.button("Theme: light").click()
        dark = paper()
        self.assertNotEqual(dark, light)
        self.page.reload()
        expect(self.button("Theme: dark")).to_be_visible()
        self.assertEqual(paper(), dark)
        self.button("Theme: dark").click()
        self.assertEqual(paper(), light)
