import Foundation

/// The cumulative products ᾱ of 1 − β of a model's training steps, and what follows from them.
///
/// They are computed in f32 as PyTorch does, so that a sample is the same here and there: a table of a thousand products would differ
/// by more than the rounding of a sample.
struct NoiseTable: Sendable {
    /// ᾱ by training step; falls from nearly 1.
    let alphasCumulative: [Float]

    var count: Int { alphasCumulative.count }

    /// How β grows over training.
    enum Betas: Sendable {
        case linear(from: Double, to: Double)
        /// The square roots grow linearly (latent diffusion).
        case scaledLinear(from: Double, to: Double)
        /// ᾱ falls as a squared cosine (Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021).
        case squaredCosine
        case listed([Float])
    }

    init(_ betas: Betas, count: Int, zeroTerminal: Bool) {
        var betas = Self.values(betas, count: count)
        if zeroTerminal { betas = Self.rescaledToZero(betas) }
        alphasCumulative = Self.cumulativeProducts(betas.map { 1 - $0 })
    }

    private init(alphasCumulative: [Float]) { self.alphasCumulative = alphasCumulative }

    /// The same table whose last ᾱ is not zero but next to it, so that its noise level in relation to the signal is a number.
    func withFiniteEnd() -> NoiseTable { NoiseTable(alphasCumulative: alphasCumulative.dropLast() + [0x1p-24]) }

    /// The standard deviation of the noise in relation to the signal, √((1 − ᾱ)/ᾱ), by training step.
    var sigmas: [Float] { alphasCumulative.map { ((1 - $0) / $0).squareRoot() } }

    /// α and σ of a sample α·picture + σ·noise at a training step.
    func levels(_ step: Int) -> (alpha: Double, sigma: Double) { Self.levels(Double(alphasCumulative[step])) }

    static func levels(_ alphaCumulative: Double) -> (alpha: Double, sigma: Double) {
        (alphaCumulative.squareRoot(), (1 - alphaCumulative).squareRoot())
    }

    private static func values(_ betas: Betas, count: Int) -> [Float] {
        switch betas {
        case .linear(let start, let end): linear(Float(start), Float(end), count)
        case .scaledLinear(let start, let end): linear(Float(start.squareRoot()), Float(end.squareRoot()), count).map { $0 * $0 }
        case .squaredCosine:
            (0..<count).map { step in
                func cosine(_ time: Double) -> Double {
                    let value = cos((time + 0.008) / 1.008 * Double.pi / 2)
                    return value * value
                }
                return Float(min(1 - cosine(Double(step + 1) / Double(count)) / cosine(Double(step) / Double(count)), 0.999))
            }
        case .listed(let values): values
        }
    }

    /// `torch.linspace`: from both ends to the middle.
    private static func linear(_ start: Float, _ end: Float, _ count: Int) -> [Float] {
        guard count > 1 else { return [start] }
        let step = (end - start) / Float(count - 1)
        return (0..<count).map { $0 < count / 2 ? start + step * Float($0) : end - step * Float(count - 1 - $0) }
    }

    /// `torch.cumprod`, which keeps the product in f64.
    private static func cumulativeProducts(_ factors: [Float]) -> [Float] {
        var product = 1.0
        return factors.map {
            product *= Double($0)
            return Float(product)
        }
    }

    /// Moves and stretches √ᾱ so that the last training step is noise alone (Lin et al., "Common Diffusion Noise Schedules and Sample
    /// Steps are Flawed", 2023, algorithm 1).
    private static func rescaledToZero(_ betas: [Float]) -> [Float] {
        let roots = cumulativeProducts(betas.map { 1 - $0 }).map { $0.squareRoot() }
        let (first, last) = (roots[0], roots[roots.count - 1])
        let stretch = first / (first - last)
        let squares = roots.map { (root: Float) in ((root - last) * stretch) * ((root - last) * stretch) }
        return squares.indices.map { 1 - ($0 == 0 ? squares[0] : squares[$0] / squares[$0 - 1]) }
    }
}
