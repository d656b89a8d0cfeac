"""The page by keyboard alone, and what it is to those who listen."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from case import StudioCase

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


class KeyboardTests(StudioCase):
    def press(self, key, times=1):
        for _ in range(times):
            self.page.keyboard.press(key)

    def tab_to(self, selector, most=60):
        """Goes on by the Tab key until the element has the focus, and sees that each stop shows it."""
        for _ in range(most):
            self.press("Tab")
            focused = self.page.locator(":focus")
            if not focused.count():
                continue
            self.assertTrue(focused.evaluate(SHOWS), f"the focus is not seen on {focused.evaluate('e => e.outerHTML.slice(0, 120)')}")
            if focused.evaluate("(element, selector) => element.matches(selector)", selector):
                return focused
        self.fail(f"the Tab key does not lead to {selector}")

    def test_a_map_is_added_turned_and_run_without_a_mouse(self):
        self.need_map("football")
        self.open()
        self.press("Tab")
        expect(self.page.get_by_role("link", name="Skip to the controls")).to_be_focused()
        self.press("Enter")
        self.tab_to("#text-prompt")
        self.press("Control+a")
        self.page.keyboard.type("The match began")
        self.tab_to("#text-steering button.small")
        self.press("Enter")
        expect(self.field("Map 1")).to_be_focused()
        self.tab_to("[type=range]")
        self.press("ArrowLeft", 10)
        self.tab_to("#text-strengths-new")
        self.page.keyboard.type("0.25")
        self.press("Enter")
        expect(self.page.locator("#text-strengths .chip")).to_have_count(4)
        self.tab_to("#text-tokens")
        self.press("Control+a")
        self.page.keyboard.type("400")
        body = self.body_of("/v1/steering/preview", lambda: self.press("Control+Enter"))
        self.assertEqual((body["prompt"], body["steering"][0]["strength"], body["max_tokens"]), ("The match began", 0.5, 400))
        expect(self.page.locator(".column.running")).to_have_count(4)
        expect(self.page.locator(".column .generated").first).not_to_have_text("The match began")
        self.press("Escape")
        self.written()
        expect(self.page.locator("#said")).to_have_text("Stopped.")

    def test_tabs_are_those_of_the_authoring_practices(self):
        self.open()
        tabs = self.page.locator("[role=tab]:not([hidden])")
        names = tabs.all_inner_texts()
        tabs.first.focus()
        for key, index in [("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", len(names) - 1), ("ArrowRight", 0), ("End", len(names) - 1), ("Home", 0)]:
            self.press(key)
            expect(tabs.nth(index)).to_be_focused()
            expect(tabs.nth(index)).to_have_attribute("aria-selected", "true")
            expect(self.page.get_by_role("tabpanel", name=names[index])).to_be_visible()
            self.assertEqual(self.page.locator("[role=tabpanel]:visible").count(), 1)
            self.assertEqual(self.page.locator("[role=tab][tabindex='0']").count(), 1)

    def test_every_stop_of_every_part_shows_the_focus(self):
        self.open()
        for name in self.page.locator("[role=tab]:not([hidden])").all_inner_texts():
            self.tab(name)
            self.page.locator("#theme").focus()
            last = self.page.locator("[role=tabpanel]:visible").locator(
                "button:not(:disabled), input, select, textarea, summary").locator("visible=true").last
            last.evaluate("element => element.setAttribute('data-last', '')")
            self.tab_to("[data-last]")
            last.evaluate("element => element.removeAttribute('data-last')")


# An outline, or one on what stands for the control: a thumb, the word beside a radio, the button of a file field, the reach of a point.
SHOWS = """element => {
  const seen = (one, part) => {
    const style = getComputedStyle(one, part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  if (!element.matches(":focus-visible")) return true;
  if (seen(element)) return true;
  if (element.type === "range") return true;
  const sibling = element.nextElementSibling;
  return (sibling && seen(sibling)) || element.matches(".dot");
}"""


class ListeningTests(StudioCase):
    def check(self, what):
        results = Axe().run(self.page, options=RULES)
        self.assertEqual(results.violations_count, 0, f"{what}: {results.generate_report()}")

    def check_parts(self):
        self.open()
        for name in self.page.locator("[role=tab]:not([hidden])").all_inner_texts():
            self.tab(name)
            for summary in self.page.locator("summary").locator("visible=true").all():
                summary.click()
            self.check(name)

    def test_every_part_has_names_roles_and_contrast(self):
        self.check_parts()

    def test_texts_with_movement_and_a_plot(self):
        self.need_map("football")
        self.open()
        self.add_map("football")
        self.field("Tokens", exact=True).fill("8")
        self.generate()
        for summary in self.page.locator("summary").locator("visible=true").all():
            summary.click()
        self.check("texts")

    def test_dialogs(self):
        self.need_map("football")
        self.open("Maps")
        self.button("Delete football").click()
        expect(self.page.get_by_role("dialog")).to_be_visible()
        self.check("the question before deleting")
        self.press_no()

    def press_no(self):
        expect(self.page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("dialog")).to_be_hidden()
        self.need_map("football")

    def test_streams_are_announced_once_at_their_end(self):
        self.open()
        self.field("Tokens", exact=True).fill("8")
        self.assertIsNone(self.page.locator("#text-columns").get_attribute("aria-live"))
        self.page.evaluate(
            """() => {
              window.said = [];
              new MutationObserver(() => said.push(document.getElementById("said").textContent)).observe(
                document.getElementById("said"), { childList: true });
            }"""
        )
        self.generate()
        expect(self.page.locator("#said")).to_have_text("The text is written.")
        self.assertEqual([text for text in self.page.evaluate("said") if text], ["The text is written."])


class DarkListeningTests(ListeningTests):
    scheme = "dark"


class StillTests(StudioCase):
    def test_nothing_moves_where_motion_is_not_wanted(self):
        self.context.close()
        self.open_context(reduced_motion="reduce")
        self.open()
        self.field("Tokens", exact=True).fill("300")
        self.button("Generate").click()
        expect(self.page.locator(".column.running .generated")).to_contain_text(" ")
        self.assertEqual(self.page.evaluate("() => document.getAnimations().length"), 0)
        self.page.keyboard.press("Escape")
        self.written()


