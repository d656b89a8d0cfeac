import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing
import Transport

/// Maps between clusters in the files of maps, and in those of others.
@Suite struct ClusterFileTests {
    private func map() -> TransportMap {
        TransportMap(
            sites: [
                TransportMap.Site(
                    name: "model.layers.1",
                    clusters: ClusterMap(
                        centres: [0, 1, 2, 3, 4, 5], shifts: [1, -1, 0.5, 3e-8, 0, 2], weights: [0.5, 0.25, 0.25], bandwidth: 1.5)),
                TransportMap.Site(name: "model.layers.2", map: .adding([1, 2]), deadNeurons: 0),
            ],
            description: TransportDescription(
                method: "chars", estimation: .causal, pooling: "mean", support: .all, architecture: "llama",
                fingerprint: "0123456789abcdef",
                sourceName: "a", targetName: "b", sourceCount: 3, targetCount: 4, seed: 1, date: "2026-01-01T00:00:00Z"))
    }

    @Test func readsBackWhatWasWritten() throws {
        try withTemporaryFolder { folder in
            let url = URL(filePath: folder).appending(path: "map.safetensors")
            try map().write(to: url)
            #expect(try TransportMap(contentsOf: url) == map())
            let file = try SafetensorsFile(path: url.path)
            #expect(file.metadata["format_version"] == "3")
            #expect(!file.contains(tensor: "model.layers.1.omega") && file.contains(tensor: "model.layers.2.omega"))
            var plain = map()
            plain.sites.removeFirst()
            try plain.write(to: url)
            #expect(try SafetensorsFile(path: url.path).metadata["format_version"] == "1")
        }
    }

    @Test func refusesDamagedClusters() throws {
        try withTemporaryFolder { folder in
            let url = URL(filePath: folder).appending(path: "map.safetensors")
            try map().write(to: url)
            let file = try SafetensorsFile(path: url.path)
            typealias Contents = (shape: Shape, floats: [Float])
            func refusal(
                _ tensors: [String: Contents] = [:], _ metadata: [String: String] = [:], without missing: String? = nil
            ) throws -> String? {
                let present = Set(file.tensorNames).union(tensors.keys.map { "model.layers.1.\($0)" })
                let entries = try present.sorted().filter { $0 != "model.layers.1.\(missing ?? "")" }.map { name in
                    let own = tensors.first { "model.layers.1.\($0.key)" == name }?.value
                    let contents = try own ?? (file.tensor(name).shape, file.tensor(name).floats())
                    return SafetensorsWriter.Entry(name: name, shape: contents.shape, floats: contents.floats)
                }
                try SafetensorsWriter.write(entries, metadata: file.metadata.merging(metadata) { $1 }, to: url.path + ".damaged")
                do {
                    _ = try TransportMap(contentsOf: URL(filePath: url.path + ".damaged"))
                    return nil
                } catch let error as TransportFileError { return error.description }
            }
            #expect(try refusal() == nil)
            for name in ["centres", "shifts", "weights", "bandwidth"] {
                #expect(try refusal(without: "cluster_\(name)")?.contains("no tensor model.layers.1.cluster_\(name)") == true)
            }
            let numbers = [Float](repeating: 1, count: 6)
            let damages: [(String, Contents, String)] = [
                ("cluster_centres", ([2, 3], numbers), "centres [2, 3]"), ("cluster_centres", ([6], numbers), "centres [6]"),
                ("cluster_shifts", ([3, 1], [1, 2, 3]), "shifts [3, 1]"), ("cluster_weights", ([2], [0.5, 0.5]), "2 weights"),
                ("cluster_weights", ([3, 1], [0.5, 0.25, 0.25]), "f32 [3, 1]"), ("cluster_bandwidth", ([2], [1, 1]), "2 widths"),
                ("cluster_weights", ([3], [0.5, 0.5, 0]), "all positive"), ("cluster_weights", ([3], [0.5, 0.5, 0.5]), "sum of 1"),
                ("cluster_weights", ([3], [1.5, -0.25, -0.25]), "all positive"),
                ("cluster_weights", ([3], [.nan, 0.5, 0.5]), "not numbers"),
                ("cluster_bandwidth", ([1], [0]), "above 0"), ("cluster_bandwidth", ([1], [-1]), "above 0"),
                ("cluster_bandwidth", ([1], [.infinity]), "not numbers"), ("cluster_bandwidth", ([1], [1e-30]), "so far apart"),
                ("cluster_centres", ([3, 2], [0, 1, .infinity, 3, 4, 5]), "not numbers"),
            ]
            for (name, contents, mention) in damages {
                #expect(try refusal([name: contents])?.contains(mention) == true, "\(name) \(contents.shape) \(contents.floats)")
            }
            let many = [Float](repeating: 1, count: 34)
            #expect(
                try refusal([
                    "cluster_centres": ([17, 2], many), "cluster_shifts": ([17, 2], many),
                    "cluster_weights": ([17], Array(repeating: 1 / 17, count: 17)),
                ])?.contains("are 17") == true)
            #expect(try refusal([:], ["format_version": "1"])?.contains("format_version = 1") == true)
            #expect(try refusal([:], ["format_version": "4"])?.contains("use a newer one") == true)
            #expect(try refusal([:], ["spatial": "channelMean"])?.contains("channel means") == true)
            #expect(try refusal([:], ["dead_neurons": "[1, 0]"])?.contains("without spread") == true)
            #expect(
                try refusal(["gate": ([2], [1, 1])], ["gates": #"{"model.layers.1":{"intercept":0,"accuracy":1}}"#])?.contains("gate")
                    == true)
        }
    }

    @Test func otherFormatsRefuseClusters() throws {
        #expect(throws: ForeignMapError.self) { try ControlVector(map()) }
        var single = map()
        single.sites[0] = TransportMap.Site(
            name: "model.layers.1", clusters: ClusterMap(centres: [0, 1], shifts: [1, -1], weights: [1], bandwidth: 1))
        #expect(try ControlVector(single).directions == [1: [1, -1], 2: [1, 2]])
    }

    @Test func theWayBackIsOfClustersToo() {
        let there = map()
        let back = there.inverse
        #expect(back.sites[0].clusters == there.sites[0].clusters?.inverse && back.sites[0].clusters?.centres == [1, 0, 2.5, 3, 4, 7])
        #expect(there.actingEverywhere.sites[0] == there.sites[0])
        let mean = there.sites[0].summary
        #expect(mean.omega == [1, 1] && mean.beta[0] == 0.625 && abs(mean.beta[1] - 7.5e-9) < 1e-14)
    }
}
