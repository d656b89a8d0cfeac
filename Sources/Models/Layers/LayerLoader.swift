import Tensors

/// Makes a language model's layers from its weights: uploads them, numbers their sites in the order in which they are asked for, and keeps
/// account of its matrices and of what the model's fingerprint is made of.
///
/// A loader stands at a module; `m["self_attn"]` is that of a module within it.
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
    private let path: String
    private let epsilon: Float
    private let account: Account

    /// What all loaders of a model have in common.
    private final class Account {
        var sites = SiteList()
        var fingerprint = Fingerprint()
        var matrices: [(path: String, shape: Shape, byteCount: Int)] = []
        var constants: [[Float]: Tensor] = [:]
    }

    /// - Parameters:
    ///   - extents: What tells models of the family apart by their sizes.
    ///   - normEpsilon: That of all norms.
    init(_ weights: any WeightSource, extents: [Int], normEpsilon: Float, on backend: any Backend) {
        self.init(weights: weights, backend: backend, path: "", epsilon: normEpsilon, account: Account())
        account.fingerprint.add(extents)
    }

    private init(weights: any WeightSource, backend: any Backend, path: String, epsilon: Float, account: Account) {
        (self.weights, self.backend, self.path, self.epsilon, self.account) = (weights, backend, path, epsilon, account)
    }

    /// The sites so far, each at the place of its index.
    var sites: [Site] { account.sites.sites }
    var fingerprint: String { account.fingerprint.text }

    /// The matrices of the linear layers so far, by the paths of their modules.
    var matrices: [(path: String, shape: Shape, byteCount: Int)] { account.matrices }

    /// A module within this one.
    subscript(name: String) -> LayerLoader {
        LayerLoader(
            weights: weights, backend: backend, path: path.isEmpty ? name : "\(path).\(name)", epsilon: epsilon, account: account)
    }

    /// The module's result as a site.
    /// - Parameter heads: The attention heads that lie side by side in it.
    func site(_ channels: Int, heads: Int = 1) -> Site { account.sites.add(path, channels, heads: heads) }

    /// The input of this module, an attention's output projection, as a site: the results of its heads, side by side, which no module of
    /// Hugging Face's code returns and a hook before the projection sees.
    func headsSite(heads: Int, headChannels: Int) -> Site { account.sites.add("\(path).input", heads * headChannels, heads: heads) }

    /// A table of embeddings, or any other matrix without a site.
    func table(rows: Int, columns: Int) throws -> Tensor {
        try weights.weight("\(path).weight", shape: [rows, columns], on: backend)
    }

    /// Numbers that follow from the settings; the same ones are uploaded once.
    func constant(_ values: [Float]) throws -> Tensor {
        if let known = account.constants[values] { return known }
        let tensor = try backend.upload(values)
        account.constants[values] = tensor
        return tensor
    }

    /// The norm `name` of this module.
    func rmsNorm(_ name: String, _ channels: Int) throws -> RMSNormLayer {
        let norm = self[name]
        return RMSNormLayer(gain: try norm.gain(channels), epsilon: epsilon, site: norm.site(channels))
    }

    /// The norm `name` of this module, of each head by itself: heads share a gain, and the site has the neurons of all.
    func headNorm(_ name: String, heads: Int, headChannels: Int) throws -> HeadNorm {
        let norm = self[name]
        return HeadNorm(gain: try norm.gain(headChannels), epsilon: epsilon, site: norm.site(heads * headChannels, heads: heads))
    }

    /// The norm `name` of this module.
    func layerNorm(_ name: String, _ channels: Int) throws -> LayerNormLayer {
        let norm = self[name]
        return LayerNormLayer(
            gain: try norm.gain(channels), bias: try backend.upload(weights.vector("\(norm.path).bias", channels: channels)),
            epsilon: epsilon, site: norm.site(channels))
    }

    private func gain(_ channels: Int) throws -> Tensor {
        let gain = try weights.vector("\(path).weight", channels: channels)
        account.fingerprint.add(gain)
        return try backend.upload(gain)
    }

    /// The linear layer `name` of this module.
    func projection(_ name: String, inputs: Int, outputs: Int, bias: Bias = .none) throws -> Projection {
        let layer = self[name]
        let weight = try layer.table(rows: outputs, columns: inputs)
        account.matrices.append((layer.path, weight.shape, weight.byteCount))
        let bias = try layer.bias(outputs, bias).map { try backend.upload($0) }
        return Projection(weight: weight, bias: bias, site: layer.site(outputs))
    }

    /// The linear layer `name` of this module, whose results are several things, one after the other.
    func joinedProjection(_ name: String, inputs: Int, outputs: [Int], bias: Bias = .none) throws -> JoinedProjection {
        let layer = self[name]
        let total = outputs.reduce(0, +)
        let whole = try weights.required("\(layer.path).weight", shape: [total, inputs])
        try whole.requireWeight(name: "\(layer.path).weight")
        account.matrices.append((layer.path, whole.shape, whole.bytes.count))
        let bias = try layer.bias(total, bias)
        var start = 0
        let parts = try outputs.map { count in
            defer { start += count }
            let rowBytes = whole.bytes.count / total
            let rows = UnsafeRawBufferPointer(rebasing: whole.bytes[start * rowBytes..<(start + count) * rowBytes])
            return LinearFactor(
                weight: try backend.adopt(rows, owner: whole.owner, [count, inputs], whole.dtype),
                bias: try bias.map { try backend.upload(Array($0[start..<start + count])) })
        }
        return JoinedProjection(parts: parts, site: layer.site(total))
    }

    private func bias(_ channels: Int, _ rule: Bias) throws -> [Float]? {
        let name = "\(path).bias"
        let hasBias = try rule == .required || rule == .ifStored && weights.tensor(name) != nil
        return hasBias ? try weights.vector(name, channels: channels) : nil
    }
}
