import Foundation
import Monge
import Testing
import Transport

/// Every estimator against scikit-learn and NumPy (tools/parity/make_estimators.py).
@Suite struct EstimatorParityTests {
    private let fixture: SafetensorsFixture

    init() throws { fixture = try SafetensorsFixture() }

    /// The samples of the fixture, as files of activations would hold them.
    private struct SafetensorsFixture {
        let floats: (String) throws -> [Float]
        let channels = 24

        init() throws {
            let file = try TestModel.file("estimators.safetensors")
            floats = { try file.floats($0) }
        }

        func activations(_ side: String, sites: [String], heads: Int = 1, samples: Int? = nil, channels: Int = 24) throws -> ActivationsFile
        {
            ActivationsFile(
                sites: try sites.map { site in
                    let values = try floats("\(site).\(side)")
                    let count = samples ?? values.count / channels
                    return SiteActivations(
                        site: site, samples: count, channels: channels, values: Array(values[..<(count * channels)]), heads: heads)
                }, architecture: "llama", fingerprint: "", pooling: "last")
        }

        func fit(
            _ options: FitOptions, sites: [String] = ["a", "b"], heads: Int = 1, pairs: Int? = nil, channels: Int = 24,
            on device: DeviceChoice = .cpu
        ) throws -> TransportMap {
            try ActivationsFile.fit(
                source: activations("source", sites: sites, heads: heads, samples: pairs, channels: channels),
                target: activations("target", sites: sites, heads: heads, samples: pairs, channels: channels), options: options,
                on: device.open())
        }
    }

    private func expect(_ values: [Float], _ expected: [Float], within tolerance: Float, _ what: String) {
        // Of the size of the vector: single neurons of a direction may be near zero.
        let size = expected.map(abs).max()!
        for (j, pair) in zip(values, expected).enumerated() {
            #expect(abs(pair.0 - pair.1) <= tolerance * max(abs(pair.1), size), "\(what), neuron \(j): \(pair.0), expected \(pair.1)")
        }
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func neuronsAgree(device: DeviceChoice) throws {
        let damped = try fixture.fit(FitOptions(method: .aurA), on: device)
        let silenced = try fixture.fit(FitOptions(method: .det0, units: 14), on: device)
        let shifted = try fixture.fit(FitOptions(method: .caa), pairs: 60, on: device)
        for (index, site) in ["a", "b"].enumerated() {
            expect(damped.sites[index].map.omega, try fixture.floats("\(site).aurA"), within: 1e-6, "aurA of \(site)")
            #expect(damped.sites[index].map.beta.allSatisfy { $0 == 0 })
            let silencedSite = try #require(silenced.sites.first { $0.name == site })
            #expect(silencedSite.map.omega == (try fixture.floats("\(site).det0")))
            #expect(silencedSite.map.beta.allSatisfy { $0 == 0 })
            // Means in double precision, rounded once; their difference loses what they have in common.
            let samples = try fixture.floats("\(site).source") + fixture.floats("\(site).target")
            let largest = try fixture.floats("\(site).caa").indices.map { j in
                stride(from: j, to: samples.count, by: 24).map { abs(samples[$0]) }.max()!
            }
            for (j, expected) in try fixture.floats("\(site).caa").enumerated() {
                #expect(abs(shifted.sites[index].map.beta[j] - expected) <= 4 * .ulpOfOne * largest[j] + 1e-5 * abs(expected))
            }
        }
        #expect(silenced.sites.flatMap(\.map.omega).count { $0 == 0 } == 14)
    }

    /// Soft thresholds at Welch's t, as SciPy has it; slopes go towards 1 by the same share, and what has none is left alone.
    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func shrunkenMeansAgree(device: DeviceChoice) throws {
        for threshold in [2, 4] {
            let shifted = try fixture.fit(FitOptions(method: .mean, shrinkage: Float(threshold)), on: device)
            let sloped = try fixture.fit(FitOptions(method: .linear, shrinkage: Float(threshold)), on: device)
            let whole = try fixture.fit(FitOptions(method: .linear), on: device)
            #expect(shifted.description.shrinkage == Float(threshold))
            for (index, site) in ["a", "b"].enumerated() {
                let shares = try fixture.floats("\(site).shares.\(threshold)")
                #expect(shares.contains { $0 == 0 } && (site == "b" || shares.contains { $0 > 0.5 }))
                // Of means in double precision, rounded once: their difference loses what they have in common.
                let samples = try fixture.floats("\(site).source") + fixture.floats("\(site).target")
                for (j, expected) in try fixture.floats("\(site).shrunk.\(threshold)").enumerated() {
                    let largest = stride(from: j, to: samples.count, by: 24).map { abs(samples[$0]) }.max()!
                    let map = shifted.sites[index].map
                    #expect(map.omega[j] == 1)
                    #expect(abs(map.beta[j] - expected) <= 8 * .ulpOfOne * largest + 1e-5 * abs(expected), "\(site), neuron \(j)")
                    #expect((map.low[j] < map.high[j]) == (shares[j] > 0))
                    let part = sloped.sites[index].map, all = whole.sites[index].map
                    #expect(
                        abs(part.omega[j] - 1 - shares[j] * (all.omega[j] - 1)) <= 1e-5 * max(1, abs(all.omega[j])), "\(site), neuron \(j)")
                    #expect(shares[j] == 0 ? part.low[j] > part.high[j] : part.low[j] == all.low[j] && part.high[j] == all.high[j])
                }
            }
        }
    }

