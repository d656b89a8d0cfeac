/// What the two convolutions share: operands in channels-last layout, and how the kernel goes over each axis.
public struct ConvolutionOperands {
    /// `[batch, height, width, inC]` f32 or f16.
    public let x: Tensor
    /// `[outC, kernel height, kernel width, inC / groups]`, f32, f16, bf16 or q8_0.
    public let weight: Tensor
    /// `[outC]` f32.
    public let bias: Tensor?
    public let activation: Activation
    /// Its rows are the pixels of the result, image by image.
    public let transport: TransportApplication?
    /// Of the output's shape, f32 or f16.
    public let residual: Tensor?
    /// `[batch, output height, output width, outC]` f32 or f16.
    public let output: Tensor
    public let vertical: ConvolutionAxis
    public let horizontal: ConvolutionAxis
    /// Output channels are as many equal groups as input channels; a group sees only the input channels of its own.
    public let groups: Int

    public var batch: Int { x.shape[0] }
    public var inputChannels: Int { x.shape[3] }
    public var outputChannels: Int { weight.shape[0] }
    /// The input channels that an output channel sees.
    public var groupInputs: Int { weight.shape[3] }
    /// The output channels of a group.
    public var groupOutputs: Int { outputChannels / groups }
    /// The elements of a weight row: what is summed for one output where no tap meets padding.
    public var rowElements: Int { vertical.taps * horizontal.taps * groupInputs }
    /// The pixels of the result, over all images.
    public var outputPixels: Int { batch * vertical.outputs * horizontal.outputs }
    /// Whether each channel has its own kernel and sees no other channel.
    public var isDepthwise: Bool { groups > 1 && groupInputs == 1 && groupOutputs == 1 }
}

/// A validated ``Backend/conv2d(_:weight:bias:stride:padding:dilation:groups:upsampling:epilogue:as:into:)``. One that is a matrix product
/// (a kernel of one pixel, no stride, padding, groups or upsampling) arrives as ``Backend/linear(_:)`` instead.
public struct Conv2dOperation {
    public let operands: ConvolutionOperands
}

/// A validated ``Backend/convTranspose2d(_:weight:bias:stride:padding:dilation:groups:outputPadding:epilogue:as:into:)``.
public struct ConvTranspose2dOperation {
    public let operands: ConvolutionOperands
}

extension Backend {
    /// A convolution (the cross-correlation of deep learning) of images, accumulated in f32 or wider:
    ///
    /// `y[b, r, c, n] = epilogue(bias[n] + Σ w[n, i, j, k] · x[b, r·stride + i·dilation − top, c·stride + j·dilation − left, k])`
    ///
    /// over the taps (i, j) and the input channels k of n's group; x is 0 outside the image. The result has
    /// `(height·upsampling + top + bottom − dilation·(kernel height − 1) − 1) / stride + 1` rows (rounded down), columns alike.
    ///
    /// - Parameters:
    ///   - x: `[batch, height, width, inC]` f32 or f16.
    ///   - weight: `[outC, kernel height, kernel width, inC / groups]`, f32, f16, bf16 or q8_0 (where inC / groups is a multiple of 32);
    ///     ``ConvolutionWeights`` makes it of PyTorch's layout.
    ///   - bias: `[outC]` f32.
    ///   - stride: Pixels between neighbouring outputs.
    ///   - padding: Zeros around the (upsampled) image, for each side.
    ///   - dilation: Pixels between neighbouring taps.
    ///   - groups: A divisor of inC and outC; inC of them make the convolution depthwise.
    ///   - upsampling: Each pixel is first repeated so many times along both axes (nearest neighbour), without a copy of the image.
    ///   - epilogue: Activation, transports and residual (of the result's shape, f32 or f16), in this order. A transport's rows are the pixels of
    ///     the result, image by image.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; allocated when nil. May be the residual itself.
    /// - Returns: `[batch, output height, output width, outC]`.
    public func conv2d(
        _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Extent2D = 1, padding: ConvolutionPadding = 0, dilation: Extent2D = 1,
        groups: Int = 1, upsampling: Int = 1, epilogue: Epilogue = .none, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "conv2d"
        try ConvolutionValidation.operands(x, weight, stride, padding, dilation, groups, name)
        try Validation.requireOption(
            upsampling >= 1 && upsampling < 1 << 28, name, "upsampling is \(upsampling), expected at least 1 and below 2²⁸")
        let vertical = ConvolutionAxis(
            inputs: x.shape[1], taps: weight.shape[1], stride: stride.height, dilation: dilation.height,
            padding: (padding.top, padding.bottom), upsampling: upsampling)
        let horizontal = ConvolutionAxis(
            inputs: x.shape[2], taps: weight.shape[2], stride: stride.width, dilation: dilation.width,
            padding: (padding.left, padding.right), upsampling: upsampling)
        return try convolve(x, weight, bias, vertical, horizontal, groups, epilogue, dtype, output, name) { operands in
            if let product = try operands.matrixProduct() { return try linear(product) }
            try conv2d(Conv2dOperation(operands: operands))
        }
    }

