import ModelFiles
import Tensors

/// A module of a component while it is loaded: where its weights are in the file, and what its site is called.
struct ModuleLoader {
    let weights: any WeightSource
    /// Where the component's matrices and kernels are kept.
    let store: ComponentStore
    let register: SiteRegister
    /// Before the names of the module's weights, such as `down_blocks.0.resnets.1`; empty for the component itself.
    let path: String
    /// The module's path in the whole model, such as `unet.down_blocks.0.resnets.1`; nil in a component without sites.
    let sitePath: String?

    /// The top of a component.
    /// - Parameters:
    ///   - prefix: Before the names of all weights.
    ///   - sitePath: Before the names of all sites; nil for none.
    init(_ weights: any WeightSource, prefix: String = "", sitePath: String?, register: SiteRegister, in store: ComponentStore) {
        self.init(weights: weights, store: store, register: register, path: prefix, sitePath: sitePath)
    }

    private init(weights: any WeightSource, store: ComponentStore, register: SiteRegister, path: String, sitePath: String?) {
        self.weights = weights
        self.store = store
        self.register = register
        self.path = path
        self.sitePath = sitePath
    }

    var backend: any Backend { store.backend }

    /// A module within this one.
    subscript(name: String) -> ModuleLoader {
        ModuleLoader(
            weights: weights, store: store, register: register, path: path.isEmpty ? name : "\(path).\(name)",
            sitePath: sitePath.map { "\($0).\(name)" })
    }

    /// A module of a list within this one.
    subscript(list: String, index: Int) -> ModuleLoader { self["\(list).\(index)"] }

    /// The name of a weight in the file.
    func name(_ weight: String) -> String { path.isEmpty ? weight : "\(path).\(weight)" }

    func contains(_ weight: String) throws -> Bool { try weights.layout(name(weight)) != nil }

    /// The module's result as a site.
    func site(_ channels: Int) -> Site? { sitePath.map { register.site($0, channels) } }

    /// The elements of the tuple that the module returns, as sites; none in a component without sites.
    func tupleSites(_ channels: [Int]) -> [Site] { sitePath.map { register.sites($0, tuple: channels) } ?? [] }

    /// The first element of the tuple that the module returns, as a site.
    func firstElementSite(_ channels: Int) -> Site? { sitePath.map { register.sites($0, tuple: [channels])[0] } }

    func vector(_ weight: String, channels: Int) throws -> Tensor {
        try backend.upload(weights.vector(name(weight), channels: channels))
    }

    /// A linear layer, which a file may hold as a convolution of one pixel.
    func linear(_ inputs: Int, _ outputs: Int, bias: Bool = true) throws -> LinearLayer {
        let (name, dtype, shape) = try stored("weight", rows: outputs, columns: inputs)
        let weight = try store.matrix(name, shape, dtype, from: weights)
        return LinearLayer(weight: weight, bias: bias ? try vector("bias", channels: outputs) : nil)
    }

    /// A table of embeddings, in the type it is stored in.
    func table(_ weight: String, rows: Int, columns: Int) throws -> LayerWeight {
        let (name, dtype, shape) = try stored(weight, rows: rows, columns: columns)
        return try store.table(name, shape, dtype, from: weights)
    }

    /// Looks a matrix up, and takes it into what tells the model from others.
    private func stored(_ weight: String, rows: Int, columns: Int) throws -> (name: String, dtype: DType, shape: Shape) {
        let full = name(weight)
        guard let (dtype, found) = try weights.layout(full) else { throw ModelError.missingTensor(full) }
        let matrix: Shape = [rows, columns]
        guard found == matrix || found == [rows, columns, 1, 1] else {
            throw ModelError.wrongShape(name: full, found: found, expected: matrix)
        }
        try requireWeight(dtype, full)
        if let sitePath { register.add(matrix: full, as: "\(sitePath).\(weight)", of: weights) }
        return (full, dtype, matrix)
    }

    /// A convolution with a square kernel.
    func convolution(_ inputs: Int, _ outputs: Int, kernel: Int, bias: Bool = true) throws -> ConvolutionLayer {
        let full = name("weight")
        guard let (dtype, shape) = try weights.layout(full) else { throw ModelError.missingTensor(full) }
        let expected: Shape = [outputs, inputs, kernel, kernel]
        guard shape == expected else { throw ModelError.wrongShape(name: full, found: shape, expected: expected) }
        try requireWeight(dtype, full)
        let weight = try store.kernel(full, shape, dtype, from: weights)
        return ConvolutionLayer(weight: weight, bias: bias ? try vector("bias", channels: outputs) : nil, kernel: kernel)
    }

    func groupNorm(_ channels: Int, groups: Int, epsilon: Float) throws -> GroupNormLayer {
        guard groups > 0, channels % groups == 0 else {
            throw ModelError.invalidConfiguration("\(groups) groups of norms do not divide the \(channels) channels of \(path)")
        }
        return GroupNormLayer(
            groups: groups, gain: try gain(channels), bias: try vector("bias", channels: channels), epsilon: epsilon, site: site(channels))
    }

    func layerNorm(_ channels: Int, epsilon: Float) throws -> LayerNormLayer {
        LayerNormLayer(
            gain: try gain(channels), bias: try vector("bias", channels: channels), epsilon: epsilon, site: site(channels))
    }

    func rmsNorm(_ channels: Int, epsilon: Float) throws -> RMSNormLayer {
        RMSNormLayer(gain: try gain(channels), epsilon: epsilon, site: site(channels))
    }

    /// The gain of a norm, in f32.
    func gain(_ channels: Int) throws -> Tensor {
        let gains = try weights.vector(name("weight"), channels: channels)
        if sitePath != nil { register.add(gains: gains) }
        return try backend.upload(gains)
    }

    private func requireWeight(_ dtype: DType, _ name: String) throws {
        guard dtype.isWeight else { throw ModelError.unsupported("\(name) is stored as \(dtype), which is no type of a weight") }
    }
}