    /// Both minimise the same convex function, scikit-learn by Newton steps to its last digits.
    @Test(arguments: [1, 3]) func probesAgree(heads: Int) throws {
        for (method, key) in [(Estimator.iti, "iti"), (.itiMassMean, "massMean")] {
            let map = try fixture.fit(FitOptions(method: method), heads: heads)
            for (index, site) in ["a", "b"].enumerated() {
                #expect(map.sites[index].map.omega.allSatisfy { $0 == 1 })
                let expected = try fixture.floats("\(site).\(key).\(heads)")
                let width = 24 / heads
                for head in 0..<heads {
                    let range = head * width..<(head + 1) * width
                    expect(Array(map.sites[index].map.beta[range]), Array(expected[range]), within: 1e-5, "\(key) of \(site), head \(head)")
                }
            }
        }
    }

    @Test func principalDirectionsAgree() throws {
        let map = try fixture.fit(FitOptions(method: .repe), pairs: 60)
        for (index, site) in ["a", "b"].enumerated() {
            expect(map.sites[index].map.beta, try fixture.floats("\(site).repe"), within: 1e-5, "repe of \(site)")
        }
    }

    /// A head is found by held-out samples, and the others are left alone bit for bit.
    @Test func theHeadThatTellsIsChosen() throws {
        let map = try fixture.fit(FitOptions(method: .iti, units: 1, seed: 3), sites: ["clear"], heads: 3, channels: 6)
        #expect(map.sites.count == 1)
        let site = map.sites[0].map
        let identity = AffineMap.identity(channels: 6)
        for j in [0, 1, 4, 5] { #expect(site.omega[j] == 1 && site.beta[j] == 0 && site.low[j] == identity.low[j]) }
        #expect(site.beta[2] > 1 && site.low[2] == -.infinity)
    }

    @Test func whatDoesNotGoTogetherIsRefused() throws {
        func refusal(_ options: FitOptions, pairs: Int? = nil, sites: [String] = ["a", "b"]) -> String? {
            do {
                _ = try fixture.fit(options, sites: sites, pairs: pairs)
                return nil
            } catch { return "\(error)" }
        }
        #expect(refusal(FitOptions(method: .det0))?.contains("--units") == true)
        #expect(refusal(FitOptions(method: .caa, units: 3))?.contains("--units goes with det0") == true)
        #expect(refusal(FitOptions(method: .iti, estimation: .causal, units: 3))?.contains("simultaneous") == true)
        #expect(refusal(FitOptions(method: .aurA, support: .minimumToMaximum))?.contains("acts everywhere") == true)
        #expect(refusal(FitOptions(method: .repe))?.contains("60 samples in the source and 75") == true)
        #expect(refusal(FitOptions(method: .actAdd), pairs: 60)?.contains("one pair") == true)
        #expect(refusal(FitOptions(method: .actAdd), pairs: 1)?.contains("2 sites") == true)
        #expect(refusal(FitOptions(method: .actAdd), pairs: 1, sites: ["a"]) == nil)
        #expect(refusal(FitOptions(method: .aurA, shrinkage: 2))?.contains("--shrinkage goes with linear") == true)
        #expect(refusal(FitOptions(method: .mean, shrinkage: -1))?.contains("expected 0 or more") == true)
        #expect(refusal(FitOptions(method: .mean, shrinkage: 2), pairs: 1)?.contains("2 samples a side or more") == true)
        #expect(refusal(FitOptions(method: .iti), pairs: 4)?.contains("at least 5") == true)
    }
}
