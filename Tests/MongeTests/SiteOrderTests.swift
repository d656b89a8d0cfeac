import CPUBackend
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing
import Tokenizers
import Transport

/// A model of two layers, x → x + A·x → B·(…), whose sites are numbered against the order in which a pass comes to them.
final class BackwardsModel: LanguageModel {
    static let channels = 6
    let architecture = "backwards"
    let fingerprint = "0123456789abcdef"
    let vocabularySize = 507
    let contextLength = 64
    let sites = [Site(name: "second", index: 0, channels: channels), Site(name: "first", index: 1, channels: channels)]
    let backend: any Backend
    let cacheType = DType.f32
    let activations = DType.f32
    let cost = ModelCost(weightBytes: 0, layerOperations: 0, headOperations: 0)
    let stageCount = 2
    let embedding: [Float]
    let weights: [[Float]]

    /// - Parameter damaged: Whether a weight of the second layer is no number.
    init(_ backend: any Backend, damaged: Bool) {
        self.backend = backend
        let channels = Self.channels
        embedding = (0..<vocabularySize * channels).map { (index: Int) -> Float in Float((index * 7919 + 13) % 211) / 100 - 1 }
        func matrix(_ seed: Int) -> [Float] {
            (0..<channels * channels).map { (index: Int) -> Float in
                let step = (index * 31 + seed * 17) % 23
                return Float(step) / 11 - 1
            }
        }
        var second = matrix(5)
        if damaged { second[7] = Float.nan }
        weights = [matrix(3), second]
    }

    static func model(damaged: Bool = false) throws -> (Model, BackwardsModel) {
        let language = BackwardsModel(try CPUBackend(), damaged: damaged)
        let tokenizer = try JSONDocument(path: TestModel.fixtures.appendingPathComponent("tokenizer/tiny/llama-bpe.json").path)
        let model = Model(
            language: language, tokenizer: try TokenizerRegistry.load(tokenizerJSON: tokenizer), url: URL(fileURLWithPath: "/"),
            template: { throw CancellationError() })
        return (model, language)
    }

    func makeCache(slots: Int, capacity: Int, dtype: DType) throws -> KeyValueCache { throw CancellationError() }

    func begin(_ batch: TokenBatch, cache: KeyValueCache?, context: ForwardContext) throws -> PassState {
        let table = try backend.upload(embedding, [vocabularySize, Self.channels])
        return PassState(batch: batch, cache: cache, hidden: try backend.embedding(batch.tokens, table: table))
    }

    func advance(_ state: inout PassState, context: ForwardContext) throws {
        let site = sites[1 - state.stage]
        let weight = try backend.upload(weights[state.stage], [Self.channels, Self.channels])
        state.complete(
            hidden: try context.linear(state.hidden, weight: weight, residual: state.stage == 0 ? state.hidden : nil, at: site))
    }

    func finish(_ state: PassState, output: OutputRows, context: ForwardContext) throws -> Tensor { state.hidden }

    func logits(_ hidden: Tensor) throws -> Tensor { hidden }
}

/// Captures and maps go by a site's index, and causal fitting by the order in which passes come to sites.
@Suite struct SiteOrderTests {
    /// The mean over tokens of each site, in Float64: `[first, second]`, with a map at the first.
    private func expected(_ tokens: [Int32], _ language: BackwardsModel, map: AffineMap? = nil) -> [[Double]] {
        let n = BackwardsModel.channels
        var means = [[Double]](repeating: [Double](repeating: 0, count: n), count: 2)
        for token in tokens {
            let x = (0..<n).map { Double(language.embedding[Int(token) * n + $0]) }
            func product(_ layer: Int, _ x: [Double]) -> [Double] {
                (0..<n).map { (row: Int) -> Double in
                    var sum = 0.0
                    for column in 0..<n { sum += Double(language.weights[layer][row * n + column]) * x[column] }
                    return sum
                }
            }
            var first = product(0, x)
            for j in 0..<n { means[0][j] += first[j] / Double(tokens.count) }
            if let map {
                for j in 0..<n where Double(map.low[j]) < first[j] && first[j] < Double(map.high[j]) {
                    first[j] = Double(map.omega[j]) * first[j] + Double(map.beta[j])
                }
            }
            let second = product(1, zip(x, first).map(+))
            for j in 0..<n { means[1][j] += second[j] / Double(tokens.count) }
        }
        return means
    }

    @Test func capturesGoByIndex() throws {
        let (model, language) = try BackwardsModel.model()
        let captured = try model.activations(of: CausalFitTests.source, sites: ["first", "second"])
        #expect(captured.map(\.site) == ["second", "first"])
        for (sample, sentence) in CausalFitTests.source.enumerated() {
            let means = expected(model.tokenizer.encode(sentence, addSpecial: true, parseSpecial: false), language)
            for (site, means) in [(captured[1], means[0]), (captured[0], means[1])] {
                for j in means.indices {
                    // Sums of some dozen f32 numbers below 10.
                    #expect(abs(Double(site.values[sample * site.channels + j]) - means[j]) < 1e-4, "\(site.site)")
                }
            }
        }
    }

    @Test(arguments: [Estimator.gaussian, .linear])
    func causalFittingFollowsThePass(method: Estimator) throws {
        let (model, language) = try BackwardsModel.model()
        let options = FitOptions(method: method, estimation: .causal, support: .all)
        let map = try model.fit(source: CausalFitTests.source, target: CausalFitTests.target, sites: [".*"], options: options)
        #expect(map.sites.map(\.name) == ["first", "second"])
        // The samples of each site from plain arithmetic, with the first map in place for the second; the fit is checked elsewhere.
        let sides = [CausalFitTests.source, CausalFitTests.target].map { sentences in
            sentences.map { expected(model.tokenizer.encode($0, addSpecial: true, parseSpecial: false), language, map: map.sites[0].map) }
        }
        for (index, site) in map.sites.enumerated() {
            let samples = try sides.map { side in
                try model.backend.sortColumns(
                    model.backend.upload(side.flatMap { $0[index].map(Float.init) }, [side.count, BackwardsModel.channels]))
            }
            let fit = try model.backend.readFloats(
                model.backend.fitColumns(source: samples[0], target: samples[1], method: #require(method.columnFit)))
            for j in 0..<BackwardsModel.channels {
                #expect(abs(fit[j] - site.map.omega[j]) < 1e-3 * max(1, abs(fit[j])), "\(site.name)")
                #expect(abs(fit[BackwardsModel.channels + j] - site.map.beta[j]) < 1e-3 * max(1, abs(site.map.beta[j])), "\(site.name)")
            }
        }
    }
}
