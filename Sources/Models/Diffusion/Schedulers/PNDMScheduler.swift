/// Pseudo linear multistep: Liu et al., "Pseudo Numerical Methods for Diffusion Models on Manifolds", 2022, started by one step that is
/// made twice, instead of by Runge-Kutta's method. The scheduler that Stable Diffusion 1's folders name.
struct PNDMScheduler: Scheduler {
    static let className = "PNDMScheduler"
    let displayName = "PLMS"
    private let shared: SchedulerSettings
    private let finalAlpha: Double

    init(_ settings: SettingsReader) throws {
        settings.ignore(["rescale_betas_zero_snr"])
        guard try settings.bool(ifPresent: "skip_prk_steps") ?? false else {
            throw ModelError.unsupportedSetting(
                key: "skip_prk_steps", value: "false",
                meaning: "a start by Runge-Kutta's method; choose another scheduler (--scheduler ddim, for example)")
        }
        shared = try SchedulerSettings(settings, usualSpacing: .leading, predictions: [.epsilon, .velocity])
        finalAlpha = try settings.bool(ifPresent: "set_alpha_to_one") ?? false ? 1 : Double(shared.table.alphasCumulative[0])
    }

    func plan(_ request: SamplingRequest) throws -> SamplingPlan {
        try request.check(limit: shared.trainingSteps)
        let distance = shared.trainingSteps / request.steps
        var timesteps = try shared.wholeTimesteps(request.steps)
        // The second is made twice.
        if timesteps.count > 1 { timesteps.insert(timesteps[1], at: 1) }
        let remaining = Array(timesteps.dropFirst(request.skipping))
        let steps = remaining.enumerated().map { index, timestep in
            let isRepetition = index == 1
            let from = isRepetition ? timestep + distance : timestep
            return step(
                timestep: timestep, from: min(from, shared.trainingSteps - 1), to: from - distance, isRepetition: isRepetition,
                shares: Self.shares[min(index, Self.shares.count - 1)])
        }
        return SamplingPlan(steps: steps, initialNoiseScale: 1)
    }

    /// How much the newest outputs count: those of the Adams-Bashforth methods, but for the repetition, which takes the mean.
    private static let shares: [[Double]] = [
        [1], [1 / 2, 1 / 2], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24],
    ]

    /// Equation 9 of the paper.
    private func step(timestep: Int, from: Int, to: Int, isRepetition: Bool, shares: [Double]) -> SamplingStep {
        let alphaCumulative = Double(shared.table.alphasCumulative[from])
        let nextAlphaCumulative = to >= 0 ? Double(shared.table.alphasCumulative[to]) : finalAlpha
        let (alpha, sigma) = NoiseTable.levels(alphaCumulative)
        let ofNoise =
            -(nextAlphaCumulative - alphaCumulative)
            / (alphaCumulative * (1 - nextAlphaCumulative).squareRoot()
                + (alphaCumulative * (1 - alphaCumulative) * nextAlphaCumulative).squareRoot())
        let noise = shared.prediction.noise(alpha: alpha, sigma: sigma)
        let levels = shared.table.levels(timestep)
        return SamplingStep(
            timestep: Double(timestep), keepsPrediction: !isRepetition,
            ofSample: (nextAlphaCumulative / alphaCumulative).squareRoot() + ofNoise * noise.sample,
            ofPredictions: shares.map { $0 * ofNoise * noise.output }, repeatsSample: isRepetition, signal: levels.alpha,
            noiseLevel: levels.sigma)
    }
}
