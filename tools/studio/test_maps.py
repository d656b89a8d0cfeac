"""Maps as files: brought, taken, replaced, deleted."""

from playwright.sync_api import expect

from case import StudioCase
from server import ask, refusal


class MapTests(StudioCase):
    def setUp(self):
        super().setUp()
        self.need_map("football")
        self.file = ask(self.url, "v1/maps/football/file")[1]
        self.addCleanup(ask, self.url, "v1/maps/brought", None, "DELETE")
        self.open("Maps")

    def upload(self, name, content):
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_text("Upload a map").click()
        chooser.value.set_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})

    def card(self, name):
        return self.page.locator(".card").filter(has=self.page.get_by_role("heading", name=name, exact=True))

    def test_a_map_is_brought_used_and_deleted(self):
        self.upload("brought.safetensors", self.file)
        card = self.card("brought")
        expect(card).to_be_visible()
        self.assertEqual(ask(self.url, "v1/maps/brought/file")[1], self.file)
        card.get_by_role("button", name="Use brought in Text").click()
        expect(self.field("Map 1")).to_have_value("brought")
        self.field("Tokens", exact=True).fill("3")
        self.generate()
        self.assertTrue(all(self.columns()))
        self.tab("Maps")
        card.get_by_role("button", name="Delete brought").click()
        self.button("Cancel").locator("visible=true").click()
        expect(card).to_be_visible()
        card.get_by_role("button", name="Delete brought").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        expect(card).to_have_count(0)
        self.assertEqual(ask(self.url, "v1/maps/brought")[0], 404)
        self.tab("Text")
        expect(self.page.get_by_text("This map is not on the server.")).to_be_visible()

    def test_a_map_of_the_same_name_is_replaced_only_when_asked(self):
        self.upload("brought.safetensors", self.file)
        expect(self.card("brought")).to_be_visible()
        sent = []
        self.page.on("request", lambda request: request.method == "PUT" and sent.append(request.url))
        self.upload("brought.safetensors", self.file)
        dialog = self.page.get_by_role("dialog", name="Replace brought?")
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        self.assertEqual(sent, [])
        self.upload("brought.safetensors", self.file)
        with self.page.expect_response(lambda response: response.request.method == "PUT") as answer:
            dialog.get_by_role("button", name="Replace").click()
        self.assertEqual(answer.value.status, 200)

    def test_a_map_is_taken_byte_for_byte(self):
        with self.page.expect_download() as download:
            self.card("football").get_by_role("button", name="Download football").click()
        self.assertEqual(download.value.suggested_filename, "football.safetensors")
        with open(download.value.path(), "rb") as file:
            self.assertEqual(file.read(), self.file)

    def test_what_is_no_map_is_refused_in_the_words_of_the_server(self):
        self.allowed = ["status of 400"]
        content = b"this is no map at all"
        sentence = refusal(self.url, "v1/maps/brought", content, "PUT")
        self.upload("brought.safetensors", content)
        self.alert(sentence)
        expect(self.card("brought")).to_have_count(0)

    def test_a_card_says_what_the_map_is(self):
        card = self.card("football")
        facts = dict(zip(card.locator("dt").all_inner_texts(), card.locator("dd").all_inner_texts()))
        map = self.need_map("football")
        self.assertIn(map["method"], facts["Method"])
        self.assertEqual(facts["Sites"], str(len(map["sites"])))
        self.assertIn(map["model"][0], facts["Fits"])
        card.get_by_text("Sites", exact=True).last.click()
        expect(card.locator(".sites")).to_contain_text("o_proj")
