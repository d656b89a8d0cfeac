import Tensors

/// The layers of image models and encoders whose results are sites.
extension ForwardContext {
    /// ``Backend/layerNorm(_:gain:bias:epsilon:transports:as:into:)`` whose result is a site.
    /// - Parameter dtype: The type of the result; nil for x's.
    public func layerNorm(
        _ x: Tensor, gain: Tensor? = nil, bias: Tensor? = nil, epsilon: Float, as dtype: DType? = nil, at site: Site
    ) throws -> Tensor {
        let maps = installed(at: site, on: x.shape)
        return try observe(backend.layerNorm(x, gain: gain, bias: bias, epsilon: epsilon, transports: maps, as: dtype), at: site)
    }

    /// ``Backend/groupNorm(_:groups:gain:bias:epsilon:transports:epilogue:as:into:)`` whose result, before the activation, is a site.
    /// - Parameter dtype: The type of the result; nil for x's.
    public func groupNorm(
        _ x: Tensor, groups: Int, gain: Tensor? = nil, bias: Tensor? = nil, epsilon: Float, activation: Activation = .identity,
        as dtype: DType? = nil, at site: Site
    ) throws -> Tensor {
        let maps = installed(at: site, on: x.shape)
        let fused = taps(site) ? .identity : activation
        let y = try backend.groupNorm(
            x, groups: groups, gain: gain, bias: bias, epsilon: epsilon, transports: maps, epilogue: Epilogue(activation: fused),
            as: dtype)
        guard taps(site) else { return y }
        let observed = try observe(y, at: site)
        return activation == .identity ? observed : try backend.activation(observed, activation)
    }

    /// ``Backend/conv2d(_:weight:bias:stride:padding:dilation:groups:upsampling:epilogue:as:into:)`` whose result, before the residual
    /// is added, is a site.
    /// - Parameter dtype: The type of the result; nil for x's.
    public func conv2d(
        _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Extent2D = 1, padding: ConvolutionPadding = 0, dilation: Extent2D = 1,
        groups: Int = 1, upsampling: Int = 1, residual: Tensor? = nil, as dtype: DType? = nil, at site: Site
    ) throws -> Tensor {
        try product(at: site, of: x, residual: residual) { epilogue in
            try backend.conv2d(
                x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups,
                upsampling: upsampling, epilogue: epilogue, as: dtype)
        }
    }

    /// The elements of a module's tuple, each a site of its own (``SiteList/add(_:tuple:)``).
    public func visit(_ elements: [Tensor], at sites: [Site]) throws -> [Tensor] {
        precondition(elements.count == sites.count, "\(elements.count) elements of a tuple have \(sites.count) sites")
        return try zip(elements, sites).map { try visit($0, at: $1) }
    }
}
