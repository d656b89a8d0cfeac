import Tensors

/// What a denoising step is given beside the latents.
public struct DenoisingConditioning {
    /// What attention looks at: `[images, tokens, channels]`.
    public var text: Tensor
    /// The text as one vector an image, `[images, channels]`, for models that add it to the timestep's embedding.
    public var pooledText: Tensor?
    /// The sizes that SDXL is told, six an image: original height and width, top and left of the crop, target height and width.
    public var sizes: [Float]
    /// The scale of guidance, for models that are distilled with it as an input.
    public var guidance: Float = 1

    public init(text: Tensor, pooledText: Tensor? = nil, sizes: [Float] = []) {
        self.text = text
        self.pooledText = pooledText
        self.sizes = sizes
    }
}

/// A UNet's forward pass between two stages.
public struct UNetState: StagedState {
    var conditioning: DenoisingConditioning
    package var stage = 0
    /// The image `[images, height, width, channels]`, or its pixels as tokens within a transformer.
    var hidden: Tensor
    /// `[images, channels]`: the timestep's embedding.
    var time: Tensor
    /// What lies between the halves of a block.
    var inner: Tensor?
    /// The image around a transformer.
    var residual: Tensor?
    /// What the way up takes from the way down.
    var skips: [Tensor] = []

    init(hidden: Tensor, time: Tensor, conditioning: DenoisingConditioning) {
        self.hidden = hidden
        self.time = time
        self.conditioning = conditioning
    }

    /// All that waits in device memory beside the conditioning, each tensor in its place.
    package var tensors: [Tensor] {
        get { [hidden, time] + [inner, residual].compactMap { $0 } + skips }
        set {
            var rest = newValue[...]
            hidden = rest.removeFirst()
            time = rest.removeFirst()
            if inner != nil { inner = rest.removeFirst() }
            if residual != nil { residual = rest.removeFirst() }
            skips = Array(rest)
        }
    }
}
