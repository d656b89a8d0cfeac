import Models
import Tensors
import Transport

extension PictureModel {
    /// Fits transport maps from source captions to target captions at chosen sites (Rodríguez et al. 2025, section 4.3).
    ///
    /// Activations are captured in one step of denoising from fresh noise, at the first timestep of the schedule, for the captions alone:
    /// without the half that guidance adds. Caption i of either side has the noise of seed + i. `causal` estimation fits each site with
    /// the maps of all earlier ones in place, for source and target alike, in one pass.
    ///
    /// - Parameters:
    ///   - source: Captions of pictures as the model would draw them.
    ///   - target: Captions of pictures as it should.
    ///   - sites: Regular expressions that match site names in full.
    ///   - drawing: The steps, the scheduler and the size that pictures will have.
    ///   - warn: Receives a sentence for each thing that is likely to hurt the result.
    ///   - notice: Receives a sentence on how a budget of memory is kept, and what that costs.
    /// - Throws: ``MongeError`` for empty data, a pattern without a match, a budget of memory that nothing fits into, or activations
    ///   that are not finite.
    public func fit(
        source: [String], target: [String], sites patterns: [String], options: FitOptions = FitOptions(spatial: .channelMean),
        drawing: PictureOptions = PictureOptions(), progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in },
        notice: (String) -> Void = { _ in }
    ) throws -> TransportMap {
        try options.validate(pooling: options.capture.pooling.rawValue)
        guard options.position == .all else {
            throw MongeError.usage("a map for the last position only is one of texts; pictures have none")
        }
        let sites = try SiteSelection.sites(of: diffusion, matching: patterns)
        let source = Calibration.sample(source, limit: options.limit, seed: options.seed)
        let target = Calibration.sample(target, limit: options.limit, seed: options.seed &+ 1)
        try Calibration.check(source: source, target: target, sites: sites, options: options, unit: "captions", warn: warn)
        prompts.reportCuts(source + target, warn: warn)
        let sides = try [("source caption", source), ("target caption", target)].map {
            try CalibrationSide($0, $1, options: options, drawing: drawing, model: self)
        }
        return try Calibration(model: diffusion, sites: sites, unit: "captions")
            .fit(sides, options: options, progress: progress, notice: notice)
    }
}

extension CalibrationSide {
    /// How many pixels of latents a batch has at most, over its captions.
    private static let pixelsPerBatch = 1 << 12

    /// A side of captions.
    /// - Parameter kind: "source caption", for messages.
    init(_ kind: String, _ captions: [String], options: FitOptions, drawing: PictureOptions, model: PictureModel) throws {
        let diffusion = model.diffusion
        let size = try model.checked(drawing.size ?? diffusion.usualSize)
        let plan = try model.scheduler(drawing).plan(
            diffusion.samplingRequest(steps: drawing.steps, size: size))
        let noise = FirstStep(plan, size: size, seed: options.seed, model: model)
        try self.init(
            kind, captions.map(model.prompts.tokens), options: options, model: diffusion, size: size, timestep: noise.timestep,
            latents: { try noise.latents($0) }
        ) { batch, site, steering in
            try model.nonFinite(batch, of: captions, kind: kind, site: site, steering: steering, noise: noise)
        }
    }

