import Models
import Tensors

/// The samples of one site as they come in, batch after batch.
struct SiteSamples {
    /// `[sentences, channels]` f32.
    let values: Tensor
    /// `[batches, channels]` f32: finite exactly where a batch's activations are.
    private let checks: Tensor

    init(_ set: CalibrationSet, channels: Int, on backend: any Backend) throws {
        values = try backend.allocate([set.count, channels], .f32)
        checks = try backend.allocate([set.batches.count, channels], .f32)
    }

    /// What the samples of a set take, in bytes a channel.
    static func bytesPerChannel(_ set: CalibrationSet) -> Int { (set.count + set.batches.count) * MemoryLayout<Float>.stride }

    /// Pools the activation of batch `index` of the set.
    func add(
        _ activation: Tensor, batch index: Int, samples: Range<Int>, pooling: SamplePooling, _ plan: SamplePooling.Plan,
        on backend: any Backend
    ) throws {
        try pooling(activation, plan, on: backend, into: values.rows(samples), check: checks.rows(index..<index + 1))
    }

    /// The first batch with an activation that is a NaN or an infinity; nil when all are finite.
    func firstNonFiniteBatch(on backend: any Backend) throws -> Int? {
        let numbers = try backend.readFloats(checks)
        if numbers.isFinite { return nil }
        return numbers.firstIndex { !$0.isFinite }! / checks.shape[1]
    }
}

extension Model {
    /// Throws when an activation among the samples is not finite, naming the sentence.
    ///
    /// - Parameters:
    ///   - kind: What the sentences are: "source sentence".
    ///   - steering: What is in place, to find out why.
    func requireFinite(
        _ samples: SiteSamples, of set: CalibrationSet, sentences: [String], kind: String, site: Site, steering: [Steer]
    ) throws {
        guard let index = try samples.firstNonFiniteBatch(on: backend) else { return }
        let batch = set.batches[index]
        for (sentence, tokens) in zip(batch.samples, batch.tokens) where try !isFinite(tokens, steering: steering) {
            throw MongeError.notFinite(
                try nonFiniteNumbers(
                    "activations", name: "\(kind) \(sentence + 1)", text: sentences[sentence], tokens: tokens, steering: steering))
        }
        throw MongeError.failed(
            "\(site.name): an activation of \(kind)s \(batch.samples.lowerBound + 1) to \(batch.samples.upperBound) is not a finite number, "
                + "yet each of them alone gives finite ones: the device \(backend.name) computes the batch wrongly")
    }
}
