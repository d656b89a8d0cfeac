import CSimd

/// Count, mean, and sum of squares about the mean.
struct Moments {
    var count = 0.0
    var mean = 0.0
    var squares = 0.0

    /// Adds a set to another by what each has (Chan, Golub & LeVeque 1979).
    static func += (all: inout Moments, part: Moments) {
        let (count, difference) = (all.count + part.count, part.mean - all.mean)
        let share = part.count / count
        all.mean += difference * share
        all.squares += part.squares + difference * difference * all.count * share
        all.count = count
    }
}

/// The moments of each channel of each image.
struct ChannelMoments {
    /// `[images, channels]`
    private(set) var columns: [Moments]

    /// - Parameter x: `[images, pixels, channels]`.
    init(
        _ x: UnsafePointer<Float>, images: Int, pixels: Int, channels: Int, _ backend: CPUBackend, _ operation: String
    ) throws {
        columns = [Moments](repeating: Moments(), count: images * channels)
        // Whatever the number of threads, so that it does not change the result.
        let stretch = min(max(256, (pixels + 63) / 64), pixels)
        let stretches = (pixels + stretch - 1) / stretch
        let parts = images * stretches
        let means = try backend.stateScratch.take(2 * parts * channels, of: Float.self)
        let squares = means + parts * channels
        backend.workers.ranges(parts, cost: 2 * stretch * channels) { range, _ in
            for part in range {
                let first = part % stretches * stretch
                let start = (part / stretches * pixels + first) * channels
                backend.kernels.pointee.channel_moments(
                    x + start, min(stretch, pixels - first), channels, means + part * channels, squares + part * channels)
            }
        }
        for part in 0..<parts {
            let count = Double(min(stretch, pixels - part % stretches * stretch))
            for channel in 0..<channels {
                let place = part * channels + channel
                columns[part / stretches * channels + channel] +=
                    Moments(count: count, mean: Double(means[place]), squares: Double(squares[place]))
            }
        }
    }
}
