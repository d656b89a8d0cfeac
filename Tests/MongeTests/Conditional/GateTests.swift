import Foundation
import Models
import Monge
import Tensors
import Testing
import Transport

/// What a user relies on when each token feels a strength of its own.
@Suite struct GateTests {
    /// Sites behind a norm, in a product with a residual, in products that share a dispatch, in a gated product, at a block's output, and at the end.
    static let sites = [
        #"model\.layers\.1\.input_layernorm"#, #"model\.layers\.1\.self_attn\.(q|o)_proj"#, #"model\.layers\.1\.mlp\.(up|down)_proj"#,
        #"model\.layers\.1"#, #"model\.norm"#,
    ]

    private func map(_ model: Model, sites: [String] = Self.sites) throws -> TransportMap {
        try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: sites,
            options: FitOptions(method: .mean, estimation: .simultaneous, gateTokens: 40, seed: 2))
    }

    /// The map with the same gate everywhere: of no weights, so that g = σ(intercept).
    private func with(_ intercept: Float, _ map: TransportMap) -> TransportMap {
        var result = map
        for index in map.sites.indices {
            result.sites[index].gate = TokenGate(weights: Array(repeating: 0, count: map.sites[index].map.channels), intercept: intercept)
        }
        return result
    }

    private func without(_ map: TransportMap) -> TransportMap {
        var result = map
        for index in map.sites.indices { result.sites[index].gate = nil }
        return result
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func eachTokenFeelsItsOwnStrength(device: DeviceChoice) throws {
        let model = try TestModel.load(device)
        // The last site is not steered before: what comes to it is what the untouched model has.
        for site in [#"model\.layers\.1\.self_attn\.o_proj"#, #"model\.layers\.2\.input_layernorm"#] {
            let map = try map(model, sites: [site])
            let gate = try #require(map.sites[0].gate)
            let sentence = ["The referee saw the rain over the town"]
            let options = CaptureOptions(pooling: .all)
            let plain = try model.activations(of: sentence, sites: [site], options: options)[0]
            let steered = try model.activations(of: sentence, sites: [site], options: options, steering: [map.at(0.8)])[0]
            let channels = plain.channels
            var gates: [Double] = []
            for row in 0..<plain.samples {
                let x = Array(plain.values[row * channels..<(row + 1) * channels])
                let strength = 0.8 * gate(x)
                gates.append(gate(x))
                for (j, value) in x.enumerated() {
                    let expected = Double(value) + strength * Double(map.sites[0].map.beta[j])
                    let found = Double(steered.values[row * channels + j])
                    #expect(abs(found - expected) <= 2e-4 * max(1, abs(expected)), "\(site), token \(row), neuron \(j)")
                }
            }
            #expect(gates.max()! - gates.min()! > 0.05, "tokens feel different strengths")
        }
    }

    @Test func aConstantGateIsAStrengthAtEverySite() throws {
        let model = try TestModel.load(.cpu)
        let map = try map(model)
        #expect(map.sites.count == 7 && map.isGated)
        let ids = model.tokenizer.encode("Once upon a time there was", addSpecial: true, parseSpecial: false)
        let plain = try model.logits(of: ids)
        #expect(try model.logits(of: ids, steering: [map.at(0)]) == plain)
        func distance(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max()! }
        let half = try model.logits(of: ids, steering: [without(map).at(0.5)])
        #expect(distance(half, plain) > 0.1)
        #expect(distance(try model.logits(of: ids, steering: [with(0, map).at(1)]), half) < 2e-3)
        #expect(distance(try model.logits(of: ids, steering: [with(60, map).at(0.5)]), half) < 2e-3)
        #expect(distance(try model.logits(of: ids, steering: [with(-60, map).at(1)]), plain) < 2e-3)
    }

    @Test func requestsWithAndWithoutGatesShareABatch() throws {
        let model = try TestModel.load(.cpu)
        let map = try map(model)
        let options = GenerationOptions(tokens: 6, temperature: 0)
        let requests = [
            GenerationRequest("Once upon a time", steering: [map.at(1)]), GenerationRequest("The capital of France is"),
            GenerationRequest("My favourite food", steering: [without(map).at(1), map.at(0.5)]),
            GenerationRequest("On Sunday", steering: [without(map).at(1)]),
        ]
        let together = try model.generate(requests, options: options).map(\.text)
        let alone = try requests.map { try model.generate([$0], options: options)[0].text }
        #expect(together == alone)
        #expect(Set(alone).count == 4)
    }

    @Test func explanationsSayWhatTheyDoNotMeasure() throws {
        let model = try TestModel.load(.cpu)
        var warnings: [String] = []
        var map = try map(model, sites: [#"model\.norm"#])
        // Each token moves by the part of the map that it feels.
        let gated = try model.explain(map.at(1), sentence: "Once upon a time", warn: { warnings.append($0) }).sites[0].displacement
        map = without(map)
        let whole = try model.explain(map.at(1), sentence: "Once upon a time", warn: { warnings.append($0) }).sites[0].displacement
        let felt = zip(gated, whole).map { $0 / $1 }
        #expect(warnings.isEmpty && felt.allSatisfy { $0 > 0 && $0 <= 1.0001 } && felt.max()! > 1.1 * felt.min()!)
        map.condition = Condition(
            site: "model.norm", direction: [1] + [Float](repeating: 0, count: 575), centre: [Float](repeating: 0, count: 576), threshold: 0)
        _ = try model.explain(map.at(1), sentence: "Once upon a time", warn: { warnings.append($0) })
        #expect(warnings.count == 1 && warnings[0].contains("condition"))
    }

    @Test func whatHasNoGatesRefusesThem() throws {
        let model = try TestModel.load(.cpu)
        let map = try map(model, sites: [#"model\.norm"#])
        func refusal(_ body: () throws -> Void) -> String? {
            do {
                try body()
                return nil
            } catch { return "\(error)" }
        }
        #expect(refusal { _ = try map.followed(by: without(map)) }?.contains("gate") == true)
        let file = ActivationsFile(
            sites: [SiteActivations(site: "s", samples: 2, channels: 1, values: [1, 2])], architecture: "llama", fingerprint: "",
            pooling: "mean")
        #expect(
            refusal {
                _ = try ActivationsFile.fit(
                    source: file, target: file, options: FitOptions(method: .mean, gateTokens: 40), on: model.backend)
            }?.contains("gates") == true)
        var options = FitOptions(method: .mean, gateTokens: 40)
        options.capture.memory = 1 << 40
        #expect(
            refusal { _ = try model.fit(source: ["a b"], target: ["c d"], sites: [#"model\.norm"#], options: options) }?.contains(
                "--memory") == true)
        #expect(
            refusal { _ = try map.writeStateDicts(to: FileManager.default.temporaryDirectory.appending(path: "none-\(UUID())")) } != nil)
    }
}
