/// The estimators whose map has a closed form per neuron.
public enum ColumnFit: String, Sendable, CaseIterable, Hashable {
    /// Least squares between the sorted sequences (Linear-AcT, Rodríguez et al. 2025, Definition 3.1, with the source sum of
    /// squares in the denominator): ω = Σ(a_(i) − m_a)(b_(i) − m_b) / Σ(a_(i) − m_a)², β = m_b − ω·m_a.
    case linear
    /// ω = 1, β = m_b − m_a.
    case mean
    /// ω = s_b / s_a, β = m_b − ω·m_a.
    case gaussian
}

/// A validated ``Backend/sortColumns(_:into:)``.
public struct SortColumnsOperation {
    /// `[n, C]` f32.
    public let x: Tensor
    /// `[n, C]` f32; never aliases x.
    public let output: Tensor
}

/// A validated ``Backend/fitColumns(source:target:method:into:)``.
public struct FitColumnsOperation {
    /// `[n, C]` f32, sorted.
    public let source: Tensor
    /// `[m, C]` f32, sorted.
    public let target: Tensor
    public let method: ColumnFit
    /// `[6, C]` f32.
    public let output: Tensor

    /// A neuron whose source (or, for gaussian, target) deviation is at most `max(deadDeviation, deadRatio · |mean|)` is dead:
    /// its spread is rounding noise and a slope fitted to it would be arbitrary.
    public static let deadDeviation: Float = 1e-4
    public static let deadRatio: Float = 1e-6
}

/// A validated ``Backend/quantileColumns(_:levels:into:)``.
public struct QuantileColumnsOperation {
    /// `[n, C]` f32, sorted.
    public let x: Tensor
    /// Each in 0 ... 1.
    public let levels: [Float]
    /// `[levels, C]` f32.
    public let output: Tensor
}

extension Backend {
    /// Each column in ascending order; NaN last.
    /// - Parameter x: `[n, C]` f32.
    /// - Returns: `[n, C]` f32.
    public func sortColumns(_ x: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "sortColumns"
        try Validation.requireType(x, .f32, "x", name)
        try Validation.require(x.shape.rank == 2, name, "x has shape \(x.shape), expected [samples, channels]")
        let result = try Validation.output(output, x.shape, .f32, self, name, reading: [.apart(x, "x")])
        if x.shape.count == 0 { return result }
        try sortColumns(SortColumnsOperation(x: x, output: result))
        return result
    }

    /// Fits one affine map a column between sorted samples.
    ///
    /// Sums are accumulated so that the result is as good as with Float64 (compensated where the device has none). With
    /// `n ≠ m`, linear pairs equal quantiles: order statistic i of max(n, m) stands at level i/(max(n, m) − 1), and the smaller
    /// set is interpolated linearly between its order statistics; the slope then centres each of the two paired sequences about its own
    /// mean. β and the reported means and deviations are always those of the samples themselves.
    /// Dead neurons get the identity (see ``FitColumnsOperation/deadDeviation``), except under `mean`.
    ///
    /// - Parameters:
    ///   - source: `[n, C]` f32, sorted per column, n ≥ 1.
    ///   - target: `[m, C]` f32, sorted per column, m ≥ 1.
    /// - Returns: `[6, C]` f32: ω, β, source mean, source deviation (unbiased; 0 for one sample), target mean, target deviation.
    public func fitColumns(source: Tensor, target: Tensor, method: ColumnFit, into output: Tensor? = nil) throws -> Tensor {
        let name = "fitColumns"
        try Validation.columns(source, target, name)
        let shape: Shape = [6, source.shape[1]]
        let result = try Validation.output(
            output, shape, .f32, self, name, reading: [.apart(source, "the source"), .apart(target, "the target")])
        if shape.count == 0 { return result }
        try fitColumns(FitColumnsOperation(source: source, target: target, method: method, output: result))
        return result
    }

    /// Quantiles of sorted columns with linear interpolation (NumPy's default, Hyndman & Fan type 7): level q stands at
    /// `(n − 1)·q` among the order statistics.
    ///
    /// - Parameters:
    ///   - x: `[n, C]` f32, sorted per column, n ≥ 1.
    ///   - levels: Each in 0 ... 1.
    /// - Returns: `[levels, C]` f32.
    public func quantileColumns(_ x: Tensor, levels: [Float], into output: Tensor? = nil) throws -> Tensor {
        let name = "quantileColumns"
        try Validation.requireType(x, .f32, "x", name)
        try Validation.require(
            x.shape.rank == 2 && x.shape[0] > 0, name, "x has shape \(x.shape), expected [samples, channels] with a sample")
        try Validation.requireOption(levels.allSatisfy { (0...1).contains($0) }, name, "levels \(levels), expected 0 ... 1")
        let shape: Shape = [levels.count, x.shape[1]]
        let result = try Validation.output(output, shape, .f32, self, name, reading: [.apart(x, "x")])
        if shape.count == 0 { return result }
        try quantileColumns(QuantileColumnsOperation(x: x, levels: levels, output: result))
        return result
    }
}
