import Tensors

/// A residual block of two convolutions (He et al. 2016, as in Ho et al. 2020): `x + conv2(silu(norm2(conv1(silu(norm1(x))) + time)))`.
///
/// It reads like `ResnetBlock2D` of diffusers.
struct ResnetBlock {
    private let norm1, norm2: GroupNormLayer
    private let conv1, conv2: ConvolutionLayer
    /// Of the timestep's embedding to a number for each channel; nil in an autoencoder.
    private let timeProjection: LinearLayer?
    /// Where the numbers of channels differ.
    private let shortcut: ConvolutionLayer?
    /// The block's result.
    let site: Site?

    /// - Parameter timeChannels: Of the timestep's embedding; nil for a block without one.
    init(_ m: ModuleLoader, inputs: Int, outputs: Int, timeChannels: Int?, groups: Int, epsilon: Float) throws {
        norm1 = try m["norm1"].groupNorm(inputs, groups: groups, epsilon: epsilon)
        conv1 = try m["conv1"].convolution(inputs, outputs, kernel: 3)
        timeProjection = try timeChannels.map { try m["time_emb_proj"].linear($0, outputs) }
        norm2 = try m["norm2"].groupNorm(outputs, groups: groups, epsilon: epsilon)
        conv2 = try m["conv2"].convolution(outputs, outputs, kernel: 3)
        shortcut = inputs == outputs ? nil : try m["conv_shortcut"].convolution(inputs, outputs, kernel: 1)
        site = m.site(outputs)
    }

    /// The first half.
    /// - Parameter time: `[images, time channels]`, the embedding after its activation.
    func inner(_ x: Tensor, time: Tensor?, _ context: ForwardContext) throws -> Tensor {
        let h = try conv1(norm1(x, activation: .silu, context), on: context.backend)
        guard let timeProjection, let time else { return h }
        let shift = try timeProjection(time, on: context.backend)
        return try context.backend.add(h, shift.reshaped([shift.shape[0], 1, 1, shift.shape[1]]), into: h)
    }

    /// The second half, with the block's input added.
    func outer(_ h: Tensor, residual x: Tensor, _ context: ForwardContext) throws -> Tensor {
        let normed = try norm2(h, activation: .silu, context)
        return try conv2(normed, residual: shortcut.map { try $0(x, on: context.backend) } ?? x, on: context.backend)
    }

    func callAsFunction(_ x: Tensor, time: Tensor? = nil, _ context: ForwardContext) throws -> Tensor {
        try context.visit(outer(inner(x, time: time, context), residual: x, context), at: site)
    }
}
