/// Checks that the convolutions share.
enum ConvolutionValidation {
    /// The weight types of a convolution.
    static let weightTypes: [DType] = [.f32, .f16, .bf16, .q8_0]

    static func operands(
        _ x: Tensor, _ weight: Tensor, _ stride: Extent2D, _ padding: ConvolutionPadding, _ dilation: Extent2D, _ groups: Int,
        _ name: String
    ) throws {
        try Validation.requireActivation(x, "x", name)
        guard weightTypes.contains(weight.dtype) else {
            let types = weightTypes.map(\.rawValue).joined(separator: ", ")
            throw TensorError.unsupportedType(operation: name, detail: "the weight is \(weight.dtype), expected one of \(types)")
        }
        try Validation.require(
            x.shape.rank == 4 && weight.shape.rank == 4, name,
            "x \(x.shape) and weight \(weight.shape), expected [batch, height, width, inC] (channels last) and "
                + "[outC, kernel height, kernel width, inC / groups]")
        try Validation.requireOption(groups >= 1, name, "\(groups) groups, expected at least 1")
        try Validation.require(
            weight.shape[3] >= 1 && x.shape[3] == weight.shape[3] * groups && weight.shape[0] % groups == 0, name,
            "x \(x.shape) does not match weight \(weight.shape) in \(groups) group\(groups == 1 ? "" : "s"), expected "
                + "[batch, height, width, inC] (channels last) and [outC, kernel height, kernel width, inC / groups]")
        try Validation.require(
            x.shape[1] >= 1 && x.shape[2] >= 1 && weight.shape[1] >= 1 && weight.shape[2] >= 1, name,
            "x \(x.shape) or weight \(weight.shape) has no pixels")
        try Validation.requireOption(stride.height >= 1 && stride.width >= 1, name, "stride \(stride), expected at least 1")
        try Validation.requireOption(dilation.height >= 1 && dilation.width >= 1, name, "dilation \(dilation), expected at least 1")
        try Validation.requireOption(
            min(padding.top, padding.bottom, padding.left, padding.right) >= 0, name, "padding \(padding), expected no negative side")
        // Positions are computed in 32 bits by kernels: each of their parts is kept far below 2³¹.
        let largest = [
            stride.height, stride.width, dilation.height, dilation.width, padding.top, padding.bottom, padding.left, padding.right,
            weight.shape[1], weight.shape[2],
        ].max()!
        try Validation.requireOption(largest < 1 << 28, name, "a stride, dilation, padding or kernel of \(largest), expected below 2²⁸")
    }

    /// The result's shape.
    static func result(
        _ x: Tensor, _ weight: Tensor, _ vertical: ConvolutionAxis, _ horizontal: ConvolutionAxis, _ name: String
    ) throws -> Shape {
        try Validation.require(
            vertical.outputs >= 1 && horizontal.outputs >= 1, name,
            "weight \(weight.shape) leaves nothing of x \(x.shape) with this padding and dilation")
        // Below 2³¹, so that kernels can add offsets to positions.
        try Validation.requireOption(
            max(vertical.reach, horizontal.reach) < 1 << 30, name,
            "an image of \(x.shape) is too large for positions below 2³⁰ with weight \(weight.shape)")
        return [x.shape[0], vertical.outputs, horizontal.outputs, weight.shape[0]]
    }

    static func epilogue(_ epilogue: Epilogue, _ bias: Tensor?, _ shape: Shape, _ name: String) throws {
        if let bias {
            try Validation.requireType(bias, .f32, "the bias", name)
            try Validation.require(
                bias.shape == [shape.channels], name, "bias \(bias.shape) does not match the result \(shape), expected [outC]")
        }
        try Validation.residual(epilogue.residual, of: shape, name)
        for transport in epilogue.transports { try Validation.transport(transport, on: shape, name) }
        try Validation.requireNoGates(epilogue.transports, name)
    }
}
