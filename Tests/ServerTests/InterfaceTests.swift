import Foundation
import Monge
import Server
import Testing
import Transport

/// What is refused, and how it is said.
@Suite(.serialized) struct InterfaceTests {
    @Test func refusalsNameTheFieldAndSayWhatToDo() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2"), ServedModel("smollm2", name: "again")])
        let model = "smollm2"
        let cases: [(path: String, body: [String: Any], status: Int, parameter: String?, mention: String)] = [
            ("completions", ["prompt": "x"], 400, "model", "there are smollm2, again"),
            ("completions", ["model": "other", "prompt": "x"], 404, "model", "there is no model 'other'"),
            ("completions", ["model": model], 400, "prompt", "missing"),
            ("completions", ["model": model, "prompt": ""], 400, "prompt", "empty"),
            ("completions", ["model": model, "prompt": [1, 1_000_000]], 400, "prompt", "none of the model's"),
            ("completions", ["model": model, "prompt": "x", "max_tokens": 0], 400, "max_tokens", "expected 1"),
            ("completions", ["model": model, "prompt": "x", "max_tokens": "4"], 400, "max_tokens", "is a string, expected an integer"),
            ("completions", ["model": model, "prompt": "x", "max_tokens": 9000], 400, nil, "8192"),
            ("completions", ["model": model, "prompt": "x", "temperature": -1], 400, "temperature", "expected 0"),
            ("completions", ["model": model, "prompt": "x", "top_p": 0], 400, "top_p", "expected"),
            ("completions", ["model": model, "prompt": "x", "colour": 1], 400, "colour", "no field"),
            ("completions", ["model": model, "prompt": "x", "echo": true], 400, "echo", "not supported"),
            ("completions", ["model": model, "prompt": "x", "logit_bias": ["5": 1]], 400, "logit_bias", "not supported"),
            ("completions", ["model": model, "prompt": "x", "stop": ["a", ""]], 400, "stop", "empty"),
            ("completions", ["model": model, "prompt": "x", "stream_options": ["include_usage": true]], 400, "stream_options", "stream"),
            ("completions", ["model": model, "prompt": "x", "steering": [["map": "none"]]], 404, "steering[0].map", "no map 'none'"),
            ("completions", ["model": model, "prompt": "x", "steering": [["strength": 1]]], 400, "steering[0].map", "missing"),
            (
                "completions", ["model": model, "prompt": "x", "steering": [["map": "m", "scope": "all", "way": 1]]], 400,
                "steering[0].way", "no field"
            ),
            (
                "completions", ["model": model, "prompt": "x", "steering": [["map": "m", "scope": "some"]]], 400, "steering[0].scope",
                "one of all, prompt, generation"
            ),
            (
                "completions", ["model": model, "prompt": "x", "steering": [["map": "m", "schedule": ["type": "ramp"]]]], 400,
                "steering[0].schedule.tokens", "missing"
            ),
            ("chat/completions", ["model": model, "messages": []], 400, "messages", "empty"),
            ("chat/completions", ["model": model, "messages": [["role": "king", "content": "x"]]], 400, "messages[0].role", "king"),
            (
                "chat/completions",
                ["model": model, "messages": [["role": "user", "content": "x"]], "response_format": ["type": "json_object"]],
                400, "response_format", "not supported"
            ),
            (
                "chat/completions", ["model": model, "messages": [["role": "user", "content": "x"]], "top_logprobs": 2], 400,
                "top_logprobs", "logprobs"
            ),
            ("steering/preview", ["model": model, "prompt": "x"], 400, "steering", "no map"),
            ("activations", ["model": model, "input": "x", "sites": ["nothing"]], 400, "sites", "matches none of the 332 sites"),
            ("activations", ["model": model, "input": "x", "sites": ["(.*)*(.*)*(.*)*(.*)*(.*)*x"]], 400, "sites", "matches none"),
            ("activations", ["model": model, "input": "x", "sites": ["(?=a)"]], 400, "sites", "ahead"),
            ("embeddings", ["model": model, "input": "x"], 400, "model", "no encoder"),
            ("images/generations", ["model": model, "prompt": "x"], 400, "model", "no model of pictures"),
            ("maps", ["model": model, "name": "../x", "source": ["a"], "target": ["b"]], 400, "name", "no name for a map"),
            ("maps", ["model": model, "name": "x", "source": ["a"]], 400, "target", "missing"),
            ("maps", ["model": model, "name": "x", "source": ["a"], "target": ["b"], "method": "magic"], 400, "method", "linear"),
        ]
        for item in cases {
            let answer = try await server.post("/v1/\(item.path)", item.body)
            let error = try answer.json["error"]
            #expect(
                answer.status == item.status && error["param"].string == item.parameter
                    && error["message"].string?.contains(item.mention) == true && error["type"].string != nil,
                "\(item.path) \(item.body): \(answer.status) \(answer.text)")
            #expect(answer.headers["content-type"] == "application/json" && answer.headers["x-request-id"] != nil)
        }
    }

    @Test func whatIsNoRequestIsRefused() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2")], settings: { $0.bodyBytes = 1000 })
        func send(_ method: String, _ path: String, _ body: String?, type: String = "application/json") async throws -> Answer {
            try await TestClient.send(method, path, body.map { Data($0.utf8) }, type: type, port: server.port)
        }
        for (body, mention) in [
            ("{", "lacks a key"), ("", "empty"), ("[1]", "an array"), ("{\"prompt\": \"a\", \"prompt\": \"b\"}", "twice"),
            ("{\"prompt\": \"\\ud800\"}", "JSON"), (String(repeating: "[", count: 900), "nested"),
        ] {
            let answer = try await send("POST", "/v1/completions", body)
            #expect(answer.status == 400, "\(body.prefix(40)): \(answer.text)")
            #expect(try answer.json["error"]["message"].string?.contains(mention) == true, "\(answer.text)")
        }
        for seed in ["-9223372036854775809", "18446744073709551616", "1.5", "1e300"] {
            let answer = try await send("POST", "/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 1, \"seed\": \(seed)}")
            #expect(answer.status == 400 && answer.text.contains("seed"), "\(seed): \(answer.text)")
        }
        #expect(try await send("POST", "/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 1.0, \"seed\": -7}").status == 200)
        let large = try await send("POST", "/v1/completions", "{\"prompt\": \"\(String(repeating: "a", count: 2000))\"}")
        #expect(large.status == 413 && large.text.contains("1000 bytes"))
        let form = try await send("POST", "/v1/completions", "prompt=x", type: "application/x-www-form-urlencoded")
        #expect(form.status == 415 && form.text.contains("application/json"))
        let head = try await send("HEAD", "/v1/models", nil)
        #expect(head.status == 200 && head.body.isEmpty)
        #expect(try await send("HEAD", "/v1/completions", nil).body.isEmpty)
        let early = try await TestClient.send(
            "POST", "/v1/completions", headers: ["Content-Type: application/json", "Transfer-Encoding: chunked", "", "zz"],
            port: server.port)
        #expect(early.status == 400 && early.text.contains("bad_http"), "\(early.text)")
        let garbage = try await TestClient.send("\u{1}", "nonsense", port: server.port)
        #expect(garbage.status == 400 && garbage.text.contains("bad_http"), "\(garbage.text)")
        let many = try await TestClient.send(
            "GET", "/health", headers: ["X-Long: \(String(repeating: "a", count: 1 << 17))"], port: server.port)
        #expect(many.status == 431 && many.text.contains("bad_http"), "\(many.text)")
        let nowhere = try await send("GET", "/v1/nothing", nil)
        #expect(try nowhere.status == 404 && nowhere.json["error"]["type"].string == "not_found_error")
        let method = try await send("PUT", "/v1/models", "{}")
        #expect(method.status == 405 && method.headers["allow"] == "GET")
    }

    @Test func keysAreAskedFor() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2")], settings: { $0.keys = ["first-key", "second-key"] })
        func status(_ path: String, _ header: String?) async throws -> Answer {
            try await TestClient.send("GET", path, headers: header.map { ["Authorization: \($0)"] } ?? [], port: server.port)
        }
        for key in ["Bearer first-key", "bearer second-key"] { #expect(try await status("/v1/models", key).status == 200) }
        for key in [nil, "Bearer first-ke", "Bearer first-keyy", "Bearer ", "first-key", "Basic first-key", "Bearer first-keyfirst-key"] {
            let answer = try await status("/v1/models", key)
            #expect(answer.status == 401 && answer.headers["www-authenticate"] == "Bearer", "\(key ?? "none")")
            #expect(try answer.json["error"]["type"].string == "authentication_error")
        }
        #expect(try await status("/metrics", nil).status == 401)
        #expect(try await status("/health", nil).status == 200)
        #expect(try await status("/", nil).status == 200)
    }

    @Test func browsersAreToldWhoMayAsk() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2")], settings: { $0.origins = ["https://good.example"] })
        func answer(_ method: String, _ path: String, _ headers: [String]) async throws -> Answer {
            try await TestClient.send(method, path, headers: headers, port: server.port)
        }
        let good = try await answer("GET", "/v1/nothing", ["Origin: https://good.example"])
        #expect(good.status == 404 && good.headers["access-control-allow-origin"] == "https://good.example")
        let bad = try await answer("GET", "/v1/models", ["Origin: https://bad.example"])
        #expect(bad.status == 200 && bad.headers["access-control-allow-origin"] == nil)
        let asked = try await answer("OPTIONS", "/v1/completions", ["Origin: https://good.example", "Access-Control-Request-Method: POST"])
        #expect(asked.status == 204 && asked.headers["access-control-allow-methods"]?.contains("POST") == true)
        let page = try await answer("GET", "/", [])
        #expect(page.headers["content-security-policy"]?.contains("default-src 'self'") == true)
        let again = try await answer("GET", "/", ["If-None-Match: \(page.headers["etag"] ?? "")"])
        #expect(again.status == 304 && again.body.isEmpty)
    }

    @Test func theDocumentDescribesWhatThereIs() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2")])
        let document = try await server.get("/openapi.json")
        let paths = try document.json["paths"]
        #expect(document.status == 200 && paths.keys.count > 12)
        for path in paths.keys {
            // What a path takes is what the server says when it is asked with a method that nothing takes.
            let concrete = path.replacingOccurrences(of: #"\{\w+\}"#, with: "x", options: .regularExpression)
            let answer = try await TestClient.send("PATCH", concrete, Data("{}".utf8), port: server.port)
            let described = Set(paths[path].keys.filter { !["parameters", "summary", "description"].contains($0) }.map { $0.uppercased() })
            let allowed = Set((answer.headers["allow"] ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
            #expect(answer.status == 405 && allowed == described, "\(path): \(allowed) \(described)")
        }
    }

    @Test func numbersAreCounted() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2")])
        _ = try await server.post("/v1/completions", ["prompt": "a b", "max_tokens": 5, "ignore_eos": true, "n": 2])
        _ = try await server.get("/v1/models/none\"x")
        let text = try await server.get("/metrics").text
        for line in [
            "# TYPE monge_generated_tokens_total counter", "monge_generated_tokens_total{model=\"smollm2\"} 10.0",
            "monge_http_requests_total{path=\"/v1/completions\",method=\"POST\",status=\"200\"} 1.0",
            "monge_http_requests_total{path=\"/v1/models/{model}\",method=\"GET\",status=\"404\"} 1.0",
            "monge_time_to_first_token_seconds_count{model=\"smollm2\"} 1", "monge_texts_served{model=\"smollm2\"} 0.0",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
        // Each line is a name, labels, and a number (exposition format 0.0.4).
        let line = #/[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+\-]+/#
        for own in text.split(separator: "\n") where !own.hasPrefix("#") { #expect(own.wholeMatch(of: line) != nil, "\(own)") }
    }
}
