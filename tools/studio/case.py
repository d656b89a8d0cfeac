"""A test that has the page open, and that fails on what the page must never do: errors in the console, requests to other hosts."""

import unittest

from playwright.sync_api import expect

from server import get
from settings import settings

expect.set_options(timeout=15_000)
WRITING = 120_000


class StudioCase(unittest.TestCase):
    size = (1440, 900)
    scheme = "light"
    # The server of the test; the shared one where it has none of its own.
    url = ""

    def setUp(self):
        self.url = self.url or settings.url
        # What the browser may say of answers that a test asks for: a part of its line in the console.
        self.allowed = []
        self.faults = []
        self.open_context()

    def open_context(self, **options):
        self.context = settings.browser.new_context(
            viewport={"width": self.size[0], "height": self.size[1]}, color_scheme=self.scheme, accept_downloads=True, **options
        )
        self.addCleanup(self.context.close)
        if settings.page:
            self.context.route(lambda url: url == f"{self.url}/" or url.startswith(f"{self.url}/studio/"), self.give_file)
        self.page = self.context.new_page()
        self.page.on("console", lambda line: line.type == "error" and self.faults.append(f"console: {line.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        self.page.on("request", self.check_host)

    def give_file(self, route):
        """A file of the page from a folder, under the rules that the server gives it."""
        name = route.request.url.removeprefix(f"{self.url}/").removeprefix("studio/") or "index.html"
        if not (settings.page / name).is_file():
            return route.continue_()
        rules = route.fetch(url=f"{self.url}/").headers.get("content-security-policy", "")
        kind = {"js": "text/javascript", "css": "text/css", "html": "text/html"}[name.rsplit(".")[-1]]
        route.fulfill(path=settings.page / name, content_type=f"{kind}; charset=utf-8", headers={"content-security-policy": rules})

    def check_host(self, request):
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.faults.append(f"asked another host: {request.url}")

    def tearDown(self):
        faults = [fault for fault in self.faults if not any(part in fault for part in self.allowed)]
        self.assertEqual(faults, [], "the page must not do this")

    # --- What a person does ---

    def open(self, tab=None):
        self.page.goto(f"{self.url}/")
        expect(self.page.locator("#text-model option")).not_to_have_count(0)
        if tab:
            self.tab(tab)

    def tab(self, name):
        self.page.get_by_role("tab", name=name).click()

    def button(self, name, **options):
        return self.page.get_by_role("button", name=name, **options)

    def field(self, label, **options):
        """A field of the part that is shown."""
        return self.page.locator("[role=tabpanel]:visible").get_by_label(label, **options)

    def add_map(self, name, place="#text-steering"):
        rows = self.page.locator(f"{place} .steer")
        count = rows.count()
        self.page.locator(place).get_by_role("button", name="Add a map").click()
        expect(rows).to_have_count(count + 1)
        rows.last.get_by_label(f"Map {count + 1}").select_option(name)

    def set_strengths(self, values, place="#text-strengths"):
        """Leaves exactly these chips."""
        for value in values:
            self.page.locator(place).get_by_label("Another strength").fill(str(value))
            self.page.keyboard.press("Enter")
        for text in self.page.locator(f"{place} .chip span").all_inner_texts():
            if float(text.replace("−", "-")) not in values:
                self.button(f"Remove strength {text}", exact=True).locator("visible=true").click()

    def generate(self):
        self.button("Generate").click()
        self.written()

    def written(self):
        self.page.locator("#text-columns[aria-busy=false]").wait_for(state="attached", timeout=WRITING)

    def columns(self):
        """The articles' texts without the end of the prompt that stands before them."""
        return [self.text_of(column) for column in self.page.locator("#text-columns .column").all()]

    @staticmethod
    def text_of(column):
        before = column.locator(".before")
        lead = before.text_content() if before.count() else ""
        return column.locator(".generated").text_content()[len(lead) :]

    def body_of(self, path, act):
        """The JSON that the page sends there when `act` is done."""
        with self.page.expect_request(lambda request: request.url.endswith(path) and request.method == "POST") as sent:
            act()
        return sent.value.post_data_json

    # --- What is there ---

    def models(self, kind):
        return [model["id"] for model in get(self.url, "v1/models")["data"] if model["kind"] == kind]

    def need_map(self, name):
        maps = {one["id"]: one for one in get(self.url, "v1/maps")["data"]}
        if name not in maps:
            self.skipTest(f"the server has no map {name}")
        return maps[name]

    def alert(self, text):
        expect(self.page.get_by_role("alert").filter(has_text=text)).to_be_visible()


PROMPT = "Once upon a time, in a small town"


class TextCase(StudioCase):
    """Has the part for texts open, on a server with the map football."""

    def setUp(self):
        super().setUp()
        self.need_map("football")
        self.open()

    def settle(self, tokens=12, temperature=0):
        self.field("Prompt", exact=True).fill(PROMPT)
        self.field("Tokens", exact=True).fill(str(tokens))
        self.field("Temperature").fill(str(temperature))
