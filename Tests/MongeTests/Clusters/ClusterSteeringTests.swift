import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing
import Transport

/// What a user relies on when tokens move between clusters.
@Suite struct ClusterSteeringTests {
    private func fit(
        _ model: Model, sites: [String] = GateTests.sites, clusters: Int = 3, estimation: Estimation = .simultaneous, seed: UInt64 = 2
    ) throws -> TransportMap {
        try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: sites,
            options: FitOptions(
                method: .chars, estimation: estimation, clusters: ClusterOptions(count: clusters, entropy: 0.05), seed: seed))
    }

    /// The rows of a fixture that NumPy moved (tools/parity/make_clusters.py), on each backend.
    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)], ["apart", "near", "offset"])
    func mapsAgreeOnDevices(device: DeviceChoice, name: String) throws {
        let file = try TestModel.file("clusters.safetensors")
        let backend = try device.open()
        func samples(_ key: String) throws -> Samples {
            let width = try file.tensor("\(name).\(key)").shape[1]
            return Samples(try file.floats("\(name).\(key)"), width: width, columns: 0..<width)
        }
        func clusters(_ side: String) throws -> KMeans {
            KMeans(try samples(side), from: try file.floats("\(name).\(side)Start").map(Double.init))
        }
        let shape = try file.tensor("\(name).x").shape
        let x = try backend.upload(file.floats("\(name).x"), shape)
        for (entropy, key) in [(0.0, "0"), (0.05, "0.05"), (1, "1")] {
            let map = ClusterMap(source: try clusters("source"), target: try clusters("target"), entropy: entropy)
            let probes = map.probes
            let extents: Shape = [2, map.count, map.channels]
            let none = [Float](repeating: .nan, count: map.count * map.channels)
            let moved = try backend.transport(
                x,
                by: TransportApplication(
                    clusters: TransportClusters(
                        weights: backend.upload(none + probes.weights, extents),
                        intercepts: backend.upload(none.prefix(map.count) + probes.intercepts, [2, map.count]),
                        shifts: backend.upload(none + map.shifts, extents)),
                    indices: backend.upload([1] as [Int32]), strengths: backend.upload([0.8] as [Float])))
            let expected = try file.floats("\(name).moved.\(key)")
            let size = expected.reduce(0) { max($0, abs($1)) }
            for (value, other) in zip(try backend.readFloats(moved), expected) { #expect(abs(value - other) <= 1e-5 * size, "ε = \(key)") }
        }
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func eachTokenIsMovedByItsClusters(device: DeviceChoice) throws {
        let model = try TestModel.load(device)
        // The last site is not steered before: what comes to it is what the untouched model has.
        for site in [#"model\.layers\.1\.self_attn\.o_proj"#, #"model\.layers\.2\.input_layernorm"#] {
            let map = try fit(model, sites: [site])
            let clusters = try #require(map.sites[0].clusters)
            #expect(clusters.count == 3)
            let sentence = ["The referee saw the rain over the town"]
            let options = CaptureOptions(pooling: .all)
            let plain = try model.activations(of: sentence, sites: [site], options: options)[0]
            let steered = try model.activations(of: sentence, sites: [site], options: options, steering: [map.at(0.8)])[0]
            let channels = plain.channels
            for row in 0..<plain.samples {
                let x = Array(plain.values[row * channels..<(row + 1) * channels])
                for (j, y) in clusters(x).enumerated() {
                    let expected = Double(x[j]) + 0.8 * (y - Double(x[j]))
                    let found = Double(steered.values[row * channels + j])
                    #expect(abs(found - expected) <= 2e-4 * max(1, abs(expected)), "\(site), token \(row), neuron \(j)")
                }
            }
        }
    }

    @Test func onePassEqualsReplay() throws {
        let model = try TestModel.load(.cpu)
        let sites = [#"model\.layers\.[01]\.(input|post_attention)_layernorm"#]
        let onePass = try fit(model, sites: sites, estimation: .causal)
        #expect(onePass.sites.count == 4 && onePass.sites.allSatisfy { $0.clusters?.count == 3 })
        #expect(onePass.description.method == "chars" && onePass.description.estimation == .causal)
        var replayed = onePass
        replayed.sites = []
        for site in onePass.sites {
            let pattern = [site.name.replacing(".", with: #"\."#)]
            let earlier = replayed.sites.isEmpty ? [] : [replayed.at(1)]
            let files = try [CausalFitTests.source, CausalFitTests.target].map { sentences in
                try ActivationsFile(
                    try model.activations(of: sentences, sites: pattern, steering: earlier), model: model, options: CaptureOptions())
            }
            replayed.sites += try ActivationsFile.fit(
                source: files[0], target: files[1],
                options: FitOptions(method: .chars, clusters: ClusterOptions(count: 3, entropy: 0.05), seed: 2), on: model.backend
            ).sites
        }
        // The same kernels on the same rows in the same batches: the same bits.
        #expect(replayed.sites == onePass.sites)
        let simultaneous = try fit(model, sites: sites)
        #expect(simultaneous.sites[0] == onePass.sites[0] && simultaneous.sites[1] != onePass.sites[1])
    }

    @Test func strengthScalesShifts() throws {
        let model = try TestModel.load(.cpu)
        let map = try fit(model)
        #expect(map.sites.count == 7 && map.hasClusters)
        let ids = model.tokenizer.encode("Once upon a time there was", addSpecial: true, parseSpecial: false)
        let plain = try model.logits(of: ids)
        #expect(try model.logits(of: ids, steering: [map.at(0)]) == plain)
        func distance(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max()! }
        let half = try model.logits(of: ids, steering: [map.at(0.5)])
        #expect(distance(half, plain) > 0.1)
        #expect(distance(try model.logits(of: ids, steering: [map.scaled(by: 0.5).at(1)]), half) < 2e-3)
        // There and back at one site, whose centres lie where the shifts lead.
        let site = try fit(model, sites: [#"model\.layers\.1\.input_layernorm"#])
        let steered = try model.logits(of: ids, steering: [site.at(1)])
        let back = try model.logits(of: ids, steering: [site.at(1), site.inverse.at(1)])
        #expect(distance(back, plain) < distance(steered, plain))
    }

    /// One cluster a side is mean transport, bit for bit what it does.
    @Test func oneClusterIsMean() throws {
        let model = try TestModel.load(.cpu)
        let map = try fit(model, clusters: 1)
        #expect(!map.hasClusters)
        let mean = try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: GateTests.sites,
            options: FitOptions(method: .mean, estimation: .simultaneous, seed: 2))
        for (own, other) in zip(map.sites, mean.sites) {
            for (a, b) in zip(own.map.beta, other.map.beta) { #expect(abs(a - b) <= 1e-5 * max(1, abs(b))) }
        }
    }

    @Test(arguments: [DeviceChoice.cpu, .vulkanIndex(0)])
    func mapsOfBothKindsShareABatch(device: DeviceChoice) throws {
        let model = try TestModel.load(device)
        let (three, two) = (try fit(model), try fit(model, clusters: 2, seed: 4))
        let gated = try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: GateTests.sites,
            options: FitOptions(method: .mean, estimation: .simultaneous, gateTokens: 40, seed: 2))
        let options = GenerationOptions(tokens: 5, temperature: 0)
        let requests = [
            GenerationRequest("Once upon a time", steering: [two.at(1)]), GenerationRequest("The capital of France is"),
            GenerationRequest("My favourite food", steering: [gated.at(1), three.at(0.5)]),
            GenerationRequest("On Sunday", steering: [three.at(1)]), GenerationRequest("It was", steering: [gated.at(1)]),
        ]
        let together = try model.generate(requests, options: options).map(\.text)
        let alone = try requests.map { try model.generate([$0], options: options)[0].text }
        #expect(together == alone)
    }

    /// Tables in which maps of few clusters come before and after one of more, and room runs out.
    @Test func tablesGrowWithMaps() throws {
        let model = try TestModel.load(.cpu)
        let site = #"model\.layers\.1\.input_layernorm"#
        let maps = try [2, 3, 2, 4].map { try fit(model, sites: [site], clusters: $0, seed: UInt64($0)) }
        let ids = model.tokenizer.encode("Once upon a time there was", addSpecial: true, parseSpecial: false)
        let each = try maps.map { try model.logits(of: ids, steering: [$0.at(1)]) }
        for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
            for last in order {
                // All are in the tables; the others have no strength.
                let steering = order.map { maps[$0].at($0 == last ? 1 : 0) }
                #expect(try model.logits(of: ids, steering: steering) == each[last])
            }
        }
    }

    @Test func explanationsMeasureWholeTokens() throws {
        let model = try TestModel.load(.cpu)
        let map = try fit(model, sites: [#"model\.layers\.2\.input_layernorm"#, #"model\.norm"#], estimation: .causal)
        let told = Explanation(map.at(0.5))
        #expect(told.measure == .offset && told.map.sites.allSatisfy { $0.clusters == 3 })
        let summary = map.sites[0].summary
        let largest = summary.beta.map(abs).max()!
        let first = try #require(told.sites[0].neurons.first)
        #expect(abs(try #require(first.shift) - 0.5 * Double(largest)) < 1e-6)
        let explanation = try model.explain(map.at(1), source: CausalFitTests.source, target: CausalFitTests.target)
        for (site, own) in zip(explanation.sites, map.sites) {
            let movement = try #require(site.movement)
            #expect(movement.relative > 0 && movement.outside == 0)
            #expect(try #require(movement.reduction) > 0, "the samples come nearer")
            // Of one sentence's tokens, by the map itself.
            guard own.name == map.sites[0].name else { continue }
            let pattern = [own.name.replacing(".", with: #"\."#)]
            let sentence = "The referee saw the rain"
            let rows = try model.activations(of: [sentence], sites: pattern, options: CaptureOptions(pooling: .all))[0]
            let followed = try model.explain(map.at(1), sentence: sentence)
            let clusters = try #require(own.clusters)
            for (row, displacement) in followed.sites[0].displacement.enumerated() {
                let x = Array(rows.values[row * rows.channels..<(row + 1) * rows.channels])
                let expected = zip(x, clusters(x)).reduce(0.0) { $0 + ($1.1 - Double($1.0)) * ($1.1 - Double($1.0)) }.squareRoot()
                #expect(abs(displacement - expected) <= 1e-4 * expected)
            }
        }
    }

    @Test func whatDoesNotGoWithClustersIsRefused() throws {
        let model = try TestModel.load(.cpu)
        let site = [#"model\.norm"#]
        func refusal(_ change: (inout FitOptions) -> Void) -> String? {
            var options = FitOptions(method: .chars, estimation: .simultaneous)
            change(&options)
            do {
                _ = try model.fit(source: CausalFitTests.source, target: CausalFitTests.target, sites: site, options: options)
                return nil
            } catch { return "\(error)" }
        }
        #expect(refusal { $0.clusters = ClusterOptions(count: 2) } == nil)
        #expect(refusal { $0.gateTokens = 40 }?.contains("--gate") == true)
        #expect(refusal { $0.support = .minimumToMaximum }?.contains("--support") == true)
        #expect(refusal { $0.units = 3 }?.contains("--units") == true)
        #expect(refusal { $0.spatial = .channelMean }?.contains("--spatial pointwise") == true)
        #expect(refusal { $0.capture.memory = 1 << 40 }?.contains("--memory") == true)
        #expect(refusal { $0.clusters = ClusterOptions(count: 7) }?.contains("7 clusters need") == true)
        #expect(
            refusal {
                $0.method = .mean
                $0.clusters = ClusterOptions()
            }?.contains("--clusters") == true)
        let map = try fit(model, sites: site)
        #expect(throws: MongeError.self) { try map.followed(by: map) }
        #expect(throws: ForeignMapError.self) {
            try map.writeStateDicts(to: FileManager.default.temporaryDirectory.appending(path: "none-\(UUID())"))
        }
    }
}
