import Models
import Pictures
import Transport

/// A map at a strength, for some of the steps of a picture.
public struct PictureSteer: Sendable, Equatable {
    /// What of a guided picture a map acts on. Guidance adds to the prediction with the text one without it, or with the negative prompt, and
    /// leads away from that: what a map does to both comes out once, what it does to the first alone as many times as guidance's scale.
    public enum Half: String, Sendable, CaseIterable {
        /// Both predictions, as in the experiments of Rodríguez et al. 2025.
        case both
        /// The one with the text, which maps are fitted to.
        case text
    }

    public var steer: Steer
    /// Where in the schedule the map acts: from 0, the first step, up to 1, the end. A step counts by where it begins.
    public var range: Range<Float>
    public var half: Half

    public init(_ steer: Steer, range: Range<Float> = 0..<1, half: Half = .both) {
        self.steer = steer
        self.range = range
        self.half = half
    }

    /// The same map, for the same steps, at another strength.
    public func at(_ strength: Float) -> PictureSteer { PictureSteer(Steer(steer.map, strength: strength), range: range, half: half) }
}

extension Steer {
    /// At every step.
    public var always: PictureSteer { PictureSteer(self) }

    /// At some of the steps, from 0 to 1.
    public func during(_ range: Range<Float>) -> PictureSteer { PictureSteer(self, range: range) }
}

/// A picture to be drawn.
public struct PictureRequest: Sendable {
    public var prompt: String
    /// What should not be there; nil for nothing.
    public var negative: String?
    /// Noise depends on the seed alone, as in diffusers with a generator on the CPU.
    public var seed: UInt64
    /// Maps in the order in which they act.
    public var steering: [PictureSteer]
    /// What messages call the picture: "picture 3".
    public var name: String
    /// Noise in the place of the seed's: `[height, width, channels]`.
    public var noise: [Float]?
    /// A picture to begin from, of the size that is drawn; ``PictureOptions/denoise`` says how much of it is drawn anew.
    public var initial: Picture?

    public init(
        _ prompt: String, negative: String? = nil, seed: UInt64 = 0, steering: [PictureSteer] = [], name: String = "the picture",
        noise: [Float]? = nil, initial: Picture? = nil
    ) {
        self.prompt = prompt
        self.negative = negative
        self.seed = seed
        self.steering = steering
        self.name = name
        self.noise = noise
        self.initial = initial
    }
}

/// How pictures are drawn.
public struct PictureOptions: Sendable, Equatable {
    public var steps: Int
    /// The scale of classifier-free guidance (Ho & Salimans 2022), none up to 1; nil for what suits the model.
    public var guidance: Float?
    /// How far the guided prediction is brought back to the deviation of the unguided one (Lin et al. 2024), 0 to 1.
    public var rescale: Float
    /// Nil for the model's own.
    public var scheduler: String?
    /// What the model predicts (`epsilon`, `v_prediction` or `sample`); nil for what the scheduler's settings say.
    public var prediction: String?
    /// How the steps lie in the schedule (`leading`, `trailing` or `linspace`); nil for what the scheduler's settings say.
    public var spacing: String?
    /// Nil for the size that the model was trained on.
    public var size: PictureSize?
    /// The part of the schedule that is drawn of a picture that there is, above 0 and up to 1.
    public var denoise: Float
    /// The most pictures that are drawn together.
    public var batch: Int
    /// A budget on the resident memory of the process in bytes, all in all; nil for none. Fewer pictures are drawn together, and they are
    /// decoded in tiles, to keep it.
    public var memory: Int?

    public init(
        steps: Int = 20, guidance: Float? = nil, rescale: Float = 0, scheduler: String? = nil, prediction: String? = nil,
        spacing: String? = nil, size: PictureSize? = nil,
        denoise: Float = 0.8, batch: Int = 16, memory: Int? = nil
    ) {
        self.steps = steps
        self.guidance = guidance
        self.rescale = rescale
        self.scheduler = scheduler
        self.prediction = prediction
        self.spacing = spacing
        self.size = size
        self.denoise = denoise
        self.batch = batch
        self.memory = memory
    }
}

/// A picture that was drawn.
public struct DrawnPicture: Sendable {
    public var picture: Picture
    /// What the autoencoder made it of: `[height, width, channels]`.
    public var latents: [Float]
    /// What the latents were made of: `[height, width, channels]`.
    public var noise: [Float]
}
