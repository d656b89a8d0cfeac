import Foundation
import Models
import Monge
import Pictures
import Server
import Synchronization
import Tensors
import Testing

/// Encoders and models of pictures, and a device that is lost.
@Suite(.serialized) struct OtherModelTests {
    private static var fixtures: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")
    }

    /// The judge's score is the cosine of the same vectors.
    @Test func embeddingsAreTheEncodersOwn() async throws {
        let server = try await TestServer(models: [ServedModel("minilm"), ServedModel("smollm2")])
        let texts = ["A goal in the last minute.", "Bread from the oven", "Le chat dort."]
        let answer = try await server.post("/v1/embeddings", ["model": "minilm", "input": texts])
        #expect(answer.status == 200, "\(answer.text.prefix(300))")
        let vectors = try answer.json["data"].array.map { $0["embedding"].array.map { Float($0.number!) } }
        #expect(vectors.count == 3 && vectors.allSatisfy { $0.count == 384 })
        let folder = try ModelCatalogue.locateEncoder("minilm")
        let judge = try EmbeddingJudge(folder, text: texts[0], on: DeviceChoice.cpu.open())
        var scores: [Double] = []
        try judge.judge(texts) { scores += $0 }
        for (vector, score) in zip(vectors, scores) {
            let product = zip(vector, vectors[0]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            #expect(abs(min(max(product, 0), 1) - score) < 1e-6)
        }
        let coded = try await server.post("/v1/embeddings", ["model": "minilm", "input": texts[1], "encoding_format": "base64"])
        let bytes = Data(base64Encoded: try coded.json["data"][0]["embedding"].string ?? "") ?? Data()
        let decoded = stride(from: 0, to: bytes.count, by: 4).map { place in
            bytes.withUnsafeBytes { Float(bitPattern: UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt32.self))) }
        }
        #expect(decoded == vectors[1])
        let long = try await server.post("/v1/embeddings", ["input": String(repeating: "word ", count: 400)])
        #expect(long.status == 400 && long.text.contains("longer than"))
        let models = try await server.get("/v1/models").json["data"].array
        #expect(Set(models.map { "\($0["id"].string!) \($0["kind"].string!)" }) == ["minilm encoder", "smollm2 text"])
    }

    @Test func picturesAreThoseOfTheLibrary() async throws {
        let place = Self.fixtures.appendingPathComponent("diffusion/sd1").path
        let model = try PictureModel.load(place, device: .cpu)
        let map = try model.fit(
            source: ["a cat", "a dog"], target: ["a drawing of a cat", "a drawing of a dog"], sites: model.defaultSites,
            options: FitOptions(method: .mean))
        let options = PictureOptions(steps: 3)
        let requests = (0..<2).flatMap { number in
            [Float(0), 1].map { PictureRequest("a cat", seed: 5 + UInt64(number), steering: [map.at($0).always]) }
        }
        let expected = try model.draw(requests, options: options).map(\.picture)
        let server = try await TestServer(models: [ServedModel(place, name: "tiny")], maps: [("line", map)])
        let body: [String: Any] = [
            "prompt": "a cat", "n": 2, "seed": 5, "steps": 3, "strengths": [0, 1], "steering": [["map": "line"]],
        ]
        let answer = try await server.post("/v1/images/generations", body)
        #expect(answer.status == 200, "\(answer.text.prefix(300))")
        func picture(_ json: JSON) throws -> Picture {
            let file = server.folder.appendingPathComponent("\(UUID().uuidString).png")
            try (Data(base64Encoded: json["b64_json"].string ?? "") ?? Data()).write(to: file)
            return try Picture(path: file.path)
        }
        #expect(try answer.json["data"].array.map { try picture($0) } == expected)
        #expect(try answer.json["data"].array.map { $0["seed"].integer } == [5, 5, 6, 6])
        let streamed = try await server.post("/v1/images/generations", body.merging(["stream": true, "partial_images": 1]) { $1 })
        let (events, isDone) = try streamed.events
        #expect(isDone)
        let done = events.filter { $0["type"].string == "image_generation.completed" }.sorted {
            $0["index"].integer! < $1["index"].integer!
        }
        #expect(try done.map { try picture($0) } == expected)
        #expect(events.filter { $0["type"].string == "image_generation.partial_image" }.count == 4)
        #expect(events.filter { $0["type"].string == "image_generation.progress" }.map { $0["done"].integer } == [1, 2, 3])
        // Those who ask at once, for the same steps or others, get what they would alone.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let answer = try await server.post(
                        "/v1/images/generations",
                        ["prompt": "a cat", "seed": 5 + number % 2, "steps": 3, "steering": [["map": "line", "strength": number / 2]]])
                    #expect(try picture(answer.json["data"][0]) == expected[number % 2 * 2 + number / 2])
                }
            }
            try await group.waitForAll()
        }
        let bad = try await server.post("/v1/images/generations", ["prompt": "x", "size": "63x64"])
        #expect(bad.status == 400 && bad.text.contains("multiples of"))
        for scheduler in ["flow-euler", "nothing"] {
            let answer = try await server.post("/v1/images/generations", ["prompt": "x", "scheduler": scheduler, "steps": 2])
            #expect(answer.status == 400, "\(answer.text)")
        }
        let huge = try await server.post("/v1/images/generations", ["prompt": "x", "size": "16384x16384"])
        #expect(try huge.status == 400 && huge.json["error"]["param"].string == "size")
    }

    /// A device that is lost when it is told to be.
    private final class LosingBackend: ForwardingBackend {
        /// How many more operations succeed; nil for all.
        let left: Losses
        private var isLost = false

        init(_ inner: any Backend, _ left: Losses) {
            self.left = left
            super.init(inner)
        }

        override func perform(_ name: String, _ operation: () throws -> Void) throws {
            if left.takesTheDevice() { isLost = true }
            guard !isLost else { throw TensorError.deviceLost(device: name, detail: "for the test") }
            try operation()
        }

        override func synchronize() throws {
            guard !isLost else { throw TensorError.deviceLost(device: name, detail: "for the test") }
            try super.synchronize()
        }

        /// Operations that are replayed are counted, too.
        override func record(isBrief: Bool, _ operations: @escaping () throws -> Void) throws -> any RecordedOperations {
            RepeatedOperations(operations)
        }
    }

    /// When devices are lost: after so many operations each.
    private final class Losses: Sendable {
        private let counts = Mutex([Int]())
        let opened = Mutex(0)

        func plan(_ counts: [Int]) { self.counts.withLock { $0 = counts } }

        func takesTheDevice() -> Bool {
            counts.withLock { counts in
                guard let first = counts.first else { return false }
                if first > 0 {
                    counts[0] -= 1
                    return false
                }
                counts.removeFirst()
                return true
            }
        }
    }

    @Test func aLostDeviceIsOpenedAnewAndRequestsAreRepeatedOnce() async throws {
        let losses = Losses()
        let server = try await TestServer(
            models: [ServedModel("smollm2")],
            open: {
                losses.opened.withLock { $0 += 1 }
                return LosingBackend(try DeviceChoice.cpu.open(), losses)
            })
        let body: [String: Any] = ["prompt": "Once upon a time", "max_tokens": 6, "seed": 1]
        let expected = try await server.post("/v1/completions", body).json["choices"][0]["text"].string
        #expect(expected != nil && losses.opened.withLock { $0 } == 1)
        // While the prompt is read: nothing was handed on yet.
        losses.plan([40])
        let repeated = try await server.post("/v1/completions", body)
        #expect(try repeated.json["choices"][0]["text"].string == expected, "\(repeated.text)")
        #expect(losses.opened.withLock { $0 } == 2)
        // The second device is lost, too.
        losses.plan([40, 40])
        let lost = try await server.post("/v1/completions", body)
        #expect(try lost.status == 503 && lost.json["error"]["code"].string == "device_lost", "\(lost.text)")
        #expect(lost.headers["retry-after"] != nil)
        // In the middle of a stream what was said cannot be taken back: the stream says what happened.
        losses.plan([2500])
        let stream = try await server.post("/v1/completions", body.merging(["stream": true, "max_tokens": 200, "ignore_eos": true]) { $1 })
        let (events, _) = try stream.events
        #expect(events.last?["error"]["code"].string == "device_lost", "\(stream.text.suffix(300))")
        // And afterwards all is well.
        let after = try await server.post("/v1/completions", body)
        #expect(try after.json["choices"][0]["text"].string == expected, "\(after.text)")
        #expect(try await server.get("/health").json["status"].string == "ok")
    }
}
