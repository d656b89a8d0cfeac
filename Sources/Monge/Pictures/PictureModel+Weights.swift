import Models

extension PictureModel {
    /// What quantising while loading makes of the weights, in a sentence; nil where they are as they are stored.
    public var quantisationNotice: String? {
        guard let dtype = weightType else { return nil }
        let summaries = diffusion.weights.summaries
        func sum(_ value: (WeightStore.Summary) -> Int) -> Int { summaries.reduce(0) { $0 + value($1) } }
        let (count, quantised, otherwise, kept) = (sum(\.count), sum(\.quantised), sum(\.otherwise), sum(\.kept))
        let parts = [
            "\(quantised - otherwise) of \(count) matrices and kernels become \(dtype)",
            otherwise > 0 ? "\(otherwise) another type, as convolutions and short rows want it" : nil,
            kept > 0 ? "\(kept) more would, but are quantised already or have rows that are no multiple of a block" : nil,
        ]
        return "weights: \(parts.compactMap { $0 }.joined(separator: ", ")); \(ByteCount(sum(\.byteCount))) in the place of "
            + "\(ByteCount(sum(\.storedByteCount)))"
    }
}
