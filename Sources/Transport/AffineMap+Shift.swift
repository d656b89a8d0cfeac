extension AffineMap {
    /// The width of a neuron's support; nil where it has no two ends.
    package func supportWidth(_ neuron: Int) -> Double? {
        low[neuron].isFinite && high[neuron].isFinite ? Double(high[neuron]) - Double(low[neuron]) : nil
    }

    /// How far a neuron's map moves what it acts on: the mean of |T(x) − x| over the support, every x as likely as any other.
    /// - Returns: |β| without a slope; nil where the support has no two ends and the way depends on x.
    package func meanShift(_ neuron: Int) -> Double? {
        if leavesAlone(neuron) { return 0 }
        let (slope, offset) = (Double(omega[neuron]) - 1, Double(beta[neuron]))
        if slope == 0 { return abs(offset) }
        guard supportWidth(neuron) != nil else { return nil }
        // T(x) − x is straight from one end to the other: a trapezium, or two triangles where it crosses zero.
        let (a, b) = (slope * Double(low[neuron]) + offset, slope * Double(high[neuron]) + offset)
        return a * b >= 0 ? abs(a + b) / 2 : (a * a + b * b) / (2 * (abs(a) + abs(b)))
    }
}
