import Models
import Tensors

extension CalibrationSide {
    /// A side of sentences.
    /// - Parameters:
    ///   - kind: "source sentence", for messages.
    ///   - seed: Of the draw of tokens, where every token is a sample.
    init(_ kind: String, _ sentences: [String], _ set: CalibrationSet, options: FitOptions, seed: UInt64, model: Model) throws {
        let backend = model.backend
        let pooling = SamplePooling(options)
        let beginning = model.tokenizer.beginOfSequence
        let drawn = pooling.pooling == .all ? set.drawnTokens(pooling, options.capture.samples, beginning: beginning, seed: seed) : nil
        var samples = 0
        let passes = try set.batches.enumerated().map { index, batch in
            let rows = try batch.tokenBatch(on: backend)
            let plan = try pooling.plan(for: rows, tokens: batch.tokens, beginning: beginning, drawn: drawn?[index], on: backend)
            let first = samples
            samples += drawn?[index].count ?? batch.samples.count
            // Under `last`, the map applies to each sentence's last token alone; elsewhere index 0 leaves rows untouched.
            var indices: [Int32] = [1]
            if options.position == .last {
                indices = Array(repeating: 0, count: rows.rowCount)
                for range in rows.ranges { indices[range.upperBound - 1] = 1 }
            }
            return try CalibrationPass(
                samples: first..<samples, rowCount: rows.rowCount, indices: indices, spatial: options.spatial, model: model.language,
                plan: { _ in plan }, begin: { _ in LanguagePass(model.language, rows) })
        }
        self.init(kind: kind, count: samples, passes: passes) { batch, site, steering in
            try model.nonFinite(set.batches[batch], of: sentences, kind: kind, site: site, steering: steering)
        }
    }
}

extension Model {
    /// What an error says of a batch whose activations are not finite, naming the sentence.
    ///
    /// - Parameters:
    ///   - kind: What the sentences are: "source sentence".
    ///   - steering: What is in place, to find out why.
    fileprivate func nonFinite(
        _ batch: CalibrationSet.Batch, of sentences: [String], kind: String, site: Site, steering: [Steer]
    ) throws -> MongeError {
        for (sentence, tokens) in zip(batch.samples, batch.tokens) where try !isFinite(tokens, steering: steering) {
            return .notFinite(
                try nonFiniteNumbers(
                    "activations", name: "\(kind) \(sentence + 1)", text: sentences[sentence], tokens: tokens, steering: steering))
        }
        return .failed(
            "\(site.name): an activation of \(kind)s \(batch.samples.lowerBound + 1) to \(batch.samples.upperBound) is not a finite number, "
                + "yet each of them alone gives finite ones: the device \(backend.name) computes the batch wrongly")
    }
}
