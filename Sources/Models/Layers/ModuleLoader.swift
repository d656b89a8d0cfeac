import ModelFiles
import Tensors

/// A module of a component while it is loaded: where its weights are in the file, and what its site is called.
struct ModuleLoader {
    let weights: any WeightSource
    let backend: any Backend
    let register: SiteRegister
    /// Before the names of the module's weights, such as `down_blocks.0.resnets.1`; empty for the component itself.
    let path: String
    /// The module's path in the whole model, such as `unet.down_blocks.0.resnets.1`; nil in a component without sites.
    let sitePath: String?

    /// The top of a component.
    /// - Parameters:
    ///   - prefix: Before the names of all weights.
    ///   - sitePath: Before the names of all sites; nil for none.
    init(_ weights: any WeightSource, prefix: String = "", sitePath: String?, register: SiteRegister, on backend: any Backend) {
        self.init(weights: weights, backend: backend, register: register, path: prefix, sitePath: sitePath)
    }

    private init(weights: any WeightSource, backend: any Backend, register: SiteRegister, path: String, sitePath: String?) {
        self.weights = weights
        self.backend = backend
        self.register = register
        self.path = path
        self.sitePath = sitePath
    }

    /// A module within this one.
    subscript(name: String) -> ModuleLoader {
        ModuleLoader(
            weights: weights, backend: backend, register: register, path: path.isEmpty ? name : "\(path).\(name)",
            sitePath: sitePath.map { "\($0).\(name)" })
    }

    /// A module of a list within this one.
    subscript(list: String, index: Int) -> ModuleLoader { self["\(list).\(index)"] }

    /// The name of a weight in the file.
    func name(_ weight: String) -> String { path.isEmpty ? weight : "\(path).\(weight)" }

    func contains(_ weight: String) throws -> Bool { try weights.tensor(name(weight)) != nil }

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
        let stored = try matrix("weight", rows: outputs, columns: inputs)
        return LinearLayer(weight: stored, bias: bias ? try vector("bias", channels: outputs) : nil)
    }

    /// A matrix in the type it is stored in.
    func matrix(_ weight: String, rows: Int, columns: Int) throws -> Tensor {
        let full = name(weight)
        guard let tensor = try weights.tensor(full) else { throw ModelError.missingTensor(full) }
        let matrix: Shape = [rows, columns]
        guard tensor.shape == matrix || tensor.shape == [rows, columns, 1, 1] else {
            throw ModelError.wrongShape(name: full, found: tensor.shape, expected: matrix)
        }
        try requireWeight(tensor.dtype, full)
        if let sitePath { register.add(matrix: full, as: "\(sitePath).\(weight)", of: weights) }
        return try backend.adopt(tensor.bytes, owner: tensor.owner, matrix, tensor.dtype)
    }

    /// A convolution with a square kernel.
    func convolution(_ inputs: Int, _ outputs: Int, kernel: Int, bias: Bool = true) throws -> ConvolutionLayer {
        let full = name("weight")
        let stored = try weights.required(full, shape: [outputs, inputs, kernel, kernel])
        try requireWeight(stored.dtype, full)
        let weight: Tensor
        if kernel == 1 {
            weight = try backend.adopt(stored.bytes, owner: stored.owner, [outputs, 1, 1, inputs], stored.dtype)
        } else {
            let permuted = try ConvolutionWeights.fromConv(stored.bytes, stored.shape, stored.dtype)
            weight = try backend.upload(permuted.bytes, permuted.shape, stored.dtype)
        }
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
