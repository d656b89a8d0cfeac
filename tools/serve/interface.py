"""The server against its own document: openapi-spec-validator on /openapi.json, and schemathesis on the server.

    tools/serve/test interface --monge .build/release/monge --examples 50

Requests are generated from the document, right ones and wrong ones; answers are held against it: status, type, headers, schema; what is wrong must be refused, and never with 500.
"""

import os
import subprocess
import sys
import tempfile

import checks
import server
from checks import expect, same

KEY = "a-key-of-the-tests"
# Names of models and maps are strings to the document, and no generated one is loaded: that right requests are refused says nothing.
LEFT_OUT = "positive_data_acceptance"


def main():
    parser = server.arguments(__doc__)
    server.accept_models(parser)
    parser.add_argument("--examples", type=int, default=50, help="the most generated requests of an operation and phase (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=1800, help="the most time (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    listed = checks.Checks()
    with tempfile.TemporaryDirectory() as folder, server.serving(chosen, KEY) as (maps, running):
        def document():
            answer = running.ask("GET", "/openapi.json")
            same(answer.status, 200, "the status")
            path = os.path.join(folder, "openapi.json")
            with open(path, "wb") as file:
                file.write(answer.body)
            result = subprocess.run([sys.executable, "-m", "openapi_spec_validator", path], capture_output=True, text=True)
            expect(result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:])

        def generated():
            models = running.ask("GET", "/v1/models").json()["data"]
            environment = {
                **os.environ, "SCHEMATHESIS_HOOKS": "narrowed", "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)),
                "MONGE_TEXT_MODEL": next(entry["id"] for entry in models if entry["kind"] == "text"), "MONGE_MAP": list(maps)[0],
                "MONGE_MODELS": ",".join(entry["id"] for entry in models),
            }
            command = [
                os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file", os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemathesis.toml"),
                "--no-color", "run", f"{running.url}/openapi.json", "--header", f"Authorization: Bearer {KEY}",
                "--checks", "all", "--exclude-checks", LEFT_OUT, "--max-examples", str(chosen.examples), "--seed", str(chosen.seed), "--workers", "1",
                "--request-timeout", "60", "--max-response-time", "60", "--continue-on-failure", "--suppress-health-check", "all", "--no-shrink", "--output-truncate", "true",
            ]
            try:
                code = subprocess.run(command, env=environment, cwd=folder, timeout=chosen.seconds).returncode
            except subprocess.TimeoutExpired:
                raise checks.Wrong(f"schemathesis is not done after {chosen.seconds} s; ask for fewer --examples") from None
            expect(code == 0, f"schemathesis ended with {code}; what it found is above")

        listed.run("the document is valid", document)
        listed.run("schemathesis", generated)
        listed.run("the server is alive", lambda: expect(running.is_alive(), running.read_log()[-1000:]))
        listed.run("the server ends with 0", lambda: same(running.stop(), 0, "the exit code"))
    listed.end(chosen.json)


if __name__ == "__main__":
    main()