    /// A transposed convolution: the gradient of ``conv2d(_:weight:bias:stride:padding:dilation:groups:upsampling:epilogue:as:into:)`` with
    /// regard to its input, as PyTorch defines `ConvTranspose2d`. Each input pixel adds its products with the kernel to the result:
    ///
    /// `y[b, i·stride + t·dilation − top, …, n] += w[n, t, …, k] · x[b, i, …, k]`
    ///
    /// The result has `(height − 1)·stride + dilation·(kernel height − 1) + 1 − top − bottom + output padding` rows, columns alike.
    ///
    /// - Parameters:
    ///   - x: `[batch, height, width, inC]` f32 or f16.
    ///   - weight: `[outC, kernel height, kernel width, inC / groups]`, f32, f16, bf16 or q8_0 (where inC / groups is a multiple of 32);
    ///     ``ConvolutionWeights`` makes it of PyTorch's layout.
    ///   - bias: `[outC]` f32.
    ///   - stride: Pixels of the result between those that neighbouring inputs add to.
    ///   - padding: Pixels that the result loses, for each side.
    ///   - dilation: Pixels between neighbouring taps.
    ///   - groups: A divisor of inC and outC.
    ///   - outputPadding: Pixels that the result gains at the bottom and at the right; below the stride or the dilation.
    ///   - epilogue: Activation, transports and residual (of the result's shape, f32 or f16), in this order. A transport's rows are the pixels of
    ///     the result, image by image.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; allocated when nil. May be the residual itself.
    /// - Returns: `[batch, output height, output width, outC]`.
    public func convTranspose2d(
        _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Extent2D = 1, padding: ConvolutionPadding = 0, dilation: Extent2D = 1,
        groups: Int = 1, outputPadding: Extent2D = 0, epilogue: Epilogue = .none, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "convTranspose2d"
        try ConvolutionValidation.operands(x, weight, stride, padding, dilation, groups, name)
        try Validation.requireOption(
            outputPadding.height >= 0 && outputPadding.height < max(stride.height, dilation.height)
                && outputPadding.width >= 0 && outputPadding.width < max(stride.width, dilation.width), name,
            "output padding \(outputPadding) is not below the stride \(stride) or the dilation \(dilation)")
        let vertical = ConvolutionAxis(
            inputs: x.shape[1], taps: weight.shape[1], stride: stride.height, dilation: dilation.height,
            padding: (padding.top, padding.bottom), outputPadding: outputPadding.height)
        let horizontal = ConvolutionAxis(
            inputs: x.shape[2], taps: weight.shape[2], stride: stride.width, dilation: dilation.width,
            padding: (padding.left, padding.right), outputPadding: outputPadding.width)
        return try convolve(x, weight, bias, vertical, horizontal, groups, epilogue, dtype, output, name) { operands in
            try convTranspose2d(ConvTranspose2dOperation(operands: operands))
        }
    }

