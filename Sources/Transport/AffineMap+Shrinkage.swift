/// Maps of which only that is kept that the samples show for certain.
extension AffineMap {
    /// The map with each neuron's strength multiplied by its share; a neuron whose share is 0 is left alone, bit for bit.
    /// - Precondition: one share a neuron.
    package func scaled(by shares: [Float]) -> AffineMap {
        precondition(shares.count == channels, "a share a neuron")
        var result = self
        for (j, share) in shares.enumerated() {
            result.scale(j, by: share)
            if share == 0 { (result.low[j], result.high[j]) = (.infinity, -.infinity) }
        }
        return result
    }

    /// How much of each neuron's map is kept when the difference of its means is shrunk by τ of its standard errors: 1 − τ/|t|, and none below τ.
    ///
    /// The difference of two means of few samples is noise in part, and noise that all texts are moved by costs perplexity for nothing. Soft thresholds keep what stands out
    /// (Tibshirani et al., "Diagnosis of multiple cancer types by shrunken centroids of gene expression", PNAS 2002); t is Welch's: (m_t − m_s) / √(s_s²/n_s + s_t²/n_t).
    ///
    /// - Parameters:
    ///   - sourceDeviations: s_s of each neuron, unbiased; so are those of the target.
    ///   - counts: n_s and n_t, 2 or more.
    ///   - threshold: τ.
    package static func shares(
        sourceMeans: some Collection<Float>, sourceDeviations: some Collection<Float>, targetMeans: some Collection<Float>,
        targetDeviations: some Collection<Float>, counts: (source: Int, target: Int), shrunkBy threshold: Float
    ) -> [Float] {
        let means = zip(sourceMeans, targetMeans), deviations = zip(sourceDeviations, targetDeviations)
        return zip(means, deviations).map { means, deviations in
            let variance =
                Double(deviations.0) * Double(deviations.0) / Double(counts.source)
                + Double(deviations.1) * Double(deviations.1) / Double(counts.target)
            let difference = abs(Double(means.1) - Double(means.0))
            guard difference > 0 else { return 0 }
            return Float(max(0, 1 - Double(threshold) * variance.squareRoot() / difference))
        }
    }
}
