import Foundation

/// The normal numbers that PyTorch's generator on the CPU gives for a seed, so that a seed means the same picture here and there.
///
/// PyTorch fills f32 tensors in two ways, and both are followed (`aten/src/ATen/native/cpu/DistributionTemplates.h` and
/// `aten/src/ATen/core/DistributionsHelper.h`):
/// - Of 16 numbers and more: blocks of eight pairs by the transformation of Box and Muller ("A note on the generation of random normal
///   deviates", 1958), in f32. Where the number is no multiple of 16, the last 16 are made anew.
/// - Of fewer: one pair at a time in f64, whose second half waits for the next number, even one of the next tensor.
///
/// The logarithm, sine and cosine are rounded otherwise than PyTorch's vectorised ones: numbers agree to 4e-6.
package struct TorchGenerator {
    private var engine: MersenneTwister
    private var waiting: Double?

    /// - Parameter seed: Its lower 32 bits count, as in PyTorch.
    package init(seed: UInt64) { engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed)) }

    /// What `torch.randn(count, generator=…)` gives next.
    package mutating func normals(_ count: Int) -> [Float] {
        guard count >= Self.block else { return (0..<count).map { _ in Float(nextNormal()) } }
        var numbers = (0..<count).map { _ in nextUniform() }
        for start in stride(from: 0, through: count - Self.block, by: Self.block) { Self.transform(&numbers, at: start) }
        if count % Self.block != 0 {
            for index in count - Self.block..<count { numbers[index] = nextUniform() }
            Self.transform(&numbers, at: count - Self.block)
        }
        return numbers
    }

    /// What `torch.randn([1, channels, height, width], generator=…)` gives next, in the order `[height, width, channels]`.
    package mutating func image(height: Int, width: Int, channels: Int) -> [Float] {
        let planes = normals(channels * height * width)
        let pixels = height * width
        return [Float](unsafeUninitializedCapacity: planes.count) { image, count in
            for channel in 0..<channels {
                for pixel in 0..<pixels { image[pixel * channels + channel] = planes[channel * pixels + pixel] }
            }
            count = planes.count
        }
    }

    private static let block = 16

    /// Uniform in [0, 1), of 24 bits.
    private mutating func nextUniform() -> Float { Float(engine.nextWord() & 0xFF_FFFF) * 0x1p-24 }

    /// Eight uniform pairs, half a block apart, to normal ones.
    private static func transform(_ numbers: inout [Float], at start: Int) {
        for index in start..<start + block / 2 {
            let radius = (-2 * log(1 - numbers[index])).squareRoot()
            let angle = 2 * Float.pi * numbers[index + block / 2]
            numbers[index] = radius * cos(angle)
            numbers[index + block / 2] = radius * sin(angle)
        }
    }

    private mutating func nextNormal() -> Double {
        if let normal = waiting {
            waiting = nil
            return normal
        }
        let turn = Double(engine.next() & (1 << 53 - 1)) * 0x1p-53
        let height = Double(engine.next() & (1 << 53 - 1)) * 0x1p-53
        let radius = (-2 * log1p(-height)).squareRoot()
        let angle = 2 * Double.pi * turn
        waiting = radius * sin(angle)
        return radius * cos(angle)
    }
}
