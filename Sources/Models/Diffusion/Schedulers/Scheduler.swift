/// How a diffusion model's outputs become a picture: at which noise levels the model is asked, and how each answer moves the sample.
///
/// A scheduler holds the settings of a `scheduler_config.json` and makes a plan of numbers from them, once for a picture; a
/// ``Sampler`` carries it out on a device. The classes and their arithmetic are those of diffusers.
package protocol Scheduler: Sendable {
    /// The name of the class in diffusers.
    static var className: String { get }

    /// What people call the sampler, as A1111's pictures have it in their settings: "Euler a".
    var displayName: String { get }

    /// - Throws: ``ModelError/invalidConfiguration(_:)`` for a number of steps that the settings do not allow.
    func plan(_ request: SamplingRequest) throws -> SamplingPlan
}

/// What a picture asks of a scheduler.
package struct SamplingRequest: Sendable {
    /// The number of steps from noise alone.
    package var steps: Int
    /// How many of them are left out at the start, where sampling begins from a picture with noise.
    package var skipping = 0
    /// The tokens that the image has for a transformer: FLUX moves its noise levels by them. Nil for models that do not.
    package var imageTokens: Int?
    /// Whether the noise levels before shifting are 1, 1 − 1/steps, …, 1/steps, as FLUX wants them; else the scheduler's own.
    package var evenNoiseLevels = false
    /// The share of fresh noise in each step of DDIM, 0 to 1.
    package var eta = 0.0

    package init(steps: Int, skipping: Int = 0, imageTokens: Int? = nil, evenNoiseLevels: Bool = false, eta: Double = 0) {
        self.steps = steps
        self.skipping = skipping
        self.imageTokens = imageTokens
        self.evenNoiseLevels = evenNoiseLevels
        self.eta = eta
    }

    /// The steps left out when a picture keeps 1 − `strength` of itself, as diffusers counts them.
    package static func skipped(steps: Int, strength: Double) -> Int {
        max(steps - min(Int(Double(steps) * strength), steps), 0)
    }

    func check(limit: Int) throws {
        guard steps > 0, steps <= limit else {
            throw ModelError.invalidConfiguration("\(steps) steps are asked for; the scheduler does 1 to \(limit)")
        }
        guard skipping >= 0, skipping < steps else {
            throw ModelError.invalidConfiguration("\(skipping) of \(steps) steps are to be left out; at least one must be done")
        }
        guard (0...1).contains(eta) else { throw ModelError.invalidConfiguration("eta is \(eta), expected 0 … 1") }
    }
}
