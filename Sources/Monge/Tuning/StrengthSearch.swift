import Foundation

/// Finds the largest strength whose cost stays within a budget, with as few measurements as may be.
///
/// Costs grow smoothly with the strength, nearly as a power of it: each step goes to where the power through the last two measurements meets the budget.
package struct StrengthSearch {
    /// The strength, and its cost as a share of the budget.
    package private(set) var best: (strength: Float, cost: Double)?
    private let maximum: Float
    private let steps: Int
    /// Near enough to the budget.
    private static let enough = 0.9

    /// - Parameter steps: The most measurements.
    package init(maximum: Float, steps: Int) {
        self.maximum = maximum
        self.steps = steps
    }

    /// - Parameters:
    ///   - start: Where to begin.
    ///   - cost: Of a strength, as a share of the budget: 1 uses it up. Infinite where the model breaks.
    /// - Returns: The largest strength found within the budget; nil where even small ones are too costly.
    package mutating func run(from start: Float, _ cost: (Float) throws -> Double) rethrows -> Float? {
        var tried: [(strength: Float, cost: Double)] = []
        var next = min(start, maximum)
        for _ in 0..<steps {
            let value = try cost(next)
            tried.append((next, value))
            if value <= 1, next > best?.strength ?? 0 { best = (next, value) }
            if value <= 1, value >= Self.enough || next == maximum { break }
            guard let proposal = Self.proposal(tried, maximum: maximum) else { break }
            next = proposal
        }
        return best?.strength
    }

    private static func proposal(_ tried: [(strength: Float, cost: Double)], maximum: Float) -> Float? {
        let below = tried.filter { $0.cost <= 1 }.max { $0.strength < $1.strength }
        let above = tried.filter { $0.cost > 1 }.min { $0.strength < $1.strength }
        // A little below the budget, so that the next measurement is likely to be within it.
        let aim = log(0.95)
        func meets(_ a: (strength: Float, cost: Double), _ power: Double) -> Float {
            Float(Double(a.strength) * exp((aim - log(a.cost)) / power))
        }
        let proposal: Float
        switch (below, above) {
        case (let below?, let above?):
            if above.cost.isFinite, below.cost > 0 {
                let power = (log(above.cost) - log(below.cost)) / log(Double(above.strength / below.strength))
                proposal = power > 0.1 ? meets(below, power) : (below.strength + above.strength) / 2
            } else {
                proposal = (below.strength + above.strength) / 2
            }
            let margin = (above.strength - below.strength) * 0.05
            let bounded = min(max(proposal, below.strength + margin), above.strength - margin)
            return bounded > below.strength * 1.01 ? bounded : nil
        case (let below?, nil):
            // Costs below zero: the maps help, or do nothing there.
            return min(below.cost > 0.01 ? max(meets(below, 2), below.strength * 1.1) : below.strength * 2, maximum)
        case (nil, let above?):
            guard above.cost.isFinite else { return above.strength / 4 }
            // The power between the last two, where there are two.
            let other = tried.filter { $0.strength > above.strength && $0.cost.isFinite }.min { $0.strength < $1.strength }
            let power = other.map { log($0.cost / above.cost) / log(Double($0.strength / above.strength)) } ?? 2
            return min(meets(above, max(power, 0.25)), above.strength * 0.8)
        case (nil, nil): return nil
        }
    }
}
