/// A pointwise function applied to every element.
public enum Activation: String, Sendable, CaseIterable, Hashable {
    /// x
    case identity
    /// x · σ(x) (Elfwing et al. 2018; Ramachandran et al. 2017), also called swish.
    case silu
    /// x · Φ(x), with the error function (Hendrycks & Gimpel 2016).
    case gelu
    /// GELU's tanh approximation: x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).
    case geluTanh
    /// GELU's logistic approximation: x · σ(1.702·x).
    case geluQuick
    /// max(x, 0)
    case relu
    /// σ(x) = 1 / (1 + e⁻ˣ): gates of attention outputs and of experts.
    case sigmoid
    /// tanh(x): soft caps of logits (Gemma 2, as a scale before and after), poolers of BERT's family.
    case tanh
}

/// Which transport map each row of an activation goes through, and how strongly.
///
/// The map of a neuron is `T(x) = ω·x + β`, applied where `low < x < high` (strictly) and blended with strength λ:
/// `y = x + λ·(T(x) − x)`; where λ = 0 or x lies outside the support, y is x bit for bit (Rodríguez et al., "Controlling
/// Language and Diffusion Models by Transporting Activations", ICLR 2025).
///
/// Row 0 of the table is the identity by convention: an index of 0 leaves a row untouched whatever the table holds there.
///
/// A class, since it is handed down through every operation of every token: a reference costs one count where its tensors cost many.
public final class TransportApplication {
    /// `[maps, channels, 4]` f32: (ω, β, low, high) for each neuron of each map.
    public let table: Tensor
    /// `[rows]` or `[1]` i32: the map of each row of the activation, or one for all of them.
    public let indices: Tensor
    /// `[rows]` or `[1]` f32: λ for each row of the activation, or one for all of them.
    public let strengths: Tensor
    /// The extents of the last activation it was found to fit: the same ones come again with every token.
    var fits: (rows: Int, channels: Int)?

    public init(table: Tensor, indices: Tensor, strengths: Tensor) {
        self.table = table
        self.indices = indices
        self.strengths = strengths
    }
}

/// What happens to the result of an operation before it is stored, in this order: activation, transport, residual.
public struct Epilogue {
    public var activation: Activation
    /// Maps in the order in which they act. Backends fuse the first where they can; the others run on their own.
    public var transports: [TransportApplication]
    /// Added last; the shape of the result.
    public var residual: Tensor?

    public init(activation: Activation = .identity, transports: [TransportApplication] = [], residual: Tensor? = nil) {
        self.activation = activation
        self.transports = transports
        self.residual = residual
    }

    public static var none: Epilogue { Epilogue() }
}
