import Foundation
import ModelFiles
import Testing
import Transport

@Suite struct TransportFileTests {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("monge-map-\(UUID().uuidString).safetensors")

    private func sampleMap() -> TransportMap {
        let map = AffineMap(omega: [1, -0.25, 3e-8], beta: [0, 1, -.pi], low: [-.infinity, -1, 0], high: [.infinity, 1, 0.5])
        return TransportMap(
            sites: [
                TransportMap.Site(name: "model.layers.10.input_layernorm", map: map, deadNeurons: 1),
                TransportMap.Site(name: "model.layers.2.input_layernorm", map: .identity(channels: 2), deadNeurons: 0),
            ],
            description: TransportDescription(
                method: "linear", estimation: .causal, pooling: "mean", support: .minimumToMaximum, shrinkage: 2.5,
                position: .last,
                architecture: "llama", fingerprint: "0123456789abcdef", sourceName: "a \"quoted\" file.txt", targetName: "b",
                sourceCount: 3,
                targetCount: 4, seed: .max, date: "2026-01-01T00:00:00Z"))
    }

    @Test func readsBackWhatWasWritten() throws {
        defer { try? FileManager.default.removeItem(at: url) }
        let map = sampleMap()
        try map.write(to: url)
        #expect(try TransportMap(contentsOf: url) == map)
    }

    @Test func refusesOtherFiles() throws {
        defer { try? FileManager.default.removeItem(at: url) }
        try SafetensorsWriter.write([], metadata: ["format": "something"], to: url.path)
        #expect(throws: TransportFileError.self) { try TransportMap(contentsOf: url) }
        try Data("no safetensors".utf8).write(to: url)
        #expect(throws: (any Error).self) { try TransportMap(contentsOf: url) }
    }

    @Test(arguments: ["method", "estimation", "support", "sites", "dead_neurons", "seed", "source_count", "fingerprint", "shrinkage"])
    func refusesDamagedMetadata(key: String) throws {
        defer { try? FileManager.default.removeItem(at: url) }
        try sampleMap().write(to: url)
        let file = try SafetensorsFile(path: url.path)
        let entries = try ["omega", "beta", "low", "high"].flatMap { suffix in
            try ["model.layers.10.input_layernorm", "model.layers.2.input_layernorm"].map { site in
                let tensor = try file.tensor("\(site).\(suffix)")
                return SafetensorsWriter.Entry(name: "\(site).\(suffix)", shape: tensor.shape, floats: try tensor.floats())
            }
        }
        // A map without a shrinkage is one that was not shrunk; names of methods and fingerprints are any text.
        let replacements: [String?] =
            key == "shrinkage" ? ["§", "-1", "inf"] : key == "method" || key == "fingerprint" ? [nil] : [nil, "§"]
        for replacement in replacements {
            var metadata = file.metadata
            metadata[key] = replacement
            let damaged = url.appendingPathExtension("safetensors")
            defer { try? FileManager.default.removeItem(at: damaged) }
            try SafetensorsWriter.write(entries, metadata: metadata, to: damaged.path)
            #expect(throws: TransportFileError.self) { try TransportMap(contentsOf: damaged) }
        }
    }
}