    /// A convolution of sequences: ``conv2d(_:weight:bias:stride:padding:dilation:groups:upsampling:epilogue:as:into:)`` on images of one row.
    ///
    /// - Parameters:
    ///   - x: `[batch, length, inC]` f32 or f16.
    ///   - weight: `[outC, kernel length, inC / groups]`.
    ///   - padding: Zeros before and after the sequence; a causal convolution has `dilation·(kernel length − 1)` before and none after.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    /// - Returns: `[batch, output length, outC]`.
    public func conv1d(
        _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: (before: Int, after: Int) = (0, 0),
        dilation: Int = 1, groups: Int = 1, epilogue: Epilogue = .none, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "conv1d"
        try Validation.require(
            x.shape.rank == 3 && weight.shape.rank == 3, name,
            "x \(x.shape) and weight \(weight.shape), expected [batch, length, inC] and [outC, kernel length, inC / groups]")
        func image(_ tensor: Tensor, _ what: String) throws -> Tensor {
            try Validation.require(tensor.shape.rank == 3, name, "\(what) has shape \(tensor.shape), expected [batch, length, outC]")
            return try tensor.reshaped([tensor.shape[0], 1, tensor.shape[1], tensor.shape[2]])
        }
        var epilogue = epilogue
        epilogue.residual = try epilogue.residual.map { try image($0, "the residual") }
        let result = try conv2d(
            image(x, "x"), weight: image(weight, "the weight"), bias: bias, stride: Extent2D(height: 1, width: stride),
            padding: ConvolutionPadding(left: padding.before, right: padding.after), dilation: Extent2D(height: 1, width: dilation),
            groups: groups, epilogue: epilogue, as: dtype, into: output.map { try image($0, "the output") })
        return try result.reshaped([result.shape[0], result.shape[2], result.shape[3]])
    }

    /// What follows once the axes are known: the result's shape, the epilogue, and maps beyond the first.
    private func convolve(
        _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ vertical: ConvolutionAxis, _ horizontal: ConvolutionAxis, _ groups: Int,
        _ epilogue: Epilogue, _ dtype: DType?, _ output: Tensor?, _ name: String, _ run: (ConvolutionOperands) throws -> Void
    ) throws -> Tensor {
        let shape = try ConvolutionValidation.result(x, weight, vertical, horizontal, name)
        try ConvolutionValidation.epilogue(epilogue, bias, shape, name)
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(
            output, shape, dtype, self, name,
            reading: [
                .apart(x, "x"), .apart(weight, "the weight"), .apart(bias, "the bias"), .inPlace(epilogue.residual, "the residual"),
                .transports(epilogue.transports),
            ])
        if shape.count == 0 { return result }
        // Only the first map can be fused; with more of them the residual, over which the result may be written, waits for the last.
        let following = epilogue.following
        let defers = !following.isEmpty && epilogue.residual != nil
        let mapped = defers ? try allocate(shape, dtype) : result
        try run(
            ConvolutionOperands(
                x: x, weight: weight, bias: bias, activation: epilogue.activation, transport: epilogue.fused,
                residual: defers ? nil : epilogue.residual, output: mapped, vertical: vertical, horizontal: horizontal, groups: groups))
        try apply(following, to: mapped)
        if defers, let residual = epilogue.residual { _ = try add(mapped, residual, into: result) }
        return result
    }
}

extension ConvolutionOperands {
    /// The same as a matrix product over pixels, where it is one.
    fileprivate func matrixProduct() throws -> LinearOperation? {
        func isPlain(_ axis: ConvolutionAxis) -> Bool {
            axis.taps == 1 && axis.stride == 1 && axis.paddingBefore == 0 && axis.paddingAfter == 0 && axis.upsampling == 1
        }
        guard groups == 1, isPlain(vertical), isPlain(horizontal) else { return nil }
        return try LinearOperation(
            x: x, weight: weight.reshaped([outputChannels, inputChannels]), bias: bias, activation: activation, transport: transport,
            residual: residual, output: output)
    }
}
