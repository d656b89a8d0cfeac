import Tensors

/// Makes a model's layers from its weights: uploads them, numbers their sites in the order in which they are asked for, and hashes what the
/// model's fingerprint is made of.
struct LayerLoader {
    /// Whether a linear layer has a bias.
    enum Bias: Sendable {
        /// It has none.
        case none
        /// It has one, and the file must hold it.
        case required
        /// It has one where the file holds one.
        case ifStored
    }

    let weights: any WeightSource
    let backend: any Backend
    private(set) var sites = SiteList()
    private(set) var fingerprint = Fingerprint()

    /// - Parameter extents: What tells models of the family apart by their sizes.
    init(_ weights: any WeightSource, extents: [Int], on backend: any Backend) {
        self.weights = weights
        self.backend = backend
        fingerprint.add(extents)
    }

    mutating func site(_ path: String, _ channels: Int) -> Site { sites.add(path, channels) }

    /// The input of an attention's output projection as a site: the results of its heads, side by side, which no module of Hugging Face's code
    /// returns and a hook before the projection sees.
    mutating func headsSite(_ projection: String, heads: Int, headChannels: Int) -> Site {
        sites.add("\(projection).input", heads * headChannels, heads: heads)
    }

    /// A table of `rows` embeddings, or any other matrix without a site.
    func matrix(_ path: String, rows: Int, columns: Int) throws -> Tensor {
        try weights.weight("\(path).weight", shape: [rows, columns], on: backend)
    }

    mutating func rmsNorm(_ path: String, channels: Int, epsilon: Float) throws -> RMSNormLayer {
        let gain = try weights.vector("\(path).weight", channels: channels)
        fingerprint.add(gain)
        return RMSNormLayer(gain: try backend.upload(gain), epsilon: epsilon, site: sites.add(path, channels))
    }

    mutating func projection(_ path: String, inputs: Int, outputs: Int, bias rule: Bias = .none) throws -> Projection {
        let biasName = "\(path).bias"
        let hasBias = try rule == .required || rule == .ifStored && weights.tensor(biasName) != nil
        let bias = hasBias ? try backend.upload(weights.vector(biasName, channels: outputs)) : nil
        return Projection(
            weight: try matrix(path, rows: outputs, columns: inputs), bias: bias, site: sites.add(path, outputs))
    }
}
