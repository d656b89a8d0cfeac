/// Maps that are made of others.
extension AffineMap {
    /// The map whose strength 1 is this one's strength s: ω′ = 1 + s·(ω − 1), β′ = s·β, on the same support.
    public func scaled(by strength: Float) -> AffineMap {
        var result = self
        for j in 0..<channels { result.scale(j, by: strength) }
        return result
    }

    /// The same of one neuron.
    mutating func scale(_ neuron: Int, by strength: Float) {
        omega[neuron] = 1 + strength * (omega[neuron] - 1)
        beta[neuron] *= strength
    }

    /// Whether a neuron's map is the identity wherever it acts.
    package func leavesAlone(_ neuron: Int) -> Bool { low[neuron] >= high[neuron] || omega[neuron] == 1 && beta[neuron] == 0 }

    private func actsEverywhere(_ neuron: Int) -> Bool { low[neuron] == -.infinity && high[neuron] == .infinity }

    /// This map and then another, as one, at strength 1 of both.
    ///
    /// - Returns: nil where no single affine map on one interval does that: both act, and one of them not everywhere.
    public func followed(by other: AffineMap) -> AffineMap? {
        precondition(channels == other.channels, "maps of one site")
        var result = self
        for j in 0..<channels {
            if other.leavesAlone(j) { continue }
            if leavesAlone(j) {
                (result.omega[j], result.beta[j]) = (other.omega[j], other.beta[j])
                (result.low[j], result.high[j]) = (other.low[j], other.high[j])
                continue
            }
            guard actsEverywhere(j), other.actsEverywhere(j) else { return nil }
            result.omega[j] = other.omega[j] * omega[j]
            result.beta[j] = Float(Double(other.omega[j]) * Double(beta[j]) + Double(other.beta[j]))
        }
        return result
    }
}
