import Models
import Tensors
import Transport

extension PictureModel {
    /// Fits transport maps from source captions to target captions at chosen sites (Rodríguez et al. 2025, section 4.3).
    ///
    /// Activations are captured in one step of denoising from fresh noise, at the first timestep of the schedule, or at more steps along it
    /// (``CaptureOptions/steps``), for the captions alone: without the half that guidance adds. Caption i of either side has the noise of
    /// seed + i. `causal` estimation fits each site with
    /// the maps of all earlier ones in place, for source and target alike, in one pass.
    ///
    /// - Parameters:
    ///   - source: Captions of pictures as the model would draw them.
    ///   - target: Captions of pictures as it should.
    ///   - sites: Regular expressions that match site names in full.
    ///   - drawing: The steps, the scheduler and the size that pictures will have, and the guidance, where more than one step is captured.
    ///   - warn: Receives a sentence for each thing that is likely to hurt the result.
    ///   - notice: Receives a sentence on how a budget of memory is kept, and what that costs.
    /// - Throws: ``MongeError`` for empty data, a pattern without a match, a budget of memory that nothing fits into, or activations
    ///   that are not finite.
    public func fit(
        source: [String], target: [String], sites patterns: [String], options: FitOptions = FitOptions(spatial: .channelMean),
        drawing: PictureOptions = PictureOptions(), progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in },
        notice: (String) -> Void = { _ in }
    ) throws -> TransportMap {
        try options.validate(pooling: options.effectivePooling.rawValue)
        guard options.gateTokens == nil else {
            throw MongeError.usage("gates give each token of a text a strength of its own; pictures have none")
        }
        guard options.position == .all else {
            throw MongeError.usage("a map for the last position only is one of texts; pictures have none")
        }
        let sites = try SiteSelection.sites(of: diffusion, matching: patterns)
        let (source, target) = try Calibration.sides(source: source, target: target, options: options, unit: "captions")
        try Calibration.check(source: source, target: target, sites: sites, options: options, unit: "captions", warn: warn)
        prompts.reportCuts(source + target, warn: warn)
        let sides = try [("source caption", source), ("target caption", target)].map {
            try CalibrationSide($0, $1, options: options, drawing: drawing, model: self, progress: progress)
        }
        let map = try Calibration(model: diffusion, sites: sites, unit: "captions")
            .fit(sides, options: options, progress: progress, notice: notice)
        options.check(map, warn: warn)
        return map
    }
}

extension CalibrationSide {
    /// A side of captions. Each captured step of a caption is a sample: first those of the first step, caption by caption.
    /// - Parameter kind: "source caption", for messages.
    init(
        _ kind: String, _ captions: [String], options: FitOptions, drawing: PictureOptions, model: PictureModel, progress: ProgressHandler?
    ) throws {
        let diffusion = model.diffusion
        guard options.effectivePooling != .all else {
            throw MongeError.usage("pooling 'all' makes every token of a sentence a sample; pictures have mean, max, min, median and last")
        }
        let steps = try CapturedSteps(
            options.capture.steps, of: captions, seed: options.seed, drawing: drawing, model: model, progress: progress)
        let texts = captions.map(model.prompts.tokens)
        let pooling = SamplePooling(options)
        let passes = try steps.batches.map { batch in
            // By the pixels or tokens of an image.
            var plans: [Int: SamplePooling.Plan] = [:]
            return try CalibrationPass(
                samples: steps.samples(batch, captions: captions.count),
                rowCount: batch.captions.count * model.latentShape(steps.size, images: 1).rows, indices: [1], spatial: options.spatial,
                model: diffusion,
                plan: { shape in
                    let rows = shape.rows / shape.images
                    if let plan = plans[rows] { return plan }
                    let plan = try pooling.plan(forImagesOf: shape, on: diffusion.backend)
                    plans[rows] = plan
                    return plan
                },
                begin: { backend in
                    try PicturePass(
                        diffusion, Array(texts[batch.captions]), size: steps.size, latents: batch.latents(), timestep: batch.timestep,
                        on: backend)
                })
        }
        self.init(kind: kind, count: steps.count * captions.count, passes: passes) { batch, site, steering in
            try model.nonFinite(steps.batches[batch], of: captions, kind: kind, site: site, steering: steering, size: steps.size)
        }
    }
}

extension PictureModel {
    /// What an error says of a batch whose activations are not finite, naming the caption.
    fileprivate func nonFinite(
        _ batch: CapturedSteps.Batch, of captions: [String], kind: String, site: Site, steering: [Steer], size: PictureSize
    ) throws -> MongeError {
        let latents = try batch.latents()
        func firstNonFiniteSite(_ place: Int, _ steering: [Steer]) throws -> Site? {
            let transports = try InstalledSteering([steering], on: diffusion).transports(for: [(1, steering)])
            let pass = try PicturePass(
                diffusion, [prompts.tokens(captions[batch.captions.lowerBound + place])], size: size,
                latents: latents.rows(place..<place + 1), timestep: batch.timestep)
            return try diffusion.firstNonFiniteSite(transports) { try pass.run(context: $0) }
        }
        for (place, caption) in batch.captions.enumerated() {
            guard let found = try firstNonFiniteSite(place, steering) else { continue }
            let cause = try nonFiniteCause(steering) { try firstNonFiniteSite(place, []) == nil }
            return .notFinite(
                NonFiniteNumbers(
                    quantity: "activations", name: "\(kind) \(caption + 1)", text: captions[caption],
                    strengths: steering.map(\.strength), site: found.name, cause: cause))
        }
        return .failed(
            "\(site.name): an activation of \(kind)s \(batch.captions.lowerBound + 1) to \(batch.captions.upperBound) is not a finite number, "
                + "yet each of them alone gives finite ones: the device \(backend.name) computes the batch wrongly")
    }

    /// What makes numbers not finite.
    /// - Parameter isFiniteWithout: Whether they are finite without the maps.
    func nonFiniteCause(_ maps: some Sequence<Steer>, isFiniteWithout: () throws -> Bool) rethrows -> NonFiniteNumbers.Cause {
        if try maps.contains(where: { $0.strength != 0 }) && isFiniteWithout() { return .steering }
        return diffusion.activations == .f16 ? .halfPrecisionActivations : .model
    }
}
