import Foundations

/// The direction in which vectors reach furthest from the origin: the unit eigenvector of the largest eigenvalue of DᵀD.
///
/// By Lanczos steps with full reorthogonalisation (Golub & Van Loan, "Matrix computations", chapter 10), which need products with D alone.
package enum PrincipalDirection {
    /// Steps that bring the leading eigenvector to rounding where the next eigenvalue is a few percent smaller.
    private static let maximumSteps = 160

    /// - Parameter vectors: The rows of D.
    /// - Returns: The direction, or zeros when all rows are zero. Its sign is arbitrary.
    package static func of(_ vectors: Samples) -> [Double] {
        let channels = vectors.channels
        // What lies across all rows is one dimension more.
        let steps = min(channels, vectors.count + 1, maximumSteps)
        var random = SeededGenerator(seed: 0)
        // The mean may lie across the direction, a random vector does not.
        var current = zip(vectors.mean.normalised, 0..<channels).map { mean, _ in
            mean + Double.random(in: -1...1, using: &random) / Double(channels).squareRoot() / 4
        }.normalised
        var basis: [[Double]] = []
        var diagonal: [Double] = []
        var offDiagonal: [Double] = []
        for _ in 0..<steps {
            basis.append(current)
            var next = product(vectors, current)
            diagonal.append(dot(next, current))
            // Twice is enough (Parlett).
            for _ in 0..<2 { for vector in basis { next.add(vector, times: -dot(next, vector)) } }
            let norm = next.norm
            guard norm > 1e-13 * (diagonal.map(abs).max() ?? 0) else { break }
            offDiagonal.append(norm)
            current = next.map { $0 / norm }
        }
        guard diagonal.contains(where: { $0 > 0 }) else { return [Double](repeating: 0, count: channels) }
        let weights = leadingEigenvector(diagonal: diagonal, offDiagonal: Array(offDiagonal.prefix(diagonal.count - 1)))
        var direction = [Double](repeating: 0, count: channels)
        for (vector, weight) in zip(basis, weights) { direction.add(vector, times: weight) }
        return direction.normalised
    }

    /// DᵀD·x.
    private static func product(_ vectors: Samples, _ x: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: x.count)
        result.withUnsafeMutableBufferPointer { result in
            vectors.forEach { _, row in
                let factor = dot(row, x)
                for j in row.indices { result[j] += factor * row[j] }
            }
        }
        return result
    }

    /// Of a symmetric tridiagonal matrix: the largest eigenvalue by bisection on the signs of the pivots of T − λ (Sturm), its vector by
    /// inverse iteration.
    private static func leadingEigenvector(diagonal: [Double], offDiagonal: [Double]) -> [Double] {
        let count = diagonal.count
        func beside(_ index: Int) -> Double { index >= 0 && index < offDiagonal.count ? offDiagonal[index] : 0 }
        /// Whether all eigenvalues lie below λ.
        func isAbove(_ λ: Double) -> Bool {
            var pivot = diagonal[0] - λ
            for index in 1..<max(count, 1) where count > 1 {
                if pivot >= 0 { return false }
                pivot = diagonal[index] - λ - beside(index - 1) * beside(index - 1) / pivot
            }
            return pivot < 0
        }
        var high = (0..<count).map { diagonal[$0] + abs(beside($0 - 1)) + abs(beside($0)) }.max()!
        high += abs(high) * 1e-12 + .leastNormalMagnitude
        var low = diagonal.max()!
        for _ in 0..<200 {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { break }
            if isAbove(middle) { high = middle } else { low = middle }
        }
        // T − λ from above is negative definite: elimination needs no pivoting.
        let shift = high + abs(high) * 1e-14
        var vector = [Double](repeating: 1, count: count)
        for _ in 0..<4 {
            var pivots = [diagonal[0] - shift]
            for index in 1..<max(count, 1) where count > 1 {
                let factor = beside(index - 1) / pivots[index - 1]
                pivots.append(diagonal[index] - shift - factor * beside(index - 1))
                vector[index] -= factor * vector[index - 1]
            }
            for index in stride(from: count - 1, through: 0, by: -1) {
                let after = index + 1 < count ? beside(index) * vector[index + 1] : 0
                vector[index] = (vector[index] - after) / (pivots[index] == 0 ? -.leastNormalMagnitude : pivots[index])
            }
            vector = vector.normalised
        }
        return vector
    }
}
