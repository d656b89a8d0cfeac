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

/// Whose value a transport's map is applied to, in an activation with pixels.
public enum SpatialMode: String, Sendable, CaseIterable, Hashable {
    /// Every element by itself: `y = x + λ·(ω·x + β − x)` where `low < x < high`.
    case pointwise
    /// The mean z of each channel over the pixels of its image: `y = x + λ·(ω·z + β − z)` for all pixels of the channel where
    /// `low < z < high`. One shift a channel, so that spatial contrast stays what it is.
    case channelMean
}

/// Which transport map each row of an activation goes through, and how strongly.
///
/// The map of a neuron is `T(x) = ω·x + β`, applied where `low < x < high` (strictly) and blended with strength λ:
/// `y = x + λ·(T(x) − x)`; where λ = 0 or x lies outside the support, y is x bit for bit (Rodríguez et al., "Controlling
/// Language and Diffusion Models by Transporting Activations", ICLR 2025). With ``SpatialMode/channelMean`` the mean over an image
/// takes the place of x in the map and in the support.
///
/// An activation `[images, …, channels]` has as many images as its first axis is long (those of rank 1 have one), and each image has the
/// pixels of the axes between. Indices and strengths are one for all, one for each image, or one for each row (pixel); which of them is
/// told by their number. So a map that acts only on the last position of each sequence of a packed batch has an index for each row, 0
/// for all rows but those.
///
/// Row 0 of the table is the identity by convention: an index of 0 leaves a row untouched whatever the table holds there.
///
/// With ``gates`` a row's strength is λ·g(x): how much of a map a token feels hangs on the whole token. Such a map runs on its own.
///
/// With ``clusters`` in the place of the table, a row is moved by shifts between clusters, weighted by how near the row is to each of them
/// (``TransportClusters``). Such a map runs on its own, too. Maps of both kinds act in one batch as two applications: each leaves the rows of the other
/// as they are.
///
/// A class, since it is handed down through every operation of every token: a reference costs one count where its tensors cost many.
public final class TransportApplication {
    /// `[maps, channels, 4]` f32: (ω, β, low, high) for each neuron of each map; nil for maps between clusters.
    public let table: Tensor?
    /// Maps between clusters; nil where there is a table.
    public let clusters: TransportClusters?
    /// `[1]`, `[images]` or, pointwise, `[rows]` i32: the map of the whole activation, of each image, or of each row.
    public let indices: Tensor
    /// `[1]`, `[images]` or, pointwise, `[rows]` f32: λ for the whole activation, for each image, or for each row.
    public let strengths: Tensor
    public let spatial: SpatialMode
    /// Pointwise maps may have some; nil where every row has its whole strength.
    public let gates: TransportGates?
    /// The extents of the last activation it was found to fit: the same ones come again with every token.
    var fits: (images: Int, rows: Int, channels: Int)?

    public init(
        table: Tensor, indices: Tensor, strengths: Tensor, spatial: SpatialMode = .pointwise, gates: TransportGates? = nil
    ) {
        self.gates = gates
        self.table = table
        clusters = nil
        self.indices = indices
        self.strengths = strengths
        self.spatial = spatial
    }

    /// Maps between clusters, of each row by itself.
    public init(clusters: TransportClusters, indices: Tensor, strengths: Tensor) {
        (table, gates, spatial) = (nil, nil, .pointwise)
        self.clusters = clusters
        self.indices = indices
        self.strengths = strengths
    }

    /// The same maps for an activation of the given shape: a mean over pixels is taken where there are rows and columns of them, in
    /// `[images, height, width, channels]`; the rows of any other activation are tokens, each of which is mapped by itself.
    package func suited(to shape: Shape) -> TransportApplication { isSuited(to: shape) ? self : pointwise }

    /// Whether these maps act on an activation of the given shape as they are.
    package func isSuited(to shape: Shape) -> Bool { spatial == .pointwise || shape.rank == 4 }

    // Maps between clusters are pointwise as they are.
    private lazy var pointwise = table.map { TransportApplication(table: $0, indices: indices, strengths: strengths, gates: gates) } ?? self

    /// Whether a kernel can apply it to each element as it is stored: a mean over pixels has to wait for all of them, and a gate and clusters for the
    /// whole row.
    package var isFusable: Bool { spatial == .pointwise && gates == nil && clusters == nil }

    /// The table of a map that is applied to single elements, or to means of a channel.
    /// - Throws: `TensorError.invalidOption` for maps between clusters.
    package func affineTable(_ operation: String) throws -> Tensor {
        guard let table else {
            throw TensorError.invalidOption(
                operation: operation, detail: "maps between clusters are not applied here: they run on their own")
        }
        return table
    }

    /// How many consecutive rows of an activation share an element of ``indices`` (or ``strengths``).
    /// - Parameters:
    ///   - elements: The number of elements: 1, the images or the rows.
    ///   - shape: The activation's.
    public static func rowsSharing(_ elements: Int, of shape: Shape) -> Int {
        elements == shape.rows ? 1 : elements == 1 ? shape.rows : shape.rows / shape.images
    }
}

/// What happens to the result of an operation before it is stored, in this order: activation, transport, residual.
public struct Epilogue {
    public var activation: Activation
    /// Maps in the order in which they act. The first is fused where it can be; the others run on their own.
    public var transports: [TransportApplication]
    /// Added last; the shape of the result.
    public var residual: Tensor?

    public init(activation: Activation = .identity, transports: [TransportApplication] = [], residual: Tensor? = nil) {
        self.activation = activation
        self.transports = transports
        self.residual = residual
    }

    public static var none: Epilogue { Epilogue() }

    /// The first map, where a kernel can apply it to each element as it is stored.
    var fused: TransportApplication? { transports.first.flatMap { $0.isFusable ? $0 : nil } }

    /// The maps that run on their own after the kernel.
    var following: ArraySlice<TransportApplication> { fused == nil ? transports[...] : transports.dropFirst() }
}
