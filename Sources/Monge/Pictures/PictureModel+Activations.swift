import Models
import Transport

extension PictureModel {
    /// The pooled activations of chosen sites for each caption, captured as for a fit (``fit(source:target:sites:options:drawing:progress:warn:notice:)``).
    ///
    /// - Parameters:
    ///   - captions: At least one.
    ///   - sites: Regular expressions that match site names in full.
    ///   - steering: Maps in place during the captured steps; a steered site's activation is captured after its maps.
    ///   - seed: Caption i has the noise of seed + i.
    ///   - drawing: The steps, the scheduler, the size and the guidance that pictures will have.
    ///   - warn: Told, in a sentence, which captions were cut.
    /// - Returns: One entry a site, in execution order. Where more than one step is captured, samples are ordered step by step.
    /// - Throws: ``MongeError`` for no captions, a pattern without a match, a map of another model, activations that are not finite, or a budget of
    ///   memory that does not hold all samples.
    public func activations(
        of captions: [String], sites patterns: [String], options: CaptureOptions = CaptureOptions(), steering: [Steer] = [],
        seed: UInt64 = 0,
        drawing: PictureOptions = PictureOptions(), progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> [SiteActivations] {
        let sites = try SiteSelection.sites(of: diffusion, matching: patterns)
        guard !captions.isEmpty else { throw MongeError.usage("there are no captions to capture activations from") }
        prompts.reportCuts(captions, warn: warn)
        let side = try CalibrationSide(
            "caption", captions, options: FitOptions(spatial: .channelMean, capture: options, seed: seed), drawing: drawing, model: self,
            progress: progress)
        let installed = try InstalledSteering([steering], on: diffusion)
        return try Calibration(model: diffusion, sites: sites, unit: "captions").activations(
            side, options: options,
            transports: {
                try installed.transports(for: [[Steer]](repeating: steering, count: side.passes[$0].samples.count).map { (1, $0) })
            },
            steering: steering, progress: progress)
    }
}
