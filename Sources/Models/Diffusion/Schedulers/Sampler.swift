import Tensors

/// Carries out a ``SamplingPlan`` on a device: keeps the predictions that later steps need.
///
/// Samples, outputs and noise have one shape, with the pictures along the first axis. The sample is f32.
package final class Sampler {
    package let plan: SamplingPlan
    private let backend: any Backend
    /// The newest first.
    private var predictions: [Tensor] = []
    private var previousSample: Tensor?
    private var index = 0

    package init(_ plan: SamplingPlan, on backend: any Backend) {
        self.plan = plan
        self.backend = backend
    }

    /// The step to be done next; nil when all are done.
    package var step: SamplingStep? { index < plan.steps.count ? plan.steps[index] : nil }

    /// What the model is given for the next step.
    package func modelInput(_ sample: Tensor, as dtype: DType = .f32) throws -> Tensor {
        let step = plan.steps[index]
        if step.inputScale == 1, dtype == sample.dtype { return sample }
        return try backend.scale(sample, by: Float(step.inputScale), as: dtype)
    }

    /// Does the next step.
    /// - Parameters:
    ///   - output: What the model made of ``modelInput(_:as:)``.
    ///   - noise: Fresh noise, asked for where the step adds any.
    /// - Returns: The next sample.
    package func advance(_ sample: Tensor, output: Tensor, noise: () throws -> Tensor) throws -> Tensor {
        let step = plan.steps[index]
        let start = step.repeatsSample ? previousSample ?? sample : sample
        var seen = predictions
        if step.keepsPrediction || !step.ofPredictions.isEmpty {
            var prediction = try sum([(start, step.predictionOfSample), (output, step.predictionOfOutput)])
            if step.predictionLimit < .infinity {
                let limit = Float(step.predictionLimit)
                prediction = try backend.clamp(prediction, from: -limit, to: limit)
            }
            seen.insert(prediction, at: 0)
        }
        var terms = [(start, step.ofSample), (output, step.ofOutput)]
        terms += zip(seen, step.ofPredictions).map { ($0, $1) }
        if step.ofNoise != 0 { terms.append((try noise(), step.ofNoise)) }
        let next = try sum(terms)
        if step.keepsPrediction {
            // No later step sees more than the longest asks for.
            let longest = plan.steps[index...].map(\.ofPredictions.count).max() ?? 0
            predictions = Array(seen.prefix(max(longest - 1, 0)))
        }
        previousSample = start
        index += 1
        return next
    }

    /// A picture, or its latents, at the noise level of the first step.
    package func start(from picture: Tensor, noise: Tensor) throws -> Tensor {
        let step = plan.steps[0]
        return try sum([(picture, step.signal), (noise, step.noiseLevel)])
    }

    /// Σ tensor · factor in f32; tensors whose factor is 0 play no part, even if they are not finite.
    private func sum(_ terms: [(tensor: Tensor, factor: Double)]) throws -> Tensor {
        let terms = terms.filter { $0.factor != 0 }
        guard let first = terms.first else { return try backend.scale(terms[0].tensor, by: 0, as: .f32) }
        var total = first.factor == 1 && first.tensor.dtype == .f32 ? first.tensor : nil
        for (tensor, factor) in total == nil ? terms[...] : terms.dropFirst() {
            let scaled = try backend.scale(tensor, by: Float(factor), as: .f32)
            total = try total.map { try backend.add($0, scaled, into: scaled) } ?? scaled
        }
        return total!
    }
}
