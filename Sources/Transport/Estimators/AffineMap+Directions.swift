/// Maps that add a direction to the activation: ω = 1, everywhere.
extension AffineMap {
    /// `T(x) = x + shift`.
    public static func adding(_ shift: [Float]) -> AffineMap {
        let count = shift.count
        return AffineMap(
            omega: Array(repeating: 1, count: count), beta: shift, low: Array(repeating: -.infinity, count: count),
            high: Array(repeating: .infinity, count: count))
    }

    /// ω = 0 and β = 0 at the neurons that are silenced, the identity elsewhere.
    public static func silencing(_ isSilenced: [Bool]) -> AffineMap {
        AffineMap(
            omega: isSilenced.map { $0 ? 0 : 1 }, beta: Array(repeating: 0, count: isSilenced.count),
            low: Array(repeating: -.infinity, count: isSilenced.count), high: Array(repeating: .infinity, count: isSilenced.count))
    }

    /// The shift of inference-time intervention: for each head σ_θ·θ, where θ is the unit normal of a probe, or the direction from mean to
    /// mean, and σ_θ the deviation of all activations along it. The strength is the paper's α.
    ///
    /// - Parameters:
    ///   - source: `[n, channels]`, row-major.
    ///   - target: `[m, channels]`.
    ///   - heads: The heads that lie side by side along the channels.
    ///   - isMassMean: Whether directions go from mean to mean.
    ///   - scoredWith: The seed of a draw of held-out samples; nil where heads are not scored.
    /// - Returns: The map, and for each head the balanced accuracy on held-out samples of a probe that is fitted to the others; none where
    ///   heads are not scored.
    public static func inferenceTimeIntervention(
        source: [Float], target: [Float], channels: Int, heads: Int, isMassMean: Bool, scoredWith seed: UInt64?
    ) -> (map: AffineMap, accuracies: [Double]) {
        var shift = [Float]()
        var accuracies = [Double]()
        let width = channels / heads
        for head in 0..<heads {
            let columns = head * width..<(head + 1) * width
            let a = Samples(source, width: channels, columns: columns)
            let b = Samples(target, width: channels, columns: columns)
            let direction = isMassMean ? zip(b.mean, a.mean).map { $0 - $1 } : LogisticProbe(source: a, target: b).weights
            let unit = direction.normalised
            let projections = a.followed(by: b).projections(on: unit)
            let mean = projections.reduce(0, +) / Double(projections.count)
            let variance = projections.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(projections.count)
            shift += unit.map { Float(variance.squareRoot() * $0) }
            if let seed { accuracies.append(LogisticProbe.heldOutAccuracy(source: a, target: b, seed: seed)) }
        }
        return (.adding(shift), accuracies)
    }

    /// The shift of representation engineering: the first principal direction v of the differences target − source of pairs, either way
    /// round (of the differences and their negatives, which are centred), as long as their mean is along it, so that at strength 1 the
    /// source's mean meets the target's there.
    ///
    /// - Parameters:
    ///   - source: `[n, channels]`, row-major.
    ///   - target: `[n, channels]`, in the order of the source.
    public static func representationEngineering(source: [Float], target: [Float], channels: Int) -> AffineMap {
        let columns = 0..<channels
        let differences = Samples(target, width: channels, columns: columns) - Samples(source, width: channels, columns: columns)
        let direction = PrincipalDirection.of(differences)
        let length = dot(differences.mean, direction)
        return .adding(direction.map { Float(length * $0) })
    }
}
