import Foundation
import Models
import Monge
import Server
import Testing
import Transport

/// Maps that come and go, fits, and what is measured of sites.
@Suite(.serialized) struct MapTests {
    @Test func uploadedMapsSteerAndStay() async throws {
        let model = try ServedTestModel.model()
        let map = ServedTestModel.map(model, seed: 9)
        let server = try await TestServer(models: [ServedModel("smollm2")], maps: [("fixed", ServedTestModel.map(model, seed: 2))])
        let file = server.folder.appendingPathComponent("own.safetensors")
        try map.write(to: file)
        let bytes = try Data(contentsOf: file)
        func put(_ name: String, _ bytes: Data) async throws -> Answer {
            try await TestClient.send("PUT", "/v1/maps/\(name)", bytes, type: "application/octet-stream", port: server.port)
        }
        let created = try await put("calm", bytes)
        #expect(created.status == 201, "\(created.text)")
        #expect(try created.json["model"][0].string == "smollm2" && created.json["sites"][0].string == "model.norm")
        #expect(try await put("calm", bytes).status == 200)
        let folder = server.folder.appendingPathComponent("maps")
        #expect(try Data(contentsOf: folder.appendingPathComponent("calm.safetensors")) == bytes)
        #expect(try await server.get("/v1/maps/calm/file").body == bytes)
        #expect(try await server.get("/v1/maps").json["data"].array.map { $0["id"].string } == ["calm", "fixed"])

        let expected = try model.generate("Water boils at", steering: [map.at(0.7)], options: GenerationOptions(tokens: 8, seed: 1))
        let body: [String: Any] = ["prompt": "Water boils at", "max_tokens": 8, "seed": 1, "steering": [["map": "calm", "strength": 0.7]]]
        #expect(try await server.post("/v1/completions", body).json["choices"][0]["text"].string == expected)

        // What is no sound map is refused, and nothing of it is left.
        for (name, damaged) in [("a", bytes.prefix(bytes.count - 5)), ("b", Data("{}".utf8)), ("c", Data()), ("d", Data(count: 64))] {
            let answer = try await put(name, Data(damaged))
            #expect(try answer.status == 400 && answer.json["error"]["message"].string?.isEmpty == false, "\(name): \(answer.text)")
        }
        for name in ["..%2Fx", "%2e%2e", ".hidden", String(repeating: "n", count: 65), "a%20b", "a%00"] {
            let answer = try await put(name, bytes)
            #expect([400, 404].contains(answer.status), "\(name): \(answer.text)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["calm.safetensors"])

        #expect(try await put("fixed", bytes).status == 409)
        #expect(try await TestClient.send("DELETE", "/v1/maps/fixed", port: server.port).status == 409)
        #expect(try await server.get("/v1/maps/calm/evaluation").status == 404)
        try Data("{\"rows\": []}".utf8).write(to: folder.appendingPathComponent("calm.json"))
        #expect(try await server.get("/v1/maps/calm/evaluation").text == "{\"rows\": []}")
        #expect(try await TestClient.send("DELETE", "/v1/maps/calm", port: server.port).json["deleted"].bool == true)
        #expect(try await TestClient.send("DELETE", "/v1/maps/calm", port: server.port).status == 404)
        #expect(try await server.post("/v1/completions", body).status == 404)
    }

    /// A map without some of its sites is the map of the others.
    @Test func sitesCanBeChosen() async throws {
        let model = try ServedTestModel.model()
        let both = try model.fit(
            source: ["The rain fell.", "She bread.", "A day."], target: ["A goal!", "The match!", "They won!"],
            sites: [#"model\.norm"#, #"model\.layers\.3\.input_layernorm"#], options: FitOptions(method: .mean))
        var one = both
        one.sites = both.sites.filter { $0.name == "model.norm" }
        let server = try await TestServer(models: [ServedModel("smollm2")], maps: [("both", both), ("one", one)])
        func text(_ steer: [String: Any]) async throws -> String? {
            try await server.post("/v1/completions", ["prompt": "In the garden", "max_tokens": 8, "seed": 1, "steering": [steer]])
                .json["choices"][0]["text"].string
        }
        let chosen = try await text(["map": "both", "strength": 3, "sites": #"model\.norm"#])
        #expect(try await chosen == text(["map": "one", "strength": 3]))
        #expect(try await chosen != text(["map": "both", "strength": 3]))
        let missing = try await server.post(
            "/v1/completions", ["prompt": "x", "steering": [["map": "both", "sites": "nothing"]]])
        #expect(try missing.status == 400 && missing.json["error"]["param"].string == "steering[0].sites")
    }

    @Test func fitsAreJobsThatMakeMaps() async throws {
        let model = try ServedTestModel.model()
        let (source, target) = (
            ["The rain fell all night.", "She bought bread.", "It was late."], ["A goal!", "The match ended.", "They won the cup."]
        )
        let server = try await TestServer(models: [ServedModel("smollm2")])
        let order: [String: Any] = ["name": "football", "source": source, "target": target, "sites": [#"model\.norm"#], "method": "linear"]
        let accepted = try await server.post("/v1/maps", order)
        #expect(accepted.status == 202, "\(accepted.text)")
        let id = try accepted.json["id"].string ?? ""
        var job = try accepted.json
        for _ in 0..<500 where ["waiting", "running"].contains(job["state"].string ?? "") {
            try await Task.sleep(for: .milliseconds(20))
            job = try await server.get("/v1/jobs/\(id)").json
        }
        #expect(job["state"].string == "done", "\(job)")
        #expect(job["progress"]["done"].integer != nil && job["progress"]["done"].integer == job["progress"]["total"].integer)
        let map = try model.fit(source: source, target: target, sites: [#"model\.norm"#])
        let expected = try model.generate("They", steering: [map.at(1)], options: GenerationOptions(tokens: 8, seed: 2))
        let text = try await server.post(
            "/v1/completions", ["prompt": "They", "max_tokens": 8, "seed": 2, "steering": [["map": "football"]]])
        #expect(try text.json["choices"][0]["text"].string == expected)

        // One that is cancelled leaves no map, and the texts of others go on meanwhile.
        let many = (0..<400).map { "Sentence number \($0) of many that take a while to be read by the model." }
        let long = try await server.post("/v1/maps", ["name": "long", "source": many, "target": Array(many.reversed())])
        #expect(try await server.post("/v1/completions", ["prompt": "They", "max_tokens": 4]).status == 200)
        let longID = try long.json["id"].string ?? ""
        #expect(try await TestClient.send("DELETE", "/v1/jobs/\(longID)", port: server.port).status == 200)
        for _ in 0..<1500 where try await server.get("/v1/jobs/\(longID)").json["state"].string == "running" {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await server.get("/v1/jobs/\(longID)").json["state"].string == "cancelled")
        #expect(try await server.get("/v1/maps/long").status == 404)
        #expect(try await server.get("/v1/jobs").json["data"].array.map { $0["id"].string } == [id, longID])
        let nowhere = try await server.post("/v1/maps", ["name": "bad", "source": ["a"], "target": ["b"], "sites": ["nothing"]])
        #expect(try nowhere.status == 400 && nowhere.json["error"]["param"].string == "sites")
        let apart = try await server.post("/v1/maps", ["name": "bad", "source": ["a"], "target": ["b"], "method": "linear", "units": 5])
        #expect(apart.status == 400 && apart.text.contains("units"), "\(apart.text)")
        let bad = try await server.post("/v1/maps", ["name": "bad", "source": ["a"], "target": ["b", "c", "d"], "method": "iti"])
        var failed = try bad.json
        for _ in 0..<200 where ["waiting", "running"].contains(failed["state"].string ?? "") {
            try await Task.sleep(for: .milliseconds(20))
            failed = try await server.get("/v1/jobs/\(bad.json["id"].string ?? "")").json
        }
        #expect(failed["state"].string == "failed" && failed["error"].string?.isEmpty == false)
    }

    @Test func activationsAreThoseOfTheLibrary() async throws {
        let model = try ServedTestModel.model()
        let map = ServedTestModel.map(model, seed: 3)
        let server = try await TestServer(models: [ServedModel("smollm2")], maps: [("m", map)])
        let texts = ["The rain fell all night.", "Bread"]
        let sites = [#"model\.norm"#, #"model\.layers\.2\.mlp\.down_proj"#]
        for pooling in [CapturePooling.mean, .max, .last] {
            let expected = try model.activations(
                of: texts, sites: sites, options: CaptureOptions(pooling: pooling), steering: [map.at(0.5)])
            let answer = try await server.post(
                "/v1/activations",
                ["input": texts, "sites": sites, "pooling": pooling.rawValue, "steering": [["map": "m", "strength": 0.5]]])
            #expect(answer.status == 200, "\(answer.text.prefix(300))")
            let data = try answer.json["data"].array
            #expect(data.count == 4)
            for entry in data {
                let (index, site) = (entry["index"].integer!, entry["site"].string!)
                let own = expected.first { $0.site == site }!
                let values = entry["values"].array.map { Float($0.number!) }
                #expect(values == Array(own.values[index * own.channels..<(index + 1) * own.channels]), "\(site)")
            }
        }
        let tokens = try await server.post("/v1/activations", ["input": texts[0], "sites": [sites[0]], "pooling": "tokens"])
        let count = model.tokenizer.encode(texts[0], addSpecial: true, parseSpecial: false).count
        #expect(try tokens.json["data"][0]["shape"].array.map(\.integer) == [count, 576])
        let file = try await server.post("/v1/activations", ["input": texts, "sites": sites, "encoding": "safetensors"])
        let place = server.folder.appendingPathComponent("activations.safetensors")
        try file.body.write(to: place)
        let read = try ActivationsFile(contentsOf: place)
        #expect(try read.sites == model.activations(of: texts, sites: sites))
    }
}
