import Models
import Monge
import Testing
import Transport

/// What is said of a map against activations that are captured one site at a time.
@Suite struct ExplanationTests {
    private static let sites = [#"model\.layers\.[04]\.input_layernorm"#, #"model\.layers\.2\.self_attn\.o_proj"#]
    private static let source = CausalFitTests.source
    private static let target = CausalFitTests.target

    private func fit(_ model: Model, _ options: FitOptions) throws -> TransportMap {
        try model.fit(source: Self.source, target: Self.target, sites: Self.sites, options: options)
    }

    /// The activations at a site with the first maps of an intervention in place.
    private func capture(
        _ model: Model, _ sentences: [String], _ site: String, _ steer: Steer, first count: Int, pooling: CapturePooling = .mean
    ) throws -> SiteActivations {
        var map = steer.map
        map.sites = Array(map.sites.prefix(count))
        return try model.activations(
            of: sentences, sites: [site.replacing(".", with: #"\."#)], options: CaptureOptions(pooling: pooling),
            steering: count == 0 ? [] : [map.at(steer.strength)])[0]
    }

    private func column(_ activations: SiteActivations, _ neuron: Int) -> [Float] {
        stride(from: neuron, to: activations.values.count, by: activations.channels).map { activations.values[$0] }
    }

    private func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-5 * max(abs(a), abs(b)) + 1e-9 }

    /// Sites in their order, each with the maps of the earlier ones; tokens one by one; sides of 6 and 7 sentences. With gates, of which a token
    /// feels some.
    @Test(arguments: [Estimation.causal, .simultaneous], [false, true])
    func measuresAreThoseOfCaptures(estimation: Estimation, isGated: Bool) throws {
        let model = try TestModel.load(.cpu)
        var map = try fit(model, FitOptions(estimation: estimation))
        if isGated {
            for index in map.sites.indices {
                let weights = (0..<map.sites[index].map.channels).map { Float($0 % 7 - 3) / 50 }
                map.sites[index].gate = TokenGate(weights: weights, intercept: 0.2)
            }
        }
        let steer = map.at(0.75)
        let explanation = try model.explain(
            steer, source: Self.source, target: Self.target, options: ExplanationOptions(neurons: 576))
        #expect(explanation.sites.map(\.name) == map.sites.map(\.name) && explanation.sites.count == 3)
        #expect(Set(explanation.sites.map(\.rank)) == [1, 2, 3])
        for (index, site) in explanation.sites.enumerated() {
            let movement = try #require(site.movement)
            let affine = map.sites[index].map
            let plain = try [Self.source, Self.target].map { try capture(model, $0, site.name, steer, first: 0) }
            let before = try capture(model, Self.source, site.name, steer, first: index)
            let after = try capture(model, Self.source, site.name, steer, first: index + 1)
            let target = estimation == .causal ? try capture(model, Self.target, site.name, steer, first: index) : plain[1]
            var sum = (before: 0.0, after: 0.0)
            var spreads = 0
            #expect(site.neurons.count == 576)
            for neuron in site.neurons {
                let own = try #require(neuron.movement)
                let columns = [plain[0], plain[1], before, after, target].map { column($0, neuron.index).sorted() }
                for (distance, expected) in [
                    (own.distances.unsteered, WassersteinDistance(sorted: columns[0], columns[1])),
                    (own.distances.before, WassersteinDistance(sorted: columns[2], columns[4])),
                    (own.distances.after, WassersteinDistance(sorted: columns[3], columns[4])),
                ] {
                    // A map in a kernel of its own may round its result otherwise than one within the kernel of the norm: by two units in
                    // the last place of the largest number, which is how far each quantile and so W₁ moves, and W₂² by twice the farthest
                    // distance of that.
                    let size = Double(columns.joined().map(abs).max()!)
                    let rounding = 2 * Double(Float.ulpOfOne) * size
                    #expect(abs(distance.first - expected.first) <= rounding)
                    #expect(abs(distance.secondSquared - expected.secondSquared) <= 4 * size * rounding)
                }
                #expect(own.histogram.source.reduce(0, +) == 6 && own.histogram.target.reduce(0, +) == 7)
                #expect(own.histogram.transported.reduce(0, +) == 6)
                let deviations = [columns[2], columns[4]].map { values -> Double in
                    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
                    return values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count - 1)
                }
                guard own.spread > 0 else { continue }
                #expect(isNear(own.spread, ((deviations[0] + deviations[1]) / 2).squareRoot()))
                spreads += 1
                sum.before += own.distances.before.first / own.spread
                sum.after += own.distances.after.first / own.spread
            }
            let distances = try #require(movement.distances)
            #expect(isNear(distances.before.first, sum.before / Double(spreads)))
            #expect(isNear(distances.after.first, sum.after / Double(spreads)))
            #expect(movement.withoutSpread == 576 - spreads)
            // Token by token.
            let x = try capture(model, Self.source, site.name, steer, first: index, pooling: .all)
            let y = try capture(model, Self.source, site.name, steer, first: index + 1, pooling: .all)
            var (relative, outside) = (0.0, 0)
            for token in 0..<x.samples {
                var (moved, size) = (0.0, 0.0)
                for j in 0..<576 {
                    let (from, to) = (x.values[token * 576 + j], y.values[token * 576 + j])
                    moved += (Double(to) - Double(from)) * (Double(to) - Double(from))
                    size += Double(from) * Double(from)
                    let isInside = affine.low[j] < from && from < affine.high[j]
                    if !isInside && affine.low[j] < affine.high[j] { outside += 1 }
                }
                relative += (moved / size).squareRoot()
            }
            let acting = (0..<576).count { affine.low[$0] < affine.high[$0] }
            #expect(isNear(movement.relative, relative / Double(x.samples)))
            #expect(isNear(movement.outside, Double(outside) / Double(x.samples * acting)) && movement.outside > 0)
            #expect(explanation.samples?.sourceTokens == x.samples)
        }
    }

    /// Where the map acts everywhere on the samples that it was fitted to, the means meet, and at λ = 0 nothing moves.
    @Test func fittedSamplesComeNearer() throws {
        let model = try TestModel.load(.cpu)
        let map = try fit(model, FitOptions(method: .gaussian, estimation: .causal))
        let options = ExplanationOptions(neurons: 1)
        let full = try model.explain(map.at(1), source: Self.source, target: Self.target, options: options)
        let none = try model.explain(map.at(0), source: Self.source, target: Self.target, options: options)
        for (site, still) in zip(full.sites, none.sites) {
            let (movement, rest) = (try #require(site.movement), try #require(still.movement))
            #expect(try #require(movement.reduction) > 0.4 && movement.nearer > 0.9 && movement.relative > 0.01)
            #expect(movement.outside == 0)
            #expect(rest.relative == 0 && rest.reduction == 0 && rest.distances?.before == rest.distances?.after)
            #expect(rest.distances?.unsteered == rest.distances?.before)
        }
    }

    @Test func tokensOfASentence() throws {
        let model = try TestModel.load(.cpu)
        let map = try fit(model, FitOptions(support: .quantiles(lowerPercent: 10, upperPercent: 90)))
        let text = "A goal in the last minute"
        let sentence = try model.explain(map.at(1), sentence: text)
        #expect(sentence.tokens.joined() == text && sentence.sites.map(\.name) == map.sites.map(\.name))
        for (index, site) in sentence.sites.enumerated() {
            let x = try capture(model, [text], site.name, map.at(1), first: index, pooling: .all)
            let y = try capture(model, [text], site.name, map.at(1), first: index + 1, pooling: .all)
            for token in sentence.tokens.indices {
                let range = token * 576..<(token + 1) * 576
                let moved = zip(x.values[range], y.values[range]).reduce(0.0) {
                    $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
                }
                let size = x.values[range].reduce(0.0) { $0 + Double($1) * Double($1) }
                #expect(isNear(site.displacement[token], moved.squareRoot()))
                #expect(isNear(try #require(site.relative[token]), (moved / size).squareRoot()))
                #expect(site.outside[token] > 0 && site.outside[token] < 1)
            }
        }
        // A map of the last position alone moves the last token alone.
        let last = try fit(model, FitOptions(method: .mean, position: .last))
        let ends = try model.explain(last.at(1), sentence: text).sites[0].displacement
        #expect(ends.dropLast().allSatisfy { $0 == 0 } && ends.last! > 0)
    }

    @Test func whatDoesNotGoTogetherIsRefused() throws {
        let model = try TestModel.load(.cpu)
        var map = try fit(model, FitOptions(method: .mean))
        func refusal(_ steer: Steer, _ source: [String], _ target: [String]) -> String {
            do { _ = try model.explain(steer, source: source, target: target) } catch { return "\(error)" }
            return ""
        }
        #expect(refusal(map.at(1), [], Self.target).contains("no source sentences"))
        #expect(refusal(map.at(1), Self.source, []).contains("no target sentences"))
        #expect(throws: MongeError.self) { try model.explain(map.at(1), sentence: "") }
        var other = map
        other.description.pooling = "unknown"
        #expect(refusal(other.at(1), Self.source, Self.target).contains("--pooling"))
        map.sites[0].name = "model.layers.99.input_layernorm"
        #expect(refusal(map.at(1), Self.source, Self.target).contains("model.layers.99.input_layernorm"))
    }

    /// By the numbers of a map alone.
    @Test func mapsTellByThemselves() throws {
        func map(_ maps: [AffineMap]) -> TransportMap {
            TransportMap(
                sites: maps.enumerated().map { TransportMap.Site(name: "model.layers.\($0).x", map: $1, deadNeurons: 0) },
                description: TransportDescription(
                    method: "linear", estimation: .causal, pooling: "mean", support: .all, architecture: "llama", fingerprint: "",
                    sourceName: "a", targetName: "b", sourceCount: 1, targetCount: 1, seed: 0, date: ""))
        }
        let everywhere = ([-Float.infinity, -.infinity], [Float.infinity, .infinity])
        let bounded = map([
            AffineMap(omega: [1, 1], beta: [0.5, 0], low: [0, 0], high: [2, 2]),
            AffineMap(omega: [0.5, 1], beta: [0, 1], low: [0, 0], high: [4, 1]),
        ])
        let explained = Explanation(bounded.at(-2), neurons: 1)
        #expect(explained.measure == .shareOfSupport && explained.sites.map(\.rank) == [2, 1])
        // 0.5 of a width of 2 at one of two neurons; |−x/2| over 0 … 4 is 1 of 4, and 1 of 1. All twice.
        #expect(explained.sites.map(\.shift) == [0.25, 1.25] && explained.sites.map(\.leftAlone) == [0.5, 0])
        #expect(explained.rankedNeurons.map(\.neuron.index) == [1, 0] && explained.rankedNeurons[0].site == "model.layers.1.x")
        let shifted = map([AffineMap(omega: [1, 1], beta: [-3, 1], low: everywhere.0, high: everywhere.1)])
        #expect(Explanation(shifted.at(1)).measure == .offset && Explanation(shifted.at(1)).sites[0].shift == 2)
        let damped = map([AffineMap(omega: [0.5, 1], beta: [0, 0], low: everywhere.0, high: everywhere.1)])
        #expect(Explanation(damped.at(1)).measure == .slope && Explanation(damped.at(1)).sites[0].shift == 0.25)
        #expect(Explanation(damped.at(1)).samples == nil && Explanation(map([.identity(channels: 2)]).at(1)).sites[0].shift == 0)
    }
}
