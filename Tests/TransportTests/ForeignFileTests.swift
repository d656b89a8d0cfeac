import Foundation
import ModelFiles
import TestSupport
import Testing
import Transport

/// Maps of other programs against what those programs do (tools/parity/make_state_dicts.py).
@Suite struct ForeignFileTests {
    private let folder = fixtures.appending(path: "state-dicts")

    private func floats(_ file: String, _ name: String) throws -> [Float] {
        try SafetensorsFile(path: folder.appending(path: file).path).tensor(name).floats()
    }

    private func dictionary(_ name: String) throws -> ReferenceStateDict {
        try ReferenceStateDict(StateDict(path: folder.appending(path: name).path))
    }

    /// β = μ₂ − ω·μ₁ and the hook's ω·(x − μ₁) + μ₂ round their terms in different places: a few units in the last place of terms of about 20.
    private func expect(_ map: AffineMap, strength: Float, gives expected: [Float], _ what: String) throws {
        let x = try floats("hooks.safetensors", "x")
        for (index, value) in x.enumerated() {
            let result = map.apply(value, neuron: index % map.channels, strength: strength)
            #expect(abs(result - expected[index]) <= 1e-5 * max(1, abs(expected[index])), "\(what), element \(index)")
        }
    }

    @Test(arguments: ["linear", "gaussian", "mean"]) func mapsDoWhatHooksDo(method: String) throws {
        let read = try dictionary("\(method).statedict")
        #expect(read.method == (method == "linear" ? .linear : nil))
        #expect(read.supports.count == 9 && (method != "linear" || read.fittedSupport == Support(name: "q_5_95")))
        for support in ["all", "q_0_100", "q_5_95", "q_40_60"] {
            let map = try read.map(#require(Estimator(name: method)), support: #require(Support(name: support)))
            for strength in ["1", "0.5"] {
                let name = "\(method).\(support).\(strength)"
                try expect(map, strength: #require(Float(strength)), gives: floats("hooks.safetensors", name), name)
            }
        }
    }

    @Test func factorsDoWhatHooksDo() throws {
        for strength in ["1", "0.5"] {
            try expect(
                dictionary("aura.statedict").map(.aurA, support: .all), strength: #require(Float(strength)),
                gives: floats("hooks.safetensors", "aura.all.\(strength)"), "aura \(strength)")
        }
        try expect(
            dictionary("aura.pt").map(.aurA, support: .all), strength: 1, gives: floats("hooks.safetensors", "factors.all.1"), "factors")
        let lineas = try dictionary("lineas.statedict")
        #expect(lineas.method == .linear && lineas.supports.isEmpty && lineas.fittedSupport == nil)
        try expect(lineas.map(.linear, support: .all), strength: 1, gives: floats("hooks.safetensors", "linear.all.1"), "lineas")
        #expect(throws: ForeignMapError.self) { try lineas.map(.linear, support: .minimumToMaximum) }
    }

    @Test func stateDictsAreWritten() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "monge-\(UUID().uuidString).statedict")
        defer { try? FileManager.default.removeItem(at: file) }
        for name in ["all", "q_5_95"] {
            let support = try #require(Support(name: name))
            let map = try dictionary("linear.statedict").map(.linear, support: support)
            try ReferenceStateDict.write(map, support: support, to: file.path)
            let read = try ReferenceStateDict(StateDict(path: file.path))
            #expect(read.fittedSupport == support)
            #expect(try read.map(.linear, support: support) == map)
        }
    }

    @Test func controlVectorsGoBothWays() throws {
        let vector = try ControlVector(GGUFFile(path: folder.appending(path: "vector.gguf").path))
        #expect(vector.directions.keys.sorted() == [1, 2, 11] && vector.modelHint == "llama")
        for (block, direction) in vector.directions {
            #expect(direction == (try floats("vector.safetensors", "direction.\(block)")))
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "monge-\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: file) }
        try vector.write(to: file.path)
        #expect(try ControlVector(GGUFFile(path: file.path)) == vector)
        #expect(try GGUFFile(path: file.path).integer("controlvector.layer_count") == 3)

        func map(_ site: String, _ affine: AffineMap) -> TransportMap {
            TransportMap(
                sites: [.init(name: site, map: affine, deadNeurons: 0)],
                description: TransportDescription(
                    method: "caa", estimation: .simultaneous, pooling: "last", support: .all, architecture: "llama", fingerprint: "f",
                    sourceName: "a", targetName: "b", sourceCount: 1, targetCount: 1, seed: 0, date: ""))
        }
        #expect(try ControlVector(map("model.layers.3", .adding([1, 2]))).directions == [3: [1, 2]])
        #expect(throws: ForeignMapError.self) { try ControlVector(map("model.layers.0", .adding([1, 2]))) }
        #expect(throws: ForeignMapError.self) { try ControlVector(map("model.layers.3.mlp.up_proj", .adding([1, 2]))) }
        var slope = AffineMap.adding([1, 2])
        slope.omega[1] = 2
        #expect(throws: ForeignMapError.self) { try ControlVector(map("model.layers.3", slope)) }
        // What is left alone adds nothing.
        #expect(try ControlVector(map("model.layers.3", .identity(channels: 2))).directions == [3: [0, 0]])
    }

    @Test func mapsFollowOneAnother() throws {
        let first = AffineMap(omega: [2, 1, 0.5], beta: [1, 0, 3], low: [-.infinity, 1, -.infinity], high: [.infinity, 0, .infinity])
        let second = AffineMap(omega: [3, 4, 1], beta: [-1, 1, 2], low: [-.infinity, -1, -.infinity], high: [.infinity, 1, .infinity])
        let both = try #require(first.followed(by: second))
        for x: Float in [-2, 0.5, 7] {
            for j in 0..<3 {
                let expected = second.apply(first.apply(x, neuron: j, strength: 1), neuron: j, strength: 1)
                #expect(abs(both.apply(x, neuron: j, strength: 1) - expected) < 1e-5)
            }
        }
        #expect(second.followed(by: second) == nil, "a support that is left in between")
        let whole = TransportMap(
            sites: [.init(name: "s", map: second, deadNeurons: 0), .init(name: "t", map: .identity(channels: 3), deadNeurons: 3)],
            description: TransportDescription(
                method: "linear", estimation: .causal, pooling: "mean", support: .minimumToMaximum, architecture: "llama", fingerprint: "f",
                sourceName: "a", targetName: "b", sourceCount: 1, targetCount: 1, seed: 0, date: "")
        ).actingEverywhere
        #expect(whole.description.support == .all && whole.sites[0].map.low.allSatisfy { $0 == -.infinity })
        #expect(whole.sites[0].map.omega == second.omega && whole.sites[1].map == .identity(channels: 3), "what is left alone stays so")
        let half = first.scaled(by: 0.25)
        for j in 0..<3 { #expect(abs(half.apply(0.5, neuron: j, strength: 1) - first.apply(0.5, neuron: j, strength: 0.25)) < 1e-6) }
    }
}
