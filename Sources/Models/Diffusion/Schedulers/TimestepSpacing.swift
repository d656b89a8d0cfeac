import Foundation

/// Which of a model's training steps are sampled (Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", 2023,
/// table 2).
enum TimestepSpacing: String, CaseIterable {
    /// From the last training step to the first, both included.
    case linspace
    /// Multiples of a step from 0 on: the last training step is left out.
    case leading
    /// Back from the last training step.
    case trailing

    /// The training steps, falling; whole numbers, but for ``linspace``, where they are rounded by those who want them so.
    /// - Parameters:
    ///   - training: The number of training steps.
    ///   - offset: Added to those of ``leading``.
    func timesteps(_ count: Int, training: Int, offset: Int) -> [Double] {
        switch self {
        case .linspace: Numbers.linear(0, Double(training - 1), count).reversed()
        case .leading: (0..<count).map { Double($0 * (training / count) + offset) }.reversed()
        case .trailing:
            Numbers.falling(from: Double(training), by: Double(training) / Double(count)).map { $0.rounded(.toNearestOrEven) - 1 }
        }
    }
}

/// Rows of numbers as NumPy makes them.
enum Numbers {
    /// `numpy.linspace`
    static func linear(_ start: Double, _ end: Double, _ count: Int) -> [Double] {
        guard count > 1 else { return [start] }
        let step = (end - start) / Double(count - 1)
        return (0..<count).map { $0 == count - 1 ? end : Double($0) * step + start }
    }

    /// `numpy.arange(start, 0, -step)`
    static func falling(from start: Double, by step: Double) -> [Double] {
        let difference = (start - step) - start
        return (0..<Int((start / step).rounded(.up))).map { start + Double($0) * difference }
    }

    /// `numpy.interp` at a place of a table, in whose range it is held.
    static func interpolate(_ place: Double, in table: [Float]) -> Double {
        let low = min(max(Int(place.rounded(.down)), 0), table.count - 1)
        guard low < table.count - 1, place > 0 else { return Double(table[low]) }
        let (first, second) = (Double(table[low]), Double(table[low + 1]))
        return (second - first) * (place - Double(low)) + first
    }
}
