/// One step of a sampler, as numbers: what the model is given, what is kept of its output, and how the next sample is put together.
///
/// Every solver here is linear in the sample, the model's output, the predictions it keeps, and fresh noise:
///
///     prediction = sample · predictionOfSample + output · predictionOfOutput, clamped to ± predictionLimit
///     next       = sample · ofSample + output · ofOutput + Σ predictions[k] · ofPredictions[k] + noise · ofNoise
///
/// with `predictions[0]` the one of this step, or the newest kept where this step's is not kept, and the older ones after it.
package struct SamplingStep: Sendable, Equatable {
    /// What the model is told of the time, in the units it was trained with (0 to 1000 for most).
    package var timestep: Double
    /// The model is given sample · inputScale.
    package var inputScale = 1.0

    package var predictionOfSample = 0.0
    package var predictionOfOutput = 1.0
    /// Infinite where nothing is clamped.
    package var predictionLimit = Double.infinity
    /// Whether later steps see this step's prediction.
    package var keepsPrediction = true

    package var ofSample: Double
    package var ofOutput = 0.0
    package var ofPredictions: [Double] = []
    package var ofNoise = 0.0
    /// Whether the step begins from the sample that the step before it began from.
    package var repeatsSample = false

    /// A picture is brought to this step's level of noise as picture · signal + noise · noiseLevel.
    package var signal = 1.0
    package var noiseLevel: Double

    /// The same step with this step's prediction resolved into sample and output, for a solver that keeps none.
    func resolved() -> SamplingStep {
        guard predictionLimit == .infinity, ofPredictions.count == 1 else { return self }
        var step = self
        step.ofSample += ofPredictions[0] * predictionOfSample
        step.ofOutput += ofPredictions[0] * predictionOfOutput
        step.ofPredictions = []
        step.keepsPrediction = false
        return step
    }
}

/// All steps of a sampler.
package struct SamplingPlan: Sendable, Equatable {
    package var steps: [SamplingStep]
    /// The first sample is noise · initialNoiseScale, where sampling begins from noise alone.
    package var initialNoiseScale: Double
}
