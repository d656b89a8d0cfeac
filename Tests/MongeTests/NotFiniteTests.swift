import Foundation
import Monge
import Testing
import Transport

/// Requests whose logits are not finite, beside others.
@Suite(.serialized) struct NotFiniteTests {
    /// A map that a strength of 1e38 makes overflow.
    private func map(_ model: Model) -> TransportMap {
        let sites = model.language.sites.filter { $0.name == "model.norm" }.map { site in
            let ones = [Float](repeating: 1, count: site.channels)
            return TransportMap.Site(
                name: site.name,
                map: AffineMap(
                    omega: ones.map { 0.9 * $0 }, beta: ones, low: ones.map { -.infinity * $0 }, high: ones.map { .infinity * $0 }),
                deadNeurons: 0)
        }
        return TransportMap(
            sites: sites,
            description: TransportDescription(
                method: "linear", estimation: .simultaneous, pooling: "mean", support: .minimumToMaximum,
                architecture: model.language.architecture, fingerprint: model.language.fingerprint, sourceName: "", targetName: "",
                sourceCount: 0, targetCount: 0, seed: 1, date: ""))
    }

    /// One strength of a sweep drives the model out of its range: that request says so, and the others give what they give without it; the most
    /// likely tokens and drawn ones alike.
    @Test(arguments: [0, 0.8] as [Float]) func oneBadStrengthDoesNotLoseTheOthers(temperature: Float) throws {
        let model = try TestModel.load(.cpu)
        let map = map(model)
        let options = GenerationOptions(tokens: 6, temperature: temperature, repetitionPenalty: 1.1, seed: 2)
        func request(_ strength: Float) -> GenerationRequest {
            GenerationRequest("Once upon a time", steering: [map.at(strength)], stream: 0)
        }
        let sweep = try model.generate([0, 3e38, 0.1].map(request), options: options)
        let without = try model.generate([0, 0.1].map(request), options: options)
        #expect(sweep[0] == without[0] && sweep[2] == without[1])
        #expect(sweep[0].failure == nil && sweep[0].tokens.count == 6)
        let failure = try #require(sweep[1].failure)
        #expect(sweep[1].tokens.isEmpty && !sweep[1].isFinished)
        #expect("\(failure)".contains("'Once upon a time'), λ = 3e+38"), "\(failure)")
        // Asked for alone, it is thrown.
        #expect(throws: MongeError.self) { try model.generate("Once upon a time", steering: [map.at(3e38)], options: options) }
    }
}
