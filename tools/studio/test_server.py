"""Servers that want a key, that go away, and that come back."""

import re
import tempfile

from playwright.sync_api import expect

from case import StudioCase
from server import Server
from settings import settings

KEY = "a-long-key-of-the-tests-0123456789"


class OwnServerCase(StudioCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        if not settings.monge:
            cls.server = None
            return
        cls.server = Server(settings.monge, settings.models[:1], settings.maps.folder, *cls.options_of())
        cls.url = cls.server.url

    @classmethod
    def options_of(cls):
        return []

    @classmethod
    def tearDownClass(cls):
        if cls.server:
            cls.server.stop()

    def setUp(self):
        if not self.server:
            self.skipTest("needs a server of its own (--monge)")
        super().setUp()


class KeyTests(OwnServerCase):
    @classmethod
    def options_of(cls):
        cls.file = tempfile.NamedTemporaryFile("w", suffix=".keys")
        cls.file.write(KEY + "\n")
        cls.file.flush()
        return ["--api-key-file", cls.file.name]

    def setUp(self):
        super().setUp()
        self.allowed = ["status of 401"]

    def answer(self, key):
        self.page.get_by_label("API key").fill(key)
        self.button("Use it").click()

    def test_a_key_is_asked_for_until_it_is_right_and_forgotten_with_the_tab(self):
        self.page.goto(f"{self.url}/")
        dialog = self.page.get_by_role("dialog", name="This server wants a key")
        expect(dialog).to_be_visible()
        expect(self.page.get_by_label("API key")).to_be_focused()
        self.answer("wrong")
        expect(dialog.locator("#key-why")).not_to_be_empty()
        expect(dialog).to_be_visible()
        self.answer(KEY)
        expect(dialog).to_be_hidden()
        expect(self.page.locator("#text-model option")).not_to_have_count(0)
        self.field("Tokens", exact=True).fill("2")
        self.generate()
        self.assertTrue(self.columns()[0])
        stored = self.page.evaluate("() => [JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage})]")
        self.assertNotIn(KEY, stored[0])
        self.assertIn(KEY, stored[1])
        self.page.reload()
        expect(self.page.locator("#text-model option")).not_to_have_count(0)
        expect(dialog).to_be_hidden()

    def test_without_an_answer_the_servers_sentence_stands_there(self):
        self.page.goto(f"{self.url}/")
        expect(self.page.get_by_label("API key")).to_be_focused()
        self.page.keyboard.press("Escape")
        expect(self.page.locator("#text-error .error")).not_to_be_empty()


class AwayTests(OwnServerCase):
    def setUp(self):
        super().setUp()
        self.allowed = ["net::ERR_", "status of 503"]

    def test_a_server_that_goes_away_is_told_of_and_recovered_from(self):
        self.open()
        self.field("Prompt", exact=True).fill("Kept over all of it")
        self.field("Tokens", exact=True).fill("2000")
        self.button("Generate").click()
        expect(self.page.locator(".column.running .generated")).not_to_have_text("Kept over all of it")
        self.server.kill()
        self.written()
        self.alert("The server does not answer.")
        expect(self.page.locator("#text-error .error")).to_be_visible()
        expect(self.page.locator(".column .foot")).to_have_text("broken off")
        self.assertTrue(self.columns()[0], "what was written stays")
        expect(self.page.locator("#banner")).to_be_visible()
        self.server.start()
        expect(self.page.locator("#banner")).to_be_hidden()
        self.field("Tokens", exact=True).fill("3")
        self.generate()
        expect(self.page.locator("#text-error")).to_be_empty()
        expect(self.field("Prompt", exact=True)).to_have_value("Kept over all of it")

    def test_a_page_that_waits_notices_that_the_server_is_back(self):
        self.open()
        self.server.kill()
        self.button("Generate").click()
        expect(self.page.locator("#banner")).to_be_visible()
        self.server.start()
        expect(self.page.locator("#banner")).to_be_hidden()
        expect(self.page.locator("#server-text")).to_contain_text(self.models("text")[0])

    def test_a_text_ends_whole_while_the_server_stops(self):
        self.open()
        self.field("Prompt", exact=True).fill("One")
        self.field("Tokens", exact=True).fill("150")
        self.field("Temperature").fill("1")
        self.button("Generate").click()
        expect(self.page.locator(".column.running .generated")).to_contain_text(" ")
        self.server.process.terminate()
        self.written()
        expect(self.page.locator(".column .foot")).to_have_text(re.compile(r"^\d+ tokens · (all tokens used|ended by itself)$"))
        self.assertEqual(self.page.locator("#text-error .error").count(), 0)
        self.server.stop()
        self.button("Generate").click()
        expect(self.page.locator("#banner")).to_be_visible()
        self.server.start()
        expect(self.page.locator("#banner")).to_be_hidden()
