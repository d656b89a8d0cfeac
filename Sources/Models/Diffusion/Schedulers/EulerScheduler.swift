import Foundation

/// Euler's method over noise levels σ (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022,
/// algorithm 2 without added noise).
struct EulerScheduler: Scheduler {
    static let className = "EulerDiscreteScheduler"
    private let shared: SchedulerSettings
    private let table: NoiseTable
    private let isLogarithmic: Bool
    private let levels: SigmaSpacing?
    private let bounds: (lowest: Double?, highest: Double?)
    private let endsAtLowest: Bool
    private let isContinuous: Bool

    init(_ settings: SettingsReader) throws {
        shared = try SchedulerSettings(settings, usualSpacing: .linspace)
        table = shared.table.forSigmas
        switch try settings.string(ifPresent: "interpolation_type") ?? "linear" {
        case "linear": isLogarithmic = false
        case "log_linear": isLogarithmic = true
        case let other:
            throw ModelError.unsupportedSetting(
                key: "interpolation_type", value: "'\(other)'", meaning: "Monge knows linear and log_linear")
        }
        levels = try settings.sigmaSpacing()
        bounds = (
            try settings.number(ifPresent: "sigma_min", in: 1e-6...1e6).map(Double.init),
            try settings.number(ifPresent: "sigma_max", in: 1e-6...1e6).map(Double.init)
        )
        endsAtLowest = try settings.endsAtLowestSigma()
        switch try settings.string(ifPresent: "timestep_type") ?? "discrete" {
        case "discrete": isContinuous = false
        case "continuous":
            isContinuous = shared.prediction == .velocity
            if isContinuous, isLogarithmic, levels == nil {
                throw ModelError.invalidConfiguration(
                    "timestep_type continuous with interpolation_type log_linear has one timestep more than steps")
            }
        case let other:
            throw ModelError.unsupportedSetting(key: "timestep_type", value: "'\(other)'", meaning: "Monge knows discrete and continuous")
        }
    }

    var displayName: String {
        switch levels {
        case nil: "Euler"
        case .karras: "Euler Karras"
        case .exponential: "Euler Exponential"
        }
    }

    func plan(_ request: SamplingRequest) throws -> SamplingPlan {
        try request.check(limit: shared.trainingSteps)
        var (timesteps, sigmas) = try shared.timestepsAndSigmas(request.steps, table)
        if isLogarithmic {
            let ends = (log(Double(table.sigmas[table.count - 1])), log(Double(table.sigmas[0])))
            // One more than there are steps, as in diffusers: the last step ends at the lowest of them.
            sigmas = Numbers.linear(ends.0, ends.1, request.steps + 1).map { exp($0) }
        }
        if let levels {
            sigmas = levels.levels(
                from: bounds.highest ?? sigmas[0], to: bounds.lowest ?? sigmas[sigmas.count - 1], count: request.steps)
            let logarithms = table.sigmas.map { log($0) }
            timesteps = sigmas.map { SigmaSpacing.timestep(of: $0, logarithms: logarithms) }
        }
        sigmas.append(endsAtLowest ? Double(table.sigmas[0]) : 0)
        // What the steps compute with has been rounded.
        sigmas = sigmas.map { Double(Float($0)) }
        if isContinuous { timesteps = sigmas.prefix(request.steps).map { 0.25 * log($0) } }
        let steps = (request.skipping..<request.steps).map { index in
            let (sigma, next) = (sigmas[index], sigmas[index + 1])
            return EulerStep.step(shared.prediction, timestep: timesteps[index], sigma: sigma, down: next, up: 0)
        }
        return SamplingPlan(steps: steps, initialNoiseScale: shared.initialNoiseScale(sigmas))
    }
}

/// Euler's method with as much noise added after each step as makes it a step of the stochastic process (k-diffusion's "Euler ancestral").
struct EulerAncestralScheduler: Scheduler {
    static let className = "EulerAncestralDiscreteScheduler"
    let displayName = "Euler a"
    private let shared: SchedulerSettings
    private let table: NoiseTable

