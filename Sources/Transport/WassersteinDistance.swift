/// How far apart two samples of a real quantity are, each of equal weights.
///
/// On a line the optimal transport pairs equal quantiles (Villani, "Topics in Optimal Transportation", 2003, Theorem 2.18):
/// `Wₚᵖ = ∫₀¹ |F⁻¹(q) − G⁻¹(q)|ᵖ dq` with the step functions F⁻¹ and G⁻¹ of the two samples, which need not be of one size.
public struct WassersteinDistance: Sendable, Codable, Equatable {
    /// W₁, in the unit of the samples.
    public var first: Double
    /// W₂², in the square of that unit.
    public var secondSquared: Double

    public init(first: Double, secondSquared: Double) {
        self.first = first
        self.secondSquared = secondSquared
    }

    /// - Parameters:
    ///   - a: Ascending, at least one number.
    ///   - b: The same.
    public init(sorted a: [Float], _ b: [Float]) {
        precondition(!a.isEmpty && !b.isEmpty, "a distance is between samples that hold a number")
        (first, secondSquared) = a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in Self.integrals(a, b) }
        }
    }

    /// Both integrals, step by step. Levels are counted in units of 1/(n·m), so that steps of both samples end at whole numbers.
    private static func integrals(_ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>) -> (Double, Double) {
        var (i, j, level) = (0, 0, 0)
        var (first, second) = (0.0, 0.0)
        while i < a.count {
            let (endOfA, endOfB) = ((i + 1) * b.count, (j + 1) * a.count)
            let end = min(endOfA, endOfB)
            let distance = abs(Double(a[i]) - Double(b[j]))
            first += Double(end - level) * distance
            second += Double(end - level) * distance * distance
            level = end
            if end == endOfA { i += 1 }
            if end == endOfB { j += 1 }
        }
        let whole = Double(a.count) * Double(b.count)
        return (first / whole, second / whole)
    }
}
