/// Bins of one width between a smallest and a largest number.
package struct Histogram {
    /// One more than there are bins.
    package let edges: [Double]

    /// - Parameters:
    ///   - low: The lower edge of the first bin.
    ///   - high: The upper edge of the last; where it is `low`, the bins lie half a unit to either side of it (as NumPy has it).
    package init(from low: Double, through high: Double, bins: Int) {
        let (low, high) = low == high ? (low - 0.5, high + 0.5) : (low, high)
        let width = (high - low) / Double(bins)
        edges = (0...bins).map { $0 == bins ? high : low + Double($0) * width }
    }

    /// How many numbers lie in each bin: from its lower edge on, below its upper edge, and at it in the last. What lies outside is left out.
    package func counts(_ values: some Sequence<Float>) -> [Int] {
        let (low, high, bins) = (edges[0], edges[edges.count - 1], edges.count - 1)
        var counts = [Int](repeating: 0, count: bins)
        for value in values.lazy.map(Double.init) where low <= value && value <= high {
            var bin = min(Int((value - low) / (high - low) * Double(bins)), bins - 1)
            // The quotient may round to the wrong side of an edge.
            if value < edges[bin] { bin -= 1 } else if bin < bins - 1 && value >= edges[bin + 1] { bin += 1 }
            counts[bin] += 1
        }
        return counts
    }
}
