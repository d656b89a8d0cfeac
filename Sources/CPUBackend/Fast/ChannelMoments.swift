import CSimd
import Tensors

/// Count, mean, and sum of squares about the mean.
struct Moments {
    var count = 0.0
    var mean = 0.0
    var squares = 0.0

    /// Adds a set to another by what each has (Chan, Golub & LeVeque 1979).
    static func += (all: inout Moments, part: Moments) {
        all.add(part, share: part.count / (all.count + part.count))
    }

    /// - Parameter share: The part's of the count of both.
    mutating func add(_ part: Moments, share: Double) {
        let difference = part.mean - mean
        mean += difference * share
        squares += part.squares + difference * difference * count * share
        count += part.count
    }
}

/// The moments of each channel of each image.
struct ChannelMoments {
    /// `[images, channels]`
    private(set) var columns: [Moments]

    /// - Parameter x: `[images, …, channels]`, f32 or f16.
    init(_ x: Tensor, images: Int, _ backend: CPUBackend, _ operation: String) throws {
        let (pixels, channels) = (x.shape.rows / images, x.shape.channels)
        let (isHalf, start) = (x.dtype == .f16, try x.hostPointer(operation))
        let rowBytes = channels * x.dtype.blockBytes
        // Whatever the number of threads, so that it does not change the result.
        let stretch = min(max(256, (pixels + 63) / 64), pixels)
        let stretches = (pixels + stretch - 1) / stretch
        let parts = images * stretches
        let means = try backend.stateScratch.take(2 * parts * channels, of: Float.self)
        let squares = means + parts * channels
        backend.workers.ranges(parts, cost: 2 * stretch * channels) { range, _ in
            for part in range {
                let first = part % stretches * stretch
                let row = part / stretches * pixels + first
                backend.kernels.pointee.channel_moments(
                    start + row * rowBytes, isHalf, min(stretch, pixels - first), channels, means + part * channels,
                    squares + part * channels)
            }
        }
        columns = [Moments](repeating: Moments(), count: images * channels)
        columns.withUnsafeMutableBufferPointer { columns in
            for part in 0..<parts {
                let first = part % stretches * stretch
                let count = min(stretch, pixels - first)
                let share = Double(count) / Double(first + count)
                let image = part / stretches * channels
                for channel in 0..<channels {
                    let place = part * channels + channel
                    columns[image + channel].add(
                        Moments(count: Double(count), mean: Double(means[place]), squares: Double(squares[place])), share: share)
                }
            }
        }
    }
}
