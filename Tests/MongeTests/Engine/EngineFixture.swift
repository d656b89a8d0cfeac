import Foundation
import Foundations
import ModelFiles
import Models
import Monge
import Tensors
import Transport

/// A small model and random maps for it.
enum EngineFixture {
    static func model(on backend: any Backend, activations: DType? = nil) throws -> any LanguageModel {
        let folder = try HuggingFaceFolder(path: TestModel.fixtures.appendingPathComponent("tiny-llama/f32").path)
        return try LanguageModels.load(folder, activations: activations, on: backend)
    }

    /// A map on every norm, far enough from the identity to change what is written.
    static func map(_ model: any LanguageModel, seed: UInt64, position: Position = .all) -> TransportMap {
        var random = SeededGenerator(seed: seed)
        let sites = model.sites.filter { $0.name.hasSuffix("norm") }.map { site in
            func draw(_ range: ClosedRange<Float>) -> [Float] { (0..<site.channels).map { _ in .random(in: range, using: &random) } }
            return TransportMap.Site(
                name: site.name, map: AffineMap(omega: draw(0.5...1.5), beta: draw(-1...1), low: draw(-9...(-3)), high: draw(3...9)),
                deadNeurons: 0)
        }
        return TransportMap(
            sites: sites,
            description: TransportDescription(
                method: "linear", estimation: .simultaneous, pooling: "mean", support: .minimumToMaximum, position: position,
                architecture: model.architecture, fingerprint: model.fingerprint, sourceName: "", targetName: "", sourceCount: 0,
                targetCount: 0, seed: seed, date: ""))
    }

    static func tokens(_ count: Int, _ model: any LanguageModel, _ random: inout SeededGenerator) -> [Int32] {
        (0..<count).map { _ in .random(in: 0..<Int32(model.vocabularySize), using: &random) }
    }
}

extension ContinuousBatch {
    /// Runs until nothing is left to do.
    /// - Returns: By request, what was added and why it ended.
    func finish(readsFirst: Bool = false) throws -> [Int: (tokens: [Int32], ending: BatchEnding?)] {
        var results: [Int: (tokens: [Int32], ending: BatchEnding?)] = [:]
        while !isIdle {
            for event in try run(readsFirst: readsFirst) {
                switch event {
                case .token(let id, let token, _): results[id, default: ([], nil)].tokens.append(token)
                case .captured: break
                case .ended(let id, let ending, _): results[id, default: ([], nil)].ending = ending
                }
            }
        }
        return results
    }
}