    init(_ settings: SettingsReader) throws {
        shared = try SchedulerSettings(settings, usualSpacing: .linspace, predictions: [.epsilon, .velocity])
        table = shared.table.forSigmas
    }

    func plan(_ request: SamplingRequest) throws -> SamplingPlan {
        try request.check(limit: shared.trainingSteps)
        let (timesteps, levels) = try shared.timestepsAndSigmas(request.steps, table)
        let sigmas = (levels + [0]).map { Double(Float($0)) }
        let steps = (request.skipping..<request.steps).map { index in
            let (sigma, next) = (sigmas[index], sigmas[index + 1])
            let up = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).squareRoot()
            let down = (next * next - up * up).squareRoot()
            return EulerStep.step(shared.prediction, timestep: timesteps[index], sigma: sigma, down: down, up: up)
        }
        return SamplingPlan(steps: steps, initialNoiseScale: shared.initialNoiseScale(sigmas))
    }
}

enum EulerStep {
    /// From noise level σ down to another, and up again by fresh noise: `sample + (sample − picture)/σ · (down − σ) + noise · up`.
    ///
    /// The sample is picture + σ·noise; the model sees it divided by √(σ² + 1).
    static func step(_ prediction: PredictionType, timestep: Double, sigma: Double, down: Double, up: Double) -> SamplingStep {
        let alpha = 1 / (sigma * sigma + 1).squareRoot()
        let picture = prediction.picture(alpha: alpha, sigma: sigma * alpha)
        return SamplingStep(
            timestep: timestep, inputScale: alpha, predictionOfSample: picture.sample * alpha, predictionOfOutput: picture.output,
            keepsPrediction: false, ofSample: down / sigma, ofPredictions: [1 - down / sigma], ofNoise: up, signal: 1, noiseLevel: sigma
        ).resolved()
    }
}

extension NoiseTable {
    /// For schedulers that divide by ᾱ: the last is next to zero where it would be zero.
    var forSigmas: NoiseTable { alphasCumulative[count - 1] == 0 ? withFiniteEnd() : self }
}

extension SchedulerSettings {
    /// Training steps, whole or not, and the noise levels there.
    func timestepsAndSigmas(_ count: Int, _ table: NoiseTable) throws -> (timesteps: [Double], sigmas: [Double]) {
        // NumPy rounds `linspace` to f32 here.
        let timesteps = spacing.timesteps(count, training: trainingSteps, offset: offset).map { Double(Float($0)) }
        _ = try checked(timesteps.map { Int($0) })
        let sigmas = table.sigmas
        return (timesteps, timesteps.map { Numbers.interpolate($0, in: sigmas) })
    }

    /// How strong the first sample's noise is, where it is picture + σ·noise.
    func initialNoiseScale(_ sigmas: [Double]) -> Double {
        let highest = sigmas.max()!
        return spacing == .leading ? (highest * highest + 1).squareRoot() : highest
    }
}

extension SettingsReader {
    /// `use_karras_sigmas` and its like.
    func sigmaSpacing() throws -> SigmaSpacing? {
        let karras = try bool(ifPresent: "use_karras_sigmas") ?? false
        let exponential = try bool(ifPresent: "use_exponential_sigmas") ?? false
        try refuse([.bool("use_beta_sigmas", false, "noise levels by a beta distribution")])
        guard !(karras && exponential) else {
            throw ModelError.invalidConfiguration("use_karras_sigmas and use_exponential_sigmas are both true")
        }
        return karras ? .karras : exponential ? .exponential : nil
    }

    /// `final_sigmas_type`: whether the last step ends at the lowest training step's noise level instead of none.
    func endsAtLowestSigma() throws -> Bool {
        switch try string(ifPresent: "final_sigmas_type") ?? "zero" {
        case "zero": return false
        case "sigma_min": return true
        case let other:
            throw ModelError.unsupportedSetting(key: "final_sigmas_type", value: "'\(other)'", meaning: "Monge knows zero and sigma_min")
        }
    }
}