    /// A side of texts with latents of their own.
    /// - Parameter latents: Those of some texts, as the network is given them.
    init(
        _ kind: String, _ texts: [PromptTokens], options: FitOptions, model diffusion: any DiffusionModel, size: PictureSize,
        timestep: Float, latents: @escaping (Range<Int>) throws -> Tensor,
        explain: @escaping (_ samples: Range<Int>, Site, [Steer]) throws -> any Error
    ) throws {
        let backend = diffusion.backend
        let pixels = size.width * size.height / diffusion.autoencoder.reduction / diffusion.autoencoder.reduction
        let count = min(max(Self.pixelsPerBatch / pixels, 1), 16)
        let pooling = SamplePooling(options.capture)
        let passes = try stride(from: 0, to: texts.count, by: count).map { first in
            let range = first..<min(first + count, texts.count)
            // By the pixels or tokens of an image.
            var plans: [Int: SamplePooling.Plan] = [:]
            return try CalibrationPass(
                samples: range, rowCount: range.count * pixels, indices: [1], spatial: options.spatial, model: diffusion,
                plan: { shape in
                    let rows = shape.rows / shape.images
                    if let plan = plans[rows] { return plan }
                    let plan = try pooling.plan(forImagesOf: shape, on: backend)
                    plans[rows] = plan
                    return plan
                },
                begin: {
                    try PicturePass(diffusion, Array(texts[range]), size: size, latents: latents(range), timestep: timestep)
                })
        }
        self.init(kind: kind, count: texts.count, passes: passes) { batch, site, steering in
            try explain(passes[batch].samples, site, steering)
        }
    }
}

/// The first step of a schedule, from the noise of seeds.
struct FirstStep {
    let timestep: Float
    let size: PictureSize
    private let seed: UInt64
    private let scale: Float
    private let model: PictureModel

    init(_ plan: SamplingPlan, size: PictureSize, seed: UInt64, model: PictureModel) {
        let step = plan.steps[0]
        timestep = Float(step.timestep)
        scale = Float(plan.initialNoiseScale * step.inputScale)
        self.size = size
        self.seed = seed
        self.model = model
    }

    /// What the network is given: `[samples, height, width, channels]` f32.
    func latents(_ samples: Range<Int>) throws -> Tensor {
        let shape = model.latentShape(size, images: samples.count)
        let noise = samples.flatMap { sample in
            var generator = TorchGenerator(seed: seed &+ UInt64(sample))
            return generator.image(height: shape[1], width: shape[2], channels: shape[3])
        }
        let latents = try model.backend.upload(noise, shape)
        return scale == 1 ? latents : try model.backend.scale(latents, by: scale)
    }
}

extension PictureModel {
    /// What an error says of a batch whose activations are not finite, naming the caption.
    fileprivate func nonFinite(
        _ samples: Range<Int>, of captions: [String], kind: String, site: Site, steering: [Steer], noise: FirstStep
    ) throws -> MongeError {
        for sample in samples {
            guard let found = try firstNonFiniteSite(captions[sample], sample, steering, noise) else { continue }
            let cause = try nonFiniteCause(steering) { try firstNonFiniteSite(captions[sample], sample, [], noise) == nil }
            return .notFinite(
                NonFiniteNumbers(
                    quantity: "activations", name: "\(kind) \(sample + 1)", text: captions[sample],
                    strengths: steering.map(\.strength), site: found.name, cause: cause))
        }
        return .failed(
            "\(site.name): an activation of \(kind)s \(samples.lowerBound + 1) to \(samples.upperBound) is not a finite number, "
                + "yet each of them alone gives finite ones: the device \(backend.name) computes the batch wrongly")
    }

    private func firstNonFiniteSite(_ caption: String, _ sample: Int, _ steering: [Steer], _ noise: FirstStep) throws -> Site? {
        let transports = try InstalledSteering([steering], on: diffusion).transports(for: [(1, steering)])
        let pass = try PicturePass(
            diffusion, [prompts.tokens(caption)], size: noise.size, latents: noise.latents(sample..<sample + 1), timestep: noise.timestep)
        return try diffusion.firstNonFiniteSite(transports) { try pass.run(context: $0) }
    }

    /// What makes numbers not finite.
    /// - Parameter isFiniteWithout: Whether they are finite without the maps.
    func nonFiniteCause(_ maps: some Sequence<Steer>, isFiniteWithout: () throws -> Bool) rethrows -> NonFiniteNumbers.Cause {
        if try maps.contains(where: { $0.strength != 0 }) && isFiniteWithout() { return .steering }
        return diffusion.activations == .f16 ? .halfPrecisionActivations : .model
    }
}
