"""A list of checks, run one after the other; what fails is told and counted, and the rest goes on."""

import sys
import time
import traceback

import server


class Wrong(Exception):
    """What a check found."""


def expect(condition, sentence):
    if not condition:
        raise Wrong(sentence)


def same(found, wanted, what):
    expect(found == wanted, f"{what} is {found!r}, expected {wanted!r}")


class Checks:
    def __init__(self):
        self.results = []

    def run(self, name, check, *arguments):
        began = time.monotonic()
        try:
            detail = check(*arguments)
            fault = None
        except Wrong as wrong:
            detail, fault = None, str(wrong)
        except Exception as error:  # whatever a client library raises is a finding, not the end of the run
            place = traceback.extract_tb(error.__traceback__)[-1]
            detail, fault = None, f"{type(error).__name__}: {error} (line {place.lineno} of {place.filename.rsplit('/', 1)[-1]})"
        seconds = time.monotonic() - began
        self.results.append({"name": name, "fault": fault, "detail": detail, "seconds": round(seconds, 3)})
        word = "FAILED" if fault else "ok"
        print(f"{word:7}{name} ({seconds:.1f} s){': ' + str(fault or detail) if fault or detail else ''}", flush=True)

    def end(self, path=None):
        """Writes the results and ends the program: with 1 when anything failed."""
        failed = sum(1 for result in self.results if result["fault"])
        print(f"{len(self.results) - failed} of {len(self.results)} checks passed")
        server.write_results(path, {"checks": self.results})
        sys.exit(1 if failed or not self.results else 0)
