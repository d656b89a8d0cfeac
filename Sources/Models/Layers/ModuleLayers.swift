import Tensors

/// y = x · Wᵀ + b.
struct LinearLayer {
    /// `[outputs, inputs]`
    let weight: LayerWeight
    let bias: Tensor?

    func callAsFunction(
        _ x: Tensor, activation: Activation = .identity, residual: Tensor? = nil, as dtype: DType? = nil, on backend: any Backend
    ) throws -> Tensor {
        try backend.linear(
            x, weight: weight(on: backend), bias: bias, epilogue: Epilogue(activation: activation, residual: residual), as: dtype)
    }

    /// With a result that is a site before the residual is added, where there is one.
    func callAsFunction(_ x: Tensor, residual: Tensor? = nil, at site: Site?, _ context: ForwardContext) throws -> Tensor {
        guard let site else { return try self(x, residual: residual, on: context.backend) }
        return try context.linear(x, weight: weight(on: context.backend), bias: bias, residual: residual, at: site)
    }
}

/// A convolution with a square kernel.
struct ConvolutionLayer {
    /// `[outputs, kernel, kernel, inputs]`
    let weight: LayerWeight
    let bias: Tensor?
    let kernel: Int

    /// - Parameters:
    ///   - padding: nil for as much as keeps the size at a stride of 1.
    ///   - upsampling: How often each pixel is repeated along both axes first.
    func callAsFunction(
        _ x: Tensor, stride: Int = 1, padding: ConvolutionPadding? = nil, upsampling: Int = 1, activation: Activation = .identity,
        residual: Tensor? = nil, as dtype: DType? = nil, on backend: any Backend
    ) throws -> Tensor {
        try backend.conv2d(
            x, weight: weight(on: backend), bias: bias, stride: Extent2D(height: stride, width: stride),
            padding: padding ?? ConvolutionPadding(integerLiteral: (kernel - 1) / 2), upsampling: upsampling,
            epilogue: Epilogue(activation: activation, residual: residual), as: dtype)
    }
}

struct GroupNormLayer {
    let groups: Int
    let gain, bias: Tensor
    let epsilon: Float
    let site: Site?

    func callAsFunction(_ x: Tensor, activation: Activation = .identity, _ context: ForwardContext) throws -> Tensor {
        guard let site else {
            return try context.backend.groupNorm(
                x, groups: groups, gain: gain, bias: bias, epsilon: epsilon, epilogue: Epilogue(activation: activation))
        }
        return try context.groupNorm(x, groups: groups, gain: gain, bias: bias, epsilon: epsilon, activation: activation, at: site)
    }
}

struct LayerNormLayer {
    let gain, bias: Tensor
    let epsilon: Float
    let site: Site?

    func callAsFunction(_ x: Tensor, as dtype: DType? = nil, _ context: ForwardContext) throws -> Tensor {
        guard let site else { return try context.backend.layerNorm(x, gain: gain, bias: bias, epsilon: epsilon, as: dtype) }
        return try context.layerNorm(x, gain: gain, bias: bias, epsilon: epsilon, as: dtype, at: site)
    }
}

/// A norm without a mean (Zhang & Sennrich 2019).
struct RMSNormLayer {
    let gain: Tensor
    let epsilon: Float
    let site: Site?

    /// - Parameter dtype: The type of the result; nil for x's.
    func callAsFunction(_ x: Tensor, as dtype: DType? = nil, _ context: ForwardContext) throws -> Tensor {
        guard let site else { return try context.backend.rmsNorm(x, gain: gain, epsilon: epsilon, as: dtype) }
        return try context.rmsNorm(x, gain: gain, epsilon: epsilon, as: dtype, at: site)
    }
}

extension ForwardContext {
    /// An activation that is a site in models that have sites.
    func visit(_ x: Tensor, at site: Site?) throws -> Tensor {
        guard let site else { return x }
        return try visit(x, at: site)
    }
}
