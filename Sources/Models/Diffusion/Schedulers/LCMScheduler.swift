/// Latent consistency models: Luo et al., "Latent Consistency Models: Synthesizing High-Resolution Images with Few-Step Inference", 2023.
struct LCMScheduler: Scheduler {
    static let className = "LCMScheduler"
    let displayName = "LCM"
    private let shared: SchedulerSettings
    private let limit: Double
    private let originalSteps: Int
    private let timestepScaling: Double

    init(_ settings: SettingsReader) throws {
        shared = try SchedulerSettings(settings, usualSpacing: .leading)
        limit = try settings.clipping(usual: false)
        originalSteps = try settings.integer(ifPresent: "original_inference_steps", in: 1...shared.trainingSteps) ?? 50
        guard originalSteps <= shared.trainingSteps else {
            throw ModelError.invalidConfiguration(
                "original_inference_steps is \(originalSteps), more than the \(shared.trainingSteps) training steps")
        }
        timestepScaling = Double(try settings.number(ifPresent: "timestep_scaling", in: 0...1e6) ?? 10)
        // The next level is always that of a training step: the end has none.
        _ = try settings.bool(ifPresent: "set_alpha_to_one")
    }

    func plan(_ request: SamplingRequest) throws -> SamplingPlan {
        try request.check(limit: originalSteps)
        let distance = shared.trainingSteps / originalSteps
        let original = (1...originalSteps).map { $0 * distance - 1 }.reversed() as [Int]
        let share = Double(originalSteps) / Double(request.steps)
        let timesteps = (0..<request.steps).map { original[Int((Double($0) * share).rounded(.down))] }
        let steps = try timesteps.indices.dropFirst(request.skipping).map { index in
            let timestep = timesteps[index]
            let (alpha, sigma) = shared.table.levels(timestep)
            try shared.requireSignal(alpha, at: timestep)
            let isLast = index == timesteps.count - 1
            let next = isLast ? (alpha: 1, sigma: 0) : shared.table.levels(timesteps[index + 1])
            // The boundary condition of consistency, with σ_data = 0.5.
            let scaled = Double(timestep) * timestepScaling
            let skip = 0.25 / (scaled * scaled + 0.25)
            let out = scaled / (scaled * scaled + 0.25).squareRoot()
            let picture = shared.prediction.picture(alpha: alpha, sigma: sigma)
            return SamplingStep(
                timestep: Double(timestep), predictionOfSample: picture.sample, predictionOfOutput: picture.output, predictionLimit: limit,
                keepsPrediction: false, ofSample: next.alpha * skip, ofPredictions: [next.alpha * out], ofNoise: next.sigma,
                signal: alpha, noiseLevel: sigma
            ).resolved()
        }
        return SamplingPlan(steps: steps, initialNoiseScale: 1)
    }
}
