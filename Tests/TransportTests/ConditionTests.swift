import Foundation
import ModelFiles
import TestSupport
import Testing
import Transport

/// Conditions and gates against NumPy and scikit-learn (tools/parity/make_conditions.py), and in the files of maps.
@Suite struct ConditionTests {
    private let file: SafetensorsFile

    init() throws { file = try SafetensorsFile(path: fixtures.appending(path: "conditions.safetensors").path) }

    private func floats(_ name: String) throws -> [Float] { try file.tensor(name).floats() }

    private func integers(_ name: String) throws -> [Int] {
        let tensor = try file.tensor(name)
        return (0..<tensor.shape.count).map { Int(tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
    }

    private func samples(_ name: String) throws -> Samples { Samples(try floats(name), width: 16, columns: 0..<16) }

    @Test(arguments: ["clear", "hazy", "turned"]) func planesAndThresholdsAgree(name: String) throws {
        let fit = try #require(
            ConditionFit(
                source: samples("\(name).source"), target: samples("\(name).target"),
                rounds: (integers("\(name).sourceRounds"), integers("\(name).targetRounds"))))
        let expected = try floats("\(name).expected").map(Double.init)
        for (value, other) in zip(fit.direction, try floats("\(name).direction")) { #expect(abs(value - Double(other)) < 1e-6) }
        for (value, other) in zip(fit.centre, try floats("\(name).centre")) {
            #expect(abs(value - Double(other)) <= 1e-5 * max(1, abs(value)))
        }
        #expect(abs(fit.threshold - expected[0]) <= 1e-5 * max(1, abs(expected[0])))
        #expect(fit.side == (expected[1] > 0 ? .above : .below))
        #expect(abs(fit.accuracy - expected[3]) < 1e-6)
    }

    @Test func theWidestGapAmongEqualsIsSplit() {
        // At 1 and at 4.5 three in four are right.
        let split = ScoreSplit(source: [2, 6], target: [0, 3])
        #expect(split.side == .above && split.threshold == 4.5)
        let turned = ScoreSplit(source: [0, 1], target: [5, 6])
        #expect(turned.side == .below && turned.threshold == 3)
        #expect(turned.isMet(2.5) && !turned.isMet(3) && !turned.isMet(3.5))
        // Nothing to tell apart: no score lies above itself.
        #expect(!ScoreSplit(source: [1, 1], target: [1]).isMet(1))
        // Two of four source scores lie below two of the target's; the best split leaves them out, and a recall takes them in.
        let (source, target) = ([1.0, 2, 8, 9], [0.0, 3, 4, 5, 6])
        let met = [0, 0.5, 0.75, 1].map { recall in
            let split = ScoreSplit(source: source, target: target, recall: recall)
            return (source.count(where: split.isMet), target.count(where: split.isMet))
        }
        #expect(met.map(\.0) == [2, 2, 4, 4] && met.map(\.1) == [0, 0, 4, 4])
        let all = ScoreSplit(source: [5, 1], target: [2, 3], recall: 1)
        #expect([5, 1].allSatisfy(all.isMet))
    }

    @Test func setsOfOneMeanHaveNoCondition() {
        let values: [Float] = (0..<40).map { Float($0 % 4) }
        #expect(ConditionFit(source: values, target: values, channels: 4, seed: 0) == nil)
    }

    @Test func chanceIsKnownFromSkill() {
        func condition(_ accuracy: Double, _ count: Int) -> Condition {
            Condition(site: "s", direction: [1], centre: [0], threshold: 0, accuracy: accuracy, sourceCount: count, targetCount: count)
        }
        #expect(condition(0.7, 10).isNearChance && !condition(0.75, 10).isNearChance)
        #expect(condition(0.59, 1000).isNearChance && !condition(0.61, 1000).isNearChance)
    }

    @Test func thePlaneIsPositiveWhereTheConditionIsMet() {
        let z: [Float] = [3, -1]
        for (side, threshold) in [(Condition.Side.above, Float(1.5)), (.below, 1.5), (.above, 4), (.below, 4)] {
            let condition = Condition(site: "s", direction: [0.6, 0.8], centre: [1, -2], threshold: threshold, side: side)
            // ⟨z − μ, c⟩ = 0.6 · 2 + 0.8 · 1 = 2
            let (weights, bias) = condition.plane
            #expect((weights[0] * z[0] + weights[1] * z[1] + bias > 0) == (side == .above ? 2 > threshold : 2 < threshold))
        }
    }

    @Test func gatesAgree() throws {
        let source = try Samples(floats("gate.source"), width: 16, columns: 0..<16)
        let probe = try LogisticProbe(source: source, target: samples("gate.target"))
        let gate = TokenGate(weights: probe.weights.map { Float(-$0) }, intercept: Float(-probe.intercept))
        for (value, other) in zip(gate.weights, try floats("gate.weights")) { #expect(abs(value - other) < 1e-5) }
        #expect(abs(gate.intercept - (try floats("gate.intercept")[0])) < 1e-5)
        let rows = try floats("gate.source") + floats("gate.target")
        for (index, expected) in try floats("gate.values").enumerated() {
            let x = Array(rows[index * 16..<(index + 1) * 16])
            #expect(abs(gate(x) - Double(expected)) < 1e-5)
            #expect(abs(gate.inverse(x) - (1 - Double(expected))) < 1e-5)
        }
    }

    @Test func aGateIsNearOneAtTheSource() throws {
        let gate = try TokenGate(source: floats("gate.source"), target: floats("gate.target"), channels: 16, seed: 1)
        let rows = try floats("gate.source")
        let mean = (0..<60).reduce(0) { $0 + gate(Array(rows[$1 * 16..<($1 + 1) * 16])) } / 60
        #expect(mean > 0.6 && gate.accuracy > 0.7)
    }

    // MARK: Files

    private func map() -> TransportMap {
        let affine = AffineMap(omega: [1, 0.5], beta: [0, 1], low: [-.infinity, -1], high: [.infinity, 1])
        return TransportMap(
            sites: [
                TransportMap.Site(
                    name: "model.layers.1", map: affine, deadNeurons: 0,
                    gate: TokenGate(weights: [0.25, -3e-8], intercept: -1.5, accuracy: 0.75)),
                TransportMap.Site(name: "model.layers.0.gate_proj", map: affine, deadNeurons: 0),
            ],
            description: TransportDescription(
                method: "linear", estimation: .causal, pooling: "mean", support: .all, architecture: "llama",
                fingerprint: "0123456789abcdef",
                sourceName: "a", targetName: "b", sourceCount: 3, targetCount: 4, seed: 1, date: "2026-01-01T00:00:00Z"),
            condition: Condition(
                site: "model.layers.7", direction: [0.6, -0.8, 0], centre: [1, 2, -1e-7], threshold: 0.1, side: .below, pooling: .last,
                skippedTokens: 2, accuracy: 0.9, sourceName: "questions \"a\".txt", targetName: "others.txt", sourceCount: 20,
                targetCount: 30))
    }

    @Test func readsBackWhatWasWritten() throws {
        try withTemporaryFolder { folder in
            let url = URL(filePath: folder).appending(path: "map.safetensors")
            try map().write(to: url)
            #expect(try TransportMap(contentsOf: url) == map())
            #expect(try SafetensorsFile(path: url.path).metadata["format_version"] == "2")
            var plain = map().unconditional
            plain.sites[0].gate = nil
            try plain.write(to: url)
            #expect(try TransportMap(contentsOf: url) == plain)
            #expect(try SafetensorsFile(path: url.path).metadata["format_version"] == "1")
        }
    }

    @Test func refusesDamagedConditionsAndGates() throws {
        try withTemporaryFolder { folder in
            let url = URL(filePath: folder).appending(path: "map.safetensors")
            try map().write(to: url)
            let file = try SafetensorsFile(path: url.path)
            func refusal(
                _ metadata: [String: String] = [:], _ tensors: [String: [Float]] = [:], without missing: String? = nil
            ) throws -> String? {
                let entries = try file.tensorNames.filter { $0 != missing }.map { name in
                    let floats = try tensors[name] ?? file.tensor(name).floats()
                    return SafetensorsWriter.Entry(name: name, shape: [floats.count], floats: floats)
                }
                try SafetensorsWriter.write(
                    entries, metadata: file.metadata.merging(metadata) { $1 }.filter { $0.key != missing }, to: url.path + ".damaged")
                do {
                    _ = try TransportMap(contentsOf: URL(filePath: url.path + ".damaged"))
                    return nil
                } catch let error as TransportFileError { return error.description }
            }
            #expect(try refusal() == nil)
            #expect(try refusal(without: "condition")?.contains("nothing in its metadata") == true)
            #expect(try refusal(["condition": "{}"])?.contains("not described") == true)
            let condition = try #require(file.metadata["condition"])
            #expect(try refusal(["condition": condition.replacing("\"last\"", with: "\"lost\"")])?.contains("'lost'") == true)
            #expect(try refusal(["condition": condition.replacing("below", with: "beside")])?.contains("not described") == true)
            #expect(try refusal(["condition": condition.replacing("0.9", with: "9")])?.contains("accuracy of 9") == true)
            #expect(try refusal([:], ["condition.direction": [1, 1, 0]])?.contains("length") == true)
            #expect(try refusal([:], ["condition.direction": [.nan, 0, 1]])?.contains("not numbers") == true)
            #expect(try refusal([:], ["condition.centre": [1]])?.contains("a centre of 1") == true)
            #expect(try refusal(without: "condition.centre")?.contains("condition.centre") == true)
            #expect(try refusal([:], ["model.layers.1.gate": [1]])?.contains("1 neurons") == true)
            #expect(try refusal([:], ["model.layers.1.gate": [1, .infinity]])?.contains("not numbers") == true)
            #expect(try refusal(["gates": "{}"])?.contains("gates") == true)
            let gates = try #require(file.metadata["gates"])
            #expect(try refusal(["gates": gates.replacing("model.layers.1", with: "model.layers.5")])?.contains("no map there") == true)
            #expect(try refusal(["format_version": "4"])?.contains("up to 3") == true)
        }
    }

    @Test func otherFormatsHaveNone() throws {
        #expect(throws: ForeignMapError.self) { try ControlVector(map()) }
        #expect(throws: ForeignMapError.self) { try map().unconditional.requireUnconditional("a control vector") }
        var gateless = map()
        gateless.sites[0].gate = nil
        #expect(throws: ForeignMapError.self) { try gateless.requireUnconditional("a control vector") }
        try gateless.unconditional.requireUnconditional("a control vector")
    }

    @Test func theInverseTurnsGatesAndKeepsTheCondition() {
        let inverse = map().inverse
        #expect(inverse.condition == map().condition)
        #expect(inverse.sites[0].gate == TokenGate(weights: [-0.25, 3e-8], intercept: 1.5, accuracy: 0.75))
    }
}
