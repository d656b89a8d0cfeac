/// Minimises a smooth convex function by quasi-Newton steps that remember the last few (Liu & Nocedal, "On the limited memory BFGS method for
/// large scale optimization", 1989).
enum LBFGS {
    private static let memory = 12
    private static let maximumSteps = 1000
    /// Relative to the gradient at the start: what rounding of sums of some thousand terms leaves is well below.
    private static let tolerance = 1e-9

    /// - Parameters:
    ///   - start: Where to begin.
    ///   - function: Gives the value and writes the gradient.
    static func minimise(from start: [Double], _ function: (_ x: [Double], _ gradient: inout [Double]) -> Double) -> [Double] {
        var x = start
        var gradient = [Double](repeating: 0, count: x.count)
        var value = function(x, &gradient)
        let target = tolerance * max(gradient.norm, .leastNormalMagnitude)
        var history: [(step: [Double], change: [Double], curvature: Double)] = []
        for _ in 0..<maximumSteps where gradient.norm > target {
            var direction = Self.direction(gradient, history)
            var slope = dot(direction, gradient)
            if slope >= 0 {
                history = []
                direction = gradient.map(-)
                slope = -dot(gradient, gradient)
            }
            // Without history nothing is known of the scale.
            var length = history.isEmpty ? min(1, 1 / gradient.norm) : 1
            var next = x
            var nextGradient = gradient
            var nextValue = value
            var isBetter = false
            for _ in 0..<60 {
                next = x
                next.add(direction, times: length)
                nextValue = function(next, &nextGradient)
                if nextValue <= value + 1e-4 * length * slope {
                    isBetter = true
                    break
                }
                length /= 2
            }
            // No step of any length is better: as far as rounding lets one come.
            guard isBetter else { break }
            let step = zip(next, x).map { $0 - $1 }
            let change = zip(nextGradient, gradient).map { $0 - $1 }
            let curvature = dot(step, change)
            if curvature > 1e-14 * step.norm * change.norm {
                history.append((step, change, curvature))
                if history.count > memory { history.removeFirst() }
            }
            (x, value, gradient) = (next, nextValue, nextGradient)
        }
        return x
    }

    /// −H·gradient by the two loops of the method.
    private static func direction(
        _ gradient: [Double], _ history: [(step: [Double], change: [Double], curvature: Double)]
    ) -> [Double] {
        var q = gradient
        var weights: [Double] = []
        for entry in history.reversed() {
            let weight = dot(entry.step, q) / entry.curvature
            q.add(entry.change, times: -weight)
            weights.append(weight)
        }
        if let last = history.last {
            let scale = last.curvature / dot(last.change, last.change)
            q = q.map { $0 * scale }
        }
        for (entry, weight) in zip(history, weights.reversed()) {
            q.add(entry.step, times: weight - dot(entry.change, q) / entry.curvature)
        }
        return q.map(-)
    }
}
