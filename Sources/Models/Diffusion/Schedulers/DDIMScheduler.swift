/// Song et al., "Denoising Diffusion Implicit Models", 2021.
struct DDIMScheduler: Scheduler {
    static let className = "DDIMScheduler"
    let displayName = "DDIM"
    private let shared: SchedulerSettings
    private let limit: Double
    /// ᾱ of the picture at the end.
    private let finalAlpha: Double

    init(_ settings: SettingsReader) throws {
        shared = try SchedulerSettings(settings, usualSpacing: .leading)
        limit = try settings.clipping(usual: true)
        finalAlpha = try settings.bool(ifPresent: "set_alpha_to_one") ?? true ? 1 : Double(shared.table.alphasCumulative[0])
    }

    func plan(_ request: SamplingRequest) throws -> SamplingPlan {
        try request.check(limit: shared.trainingSteps)
        let distance = shared.trainingSteps / request.steps
        let steps = try shared.wholeTimesteps(request.steps).dropFirst(request.skipping).map { timestep in
            let alphaCumulative = Double(shared.table.alphasCumulative[timestep])
            let nextAlphaCumulative = timestep >= distance ? Double(shared.table.alphasCumulative[timestep - distance]) : finalAlpha
            let (alpha, sigma) = NoiseTable.levels(alphaCumulative)
            try shared.requireSignal(alpha, at: timestep)
            // Equation 16: the part of the noise that is fresh.
            let variance = (1 - nextAlphaCumulative) / (1 - alphaCumulative) * (1 - alphaCumulative / nextAlphaCumulative)
            let fresh = request.eta * max(variance, 0).squareRoot()
            let kept = max(1 - nextAlphaCumulative - fresh * fresh, 0).squareRoot()
            let picture = shared.prediction.picture(alpha: alpha, sigma: sigma)
            let noise = shared.prediction.noise(alpha: alpha, sigma: sigma)
            return SamplingStep(
                timestep: Double(timestep), predictionOfSample: picture.sample, predictionOfOutput: picture.output, predictionLimit: limit,
                keepsPrediction: false, ofSample: kept * noise.sample, ofOutput: kept * noise.output,
                ofPredictions: [nextAlphaCumulative.squareRoot()], ofNoise: fresh, signal: alpha, noiseLevel: sigma
            ).resolved()
        }
        return SamplingPlan(steps: steps, initialNoiseScale: 1)
    }
}

extension SchedulerSettings {
    /// Refuses to find a picture in noise alone by its noise.
    func requireSignal(_ alpha: Double, at timestep: Int) throws {
        guard alpha == 0, prediction == .epsilon else { return }
        throw ModelError.invalidConfiguration(
            "the scheduler's first training step (\(timestep)) is noise alone (rescale_betas_zero_snr), in which a model that predicts "
                + "the noise (prediction_type epsilon) can show no picture")
    }
}

extension SettingsReader {
    /// How far predicted pictures may reach: `clip_sample` and `clip_sample_range`. `thresholding` is refused.
    func clipping(usual: Bool) throws -> Double {
        let clips = try bool(ifPresent: "clip_sample") ?? usual
        let range = try number(ifPresent: "clip_sample_range", in: 1e-6...1e6) ?? 1
        try refuseThresholding()
        return clips ? Double(range) : .infinity
    }

    func refuseThresholding() throws {
        try refuse([.bool("thresholding", false, "dynamic thresholding is not meant for models of latents")])
    }
}
