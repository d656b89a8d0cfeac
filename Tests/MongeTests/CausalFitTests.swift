import Foundation
import Models
import Monge
import Tensors
import Testing
import Transport

/// Causal estimation in one pass against the algorithm as the paper states it, site after site.
@Suite struct CausalFitTests {
    static let source = [
        "The rain fell on the quiet town all night.", "She bought bread and apples at the market.", "A train left the station at noon.",
        "He reads an old book about the sea.", "The river is cold in early spring.", "They painted the kitchen walls yellow.",
    ]
    static let target = [
        "The striker scored a goal in the last minute.", "Our team won the football match on Sunday.",
        "The goalkeeper caught the ball with both hands.", "Fans sang in the stadium after the cup final.",
        "The coach praised the young midfielder.",
        "A penalty decided the derby.", "The referee blew the whistle for half-time.",
    ]

    @Test(arguments: [Estimator.linear, .mean, .gaussian])
    func onePassEqualsReplay(method: Estimator) throws {
        let model = try TestModel.load(.cpu)
        let sites = [#"model\.layers\.[01]\.(input|post_attention)_layernorm"#]
        let options = FitOptions(method: method, estimation: .causal, support: .minimumToMaximum)
        let onePass = try model.fit(source: Self.source, target: Self.target, sites: sites, options: options)
        #expect(onePass.sites.count == 4)

        var replayed = onePass
        replayed.sites = []
        for site in onePass.sites {
            // Capture this site alone, with the maps of all earlier sites in place at λ = 1, and fit it.
            let pattern = [site.name.replacing(".", with: #"\."#)]
            let earlier = replayed.sites.isEmpty ? [] : [replayed.at(1)]
            let files = try [Self.source, Self.target].map { sentences in
                try ActivationsFile(
                    try model.activations(of: sentences, sites: pattern, steering: earlier), model: model, options: CaptureOptions())
            }
            replayed.sites += try ActivationsFile.fit(source: files[0], target: files[1], options: options, on: model.backend).sites
        }
        // The same kernels on the same rows in the same batches: the same bits.
        #expect(replayed.sites == onePass.sites)
    }

    @Test func causalDiffersFromSimultaneousAfterTheFirstSite() throws {
        let model = try TestModel.load(.cpu)
        let sites = [#"model\.layers\.[01]\.input_layernorm"#]
        let maps = try Estimation.allCases.map {
            try model.fit(source: Self.source, target: Self.target, sites: sites, options: FitOptions(estimation: $0))
        }
        #expect(maps[0].sites[0] == maps[1].sites[0])
        #expect(maps[0].sites[1] != maps[1].sites[1])
    }

    @Test func theLastPositionAloneIsSteered() throws {
        let model = try TestModel.load(.cpu)
        var map = try model.fit(
            source: Self.source, target: Self.target, sites: [#"model\.layers\.3\.input_layernorm"#],
            options: FitOptions(method: .mean, position: .last))
        let site = map.sites[0].name.replacing(".", with: #"\."#)
        func activations(_ pooling: CapturePooling, _ steering: [Steer]) throws -> [Float] {
            try model.activations(of: [Self.source[0]], sites: [site], options: CaptureOptions(pooling: pooling), steering: steering)[0]
                .values
        }
        let plain = try activations(.last, [])
        let steered = try activations(.last, [map.at(1)])
        for (j, pair) in zip(plain, steered).enumerated() {
            #expect(abs(pair.1 - (pair.0 + map.sites[0].map.beta[j])) <= 1e-5 * max(1, abs(pair.1)))
        }
        // Everywhere, the mean moves by β as a whole; at the last of n tokens only by β/n.
        let beta = map.sites[0].map.beta
        let strongest = beta.indices.max { abs(beta[$0]) < abs(beta[$1]) }!
        let meanShiftLast = try activations(.mean, [map.at(1)])[strongest] - activations(.mean, [])[strongest]
        map.description.position = .all
        let meanShiftAll = try activations(.mean, [map.at(1)])[strongest] - activations(.mean, [])[strongest]
        #expect(abs(meanShiftAll - beta[strongest]) <= 1e-4 * abs(beta[strongest]))
        #expect(abs(meanShiftLast) < 0.5 * abs(meanShiftAll))
    }

    @Test func aMapThatIsShrunkToNothingIsSaid() throws {
        let model = try TestModel.load(.cpu)
        for (shrinkage, isSaid) in [(Float(1e4), true), (0.5, false)] {
            var warnings: [String] = []
            let map = try model.fit(
                source: Self.source, target: Self.target, sites: [#"model\.norm"#],
                options: FitOptions(method: .mean, shrinkage: shrinkage),
                warn: { warnings.append($0) })
            #expect(warnings.contains { $0.contains("the map does nothing") } == isSaid)
            #expect((map.movedNeurons == 0) == isSaid)
        }
    }

    @Test func badDataIsRefused() throws {
        let model = try TestModel.load(.cpu)
        let site = [#"model\.norm"#]
        #expect(throws: MongeError.self) { try model.fit(source: [], target: Self.target, sites: site) }
        #expect(throws: MongeError.self) { try model.fit(source: Self.source, target: [], sites: site) }
        #expect(throws: MongeError.self) { try model.fit(source: ["one"], target: ["other"], sites: site) }
        do {
            _ = try model.fit(source: Self.source, target: Self.target, sites: [#"model\.layers\.7\.input_layer_norm"#])
            Issue.record("a pattern without a match was taken")
        } catch let error as MongeError {
            #expect(error.description.contains("model.layers.7.input_layernorm"), "the nearest site is named: \(error)")
        }
        #expect(throws: MongeError.self) { try model.fit(source: Self.source, target: Self.target, sites: ["("]) }
    }
}
