/// What a diffusion model's output stands for.
enum PredictionType: String, CaseIterable {
    /// The noise in the sample.
    case epsilon
    /// The velocity α·noise − σ·picture (Salimans & Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", 2022).
    case velocity = "v_prediction"
    /// The picture.
    case sample

    /// The picture as `sample · first + output · second`, for a sample that is picture · alpha + noise · sigma.
    func picture(alpha: Double, sigma: Double) -> (sample: Double, output: Double) {
        switch self {
        case .epsilon: (1 / alpha, -sigma / alpha)
        case .velocity: (alpha, -sigma)
        case .sample: (0, 1)
        }
    }

    /// The noise as `sample · first + output · second`, for a sample that is picture · alpha + noise · sigma.
    func noise(alpha: Double, sigma: Double) -> (sample: Double, output: Double) {
        switch self {
        case .epsilon: (0, 1)
        case .velocity: (sigma, alpha)
        case .sample: (1 / sigma, -alpha / sigma)
        }
    }
}
