import Foundation

/// Euler's method along the straight paths of flow matching (Lipman et al., "Flow Matching for Generative Modeling", 2023; Esser et al.,
/// "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis", 2024): a sample is (1 − σ)·picture + σ·noise, and the model
/// predicts noise − picture.
struct FlowMatchEulerScheduler: Scheduler {
    static let className = "FlowMatchEulerDiscreteScheduler"
    let displayName = "Euler"
    private let trainingSteps: Int
    private let shift: Shift
    private let terminal: Double?
    private let levels: SigmaSpacing?
    private let isStochastic: Bool

    /// How noise levels are moved towards noise: larger pictures need more of it.
    private enum Shift {
        case fixed(Double)
        /// By the number of the image's tokens.
        case dynamic(base: Double, maximum: Double, tokens: ClosedRange<Double>, isExponential: Bool)
    }

    init(_ settings: SettingsReader) throws {
        trainingSteps = try settings.integer(ifPresent: "num_train_timesteps", in: 2...100_000) ?? 1000
        let factor = Double(try settings.number(ifPresent: "shift", in: 1e-3...1e3) ?? 1)
        let base = Double(try settings.number(ifPresent: "base_shift", in: -100...100) ?? 0.5)
        let maximum = Double(try settings.number(ifPresent: "max_shift", in: -100...100) ?? 1.15)
        let fewest = try settings.integer(ifPresent: "base_image_seq_len", in: 1...1 << 24) ?? 256
        let most = try settings.integer(ifPresent: "max_image_seq_len", in: 1...1 << 24) ?? 4096
        let type = try settings.string(ifPresent: "time_shift_type") ?? "exponential"
        guard ["exponential", "linear"].contains(type) else {
            throw ModelError.unsupportedSetting(key: "time_shift_type", value: "'\(type)'", meaning: "Monge knows exponential and linear")
        }
        if try settings.bool(ifPresent: "use_dynamic_shifting") ?? false {
            guard fewest < most else {
                throw ModelError.invalidConfiguration("base_image_seq_len is \(fewest), max_image_seq_len \(most): it must be more")
            }
            shift = .dynamic(
                base: base, maximum: maximum, tokens: Double(fewest)...Double(most), isExponential: type == "exponential")
        } else {
            shift = .fixed(factor)
        }
        terminal = try settings.number(ifPresent: "shift_terminal", in: 0...0.999).flatMap { $0 == 0 ? nil : Double($0) }
        levels = try settings.sigmaSpacing()
        isStochastic = try settings.bool(ifPresent: "stochastic_sampling") ?? false
        try settings.refuse([.bool("invert_sigmas", false, "noise levels that rise")])
    }

    func plan(_ request: SamplingRequest) throws -> SamplingPlan {
        try request.check(limit: trainingSteps)
        var sigmas = try startingSigmas(request).map { try shifted($0, imageTokens: request.imageTokens) }
        if let terminal, let last = sigmas.last {
            let stretch = (1 - last) / (1 - terminal)
            sigmas = sigmas.map { 1 - (1 - $0) / stretch }
        }
        if let levels { sigmas = levels.levels(from: sigmas[0], to: sigmas[sigmas.count - 1], count: sigmas.count) }
        sigmas = (sigmas + [0]).map { Double(Float($0)) }
        let steps = (request.skipping..<request.steps).map { index in
            let (sigma, next) = (sigmas[index], sigmas[index + 1])
            let timestep = Double(Float(sigma) * Float(trainingSteps))
            if isStochastic {
                return SamplingStep(
                    timestep: timestep, keepsPrediction: false, ofSample: 1 - next, ofOutput: -(1 - next) * sigma, ofNoise: next,
                    signal: 1 - sigma, noiseLevel: sigma)
            }
            return SamplingStep(
                timestep: timestep, keepsPrediction: false, ofSample: 1, ofOutput: next - sigma, signal: 1 - sigma, noiseLevel: sigma)
        }
        return SamplingPlan(steps: steps, initialNoiseScale: 1)
    }

    /// The noise levels before they are shifted.
    private func startingSigmas(_ request: SamplingRequest) throws -> [Double] {
        if request.evenNoiseLevels {
            return Numbers.linear(1, 1 / Double(request.steps), request.steps).map { Double(Float($0)) }
        }
        // The ends of the training's noise levels, which are shifted already where the shift is fixed, as in diffusers.
        var (lowest, highest) = (1 / Double(trainingSteps), 1.0)
        if case .fixed = shift {
            lowest = Double(Float(try shifted(lowest, imageTokens: nil)))
            highest = Double(Float(try shifted(highest, imageTokens: nil)))
        }
        let count = Double(trainingSteps)
        return Numbers.linear(highest * count, lowest * count, request.steps).map { $0 / count }
    }

    private func shifted(_ sigma: Double, imageTokens: Int?) throws -> Double {
        switch shift {
        case .fixed(let factor): return factor * sigma / (1 + (factor - 1) * sigma)
        case .dynamic(let base, let maximum, let tokens, let isExponential):
            guard let imageTokens else {
                throw ModelError.invalidConfiguration(
                    "the scheduler moves its noise levels by the image's tokens (use_dynamic_shifting), which this model has none of")
            }
            let slope = (maximum - base) / (tokens.upperBound - tokens.lowerBound)
            let amount = Double(imageTokens) * slope + (base - slope * tokens.lowerBound)
            let factor = isExponential ? exp(amount) : amount
            guard factor > 0 else {
                throw ModelError.invalidConfiguration("the scheduler's shift for \(imageTokens) tokens is \(factor), expected more than 0")
            }
            return factor / (factor + (1 / sigma - 1))
        }
    }
}
