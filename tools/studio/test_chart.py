"""The plot of what was measured of a map."""

import json

from playwright.sync_api import expect

from case import StudioCase
from server import ask


class ChartTests(StudioCase):
    def setUp(self):
        super().setUp()
        if not self.need_map("football")["evaluation"]:
            self.skipTest("the map football was not measured")
        self.open()
        self.add_map("football")
        self.rows = json.loads(ask(self.url, "v1/maps/football/evaluation")[1])["rows"]
        self.panel = self.page.get_by_role("region", name="Measured: football")
        expect(self.panel).to_be_visible()

    def metric(self, row, name):
        return next(metric["value"] for metric in row["metrics"] if metric["name"] == name)

    def test_points_stand_where_they_were_measured(self):
        dots = self.panel.locator(".dot")
        expect(dots).to_have_count(len(self.rows))
        self.assertEqual(dots.locator("text").all_text_contents(), [f"{row['strength']:g}" for row in self.rows])
        x, y = ([float(dot.locator("circle").nth(1).get_attribute(name)) for dot in dots.all()] for name in ("cx", "cy"))
        costs = [self.metric(row, "perplexity change") for row in self.rows]
        effects = [self.metric(row, "on topic (words)") for row in self.rows]
        # Both axes are straight: any three points keep their proportions.
        for pixels, values in [(x, costs), ([-one for one in y], effects)]:
            for middle in range(1, len(values) - 1):
                share = (values[middle] - values[0]) / (values[-1] - values[0])
                self.assertAlmostEqual((pixels[middle] - pixels[0]) / (pixels[-1] - pixels[0]), share, delta=0.005)
        self.assertGreater(x[-1], x[0])

    def test_numbers_come_by_mouse_and_by_keyboard(self):
        dots, readout = self.panel.locator(".dot"), self.panel.locator(".readout")
        dots.nth(1).locator("circle").last.hover()
        expect(readout).to_contain_text("strength 0.5")
        dots.nth(0).focus()
        expect(readout).to_contain_text("strength 0:")
        self.page.keyboard.press("End")
        expect(dots.last).to_be_focused()
        expect(readout).to_contain_text("strength 1")
        expect(readout).to_contain_text(f"{100 * self.metric(self.rows[-1], 'on topic (words)'):.1f}".rstrip("0").rstrip("."))
        self.assertEqual(self.panel.locator(".dot[tabindex='0']").count(), 1, "the plot is one stop of the Tab key")

    def test_strengths_of_now_are_marked(self):
        rings = self.panel.locator(".now")
        self.set_strengths([0, 0.5, 1])
        expect(rings).to_have_count(3)
        self.field("Strength of football, as a number").fill("0.5")
        expect(rings.nth(1)).to_have_attribute("aria-label", "Now: strength 0.25")
        # Between two measured strengths the ring lies between their points.
        ring = float(rings.nth(1).locator("circle").get_attribute("cx"))
        points = [float(dot.locator("circle").nth(1).get_attribute("cx")) for dot in self.panel.locator(".dot").all()]
        self.assertAlmostEqual(ring, (points[0] + points[1]) / 2, delta=0.5)
        # What lies beyond all that was measured has no place.
        self.field("Strength of football, as a number").fill("2")
        expect(rings).to_have_count(2)

    def test_the_same_numbers_stand_in_a_table(self):
        self.panel.get_by_text("Numbers as a table").click()
        rows = self.panel.locator("tbody tr")
        expect(rows).to_have_count(len(self.rows))
        heads = self.panel.locator("thead th").all_inner_texts()
        for row, measured in zip(rows.all(), self.rows):
            cells = dict(zip(heads, row.locator("td").all_inner_texts()))
            self.assertEqual(float(cells["Strength"]), round(measured["strength"], 2))
            self.assertAlmostEqual(float(cells["perplexity"]), self.metric(measured, "perplexity"), delta=0.0051)
            self.assertAlmostEqual(
                float(cells["perplexity change"].strip("+ %").replace("−", "-")), 100 * self.metric(measured, "perplexity change"), delta=0.051)

    def test_it_goes_when_its_map_goes(self):
        self.button("Remove football").click()
        expect(self.panel).to_have_count(0)
