"""Runs the studio's tests: see `test` beside it."""

import argparse
import os
import shutil
import sys
import unittest
from pathlib import Path

from playwright.sync_api import sync_playwright

from server import Maps, Server
from settings import settings

HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(prog="tools/studio/test", description="Uses the studio as a person would, in Chromium.")
    parser.add_argument("--server", default="", help="the address of a server that runs: http://127.0.0.1:8080")
    parser.add_argument("--monge", default="", help="the program, to start servers with")
    parser.add_argument("--model", action="append", help="a model of the servers that are started, again for each (default: smollm2)")
    parser.add_argument("--chromium", default="", help="the browser (default: the first of chromium, chromium-browser, google-chrome)")
    parser.add_argument("--screenshots", type=Path, help="a folder for pictures of the page")
    parser.add_argument("--page", type=Path, help="a folder that the page's files are taken from, instead of those of the program")
    parser.add_argument("-k", dest="only", action="append", help="only tests with this in their names")
    parser.add_argument("-v", dest="verbose", action="store_true", help="names each test as it begins")
    given = parser.parse_args()
    if bool(given.server) == bool(given.monge):
        parser.error("name a server that runs (--server) or the program to start one with (--monge)")
    if not given.chromium:
        given.chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), "")
    if not given.chromium:
        parser.error("there is no Chromium on this machine; install Debian's package chromium, or name one with --chromium")
    return given


def main():
    given = arguments()
    settings.server = given.server.rstrip("/")
    settings.monge = given.monge
    settings.models = given.model or ["smollm2"]
    settings.page = given.page
    settings.screenshots = given.screenshots
    if given.screenshots:
        given.screenshots.mkdir(parents=True, exist_ok=True)
    maps = server = None
    try:
        if given.monge:
            maps = settings.maps = Maps(given.monge, settings.models[0])
            server = Server(given.monge, settings.models, maps.folder)
        settings.url = settings.server or server.url
        # Chromium refuses its sandbox to the superuser.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        with sync_playwright() as playwright:
            settings.browser = playwright.chromium.launch(executable_path=given.chromium, args=sandbox)
            loader = unittest.TestLoader()
            loader.testNamePatterns = [f"*{name}*" for name in given.only] if given.only else None
            tests = loader.discover(str(HERE), pattern="test_*.py")
            if not tests.countTestCases():
                sys.exit("studio: no test has such a name")
            result = unittest.TextTestRunner(verbosity=2 if given.verbose else 1).run(tests)
            settings.browser.close()
    finally:
        if server:
            server.stop()
        if maps:
            maps.remove()
    for test, reason in result.skipped:
        print(f"left out: {test.id()}: {reason}")
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
