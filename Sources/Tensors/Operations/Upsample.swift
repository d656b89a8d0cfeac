/// How the pixels of a resized image come from those of the image, as PyTorch's `interpolate` has it.
public enum Interpolation: Sendable, Hashable {
    /// The pixel at `⌊i · (f32(in) / f32(out))⌋`, the product rounded to f32.
    case nearest
    /// The weighted mean of the four pixels around a place. With aligned corners the first and last pixels of both images coincide;
    /// otherwise the edges of the images do.
    case bilinear(alignCorners: Bool)
}

/// A validated ``Backend/upsample(_:height:width:_:into:)``.
public struct UpsampleOperation {
    /// `[B, H, W, C]` f32 or f16.
    public let x: Tensor
    public let interpolation: Interpolation
    /// `[B, height, width, C]`, of x's type.
    public let output: Tensor
}

extension UpsampleOperation {
    /// The index that ``Interpolation/nearest`` takes along an axis.
    public static func nearest(_ index: Int, extent: Int, scale: Float) -> Int {
        min(Int((Float(index) * scale).rounded(.down)), extent - 1)
    }

    /// `extent / outputExtent` as ``Interpolation/nearest`` has it.
    public static func scale(extent: Int, outputExtent: Int) -> Float { Float(extent) / Float(outputExtent) }

    /// Where an index of the output lies along an axis of x, as a fraction: exact, so that all devices choose the same pixels.
    ///
    /// `(i + ½) · in / out − ½`, not less than 0; with aligned corners `i · (in − 1) / (out − 1)`.
    public static func place(
        _ index: Int, extent: Int, outputExtent: Int, alignCorners: Bool
    ) -> (numerator: Int, denominator: Int) {
        if alignCorners { return (index * (extent - 1), max(outputExtent - 1, 1)) }
        return (max((2 * index + 1) * extent - outputExtent, 0), 2 * outputExtent)
    }
}

extension Backend {
    /// An image at another size: larger or smaller, each axis on its own, without a filter.
    ///
    /// - Parameters:
    ///   - x: `[B, H, W, C]` f32 or f16, H and W from 1 to 16384.
    ///   - height: From 1 to 16384.
    ///   - width: From 1 to 16384.
    /// - Returns: `[B, height, width, C]`, of x's type. ``Interpolation/nearest`` keeps every bit.
    public func upsample(
        _ x: Tensor, height: Int, width: Int, _ interpolation: Interpolation, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "upsample"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(x.shape.rank == 4, name, "x has shape \(x.shape), expected [batch, height, width, channels]")
        // Places are fractions of 32 bits.
        let extents = 1...16_384
        try Validation.require(
            extents.contains(x.shape[1]) && extents.contains(x.shape[2]), name, "x has shape \(x.shape), expected pixels from 1 to 16384")
        try Validation.requireOption(
            extents.contains(height) && extents.contains(width), name, "a size of \(height) × \(width), expected 1 to 16384")
        let shape: Shape = [x.shape[0], height, width, x.shape[3]]
        let result = try Validation.output(output, shape, x.dtype, self, name, reading: [.apart(x, "x")])
        if shape.count == 0 { return result }
        try upsample(UpsampleOperation(x: x, interpolation: interpolation, output: result))
        return result
    }
}
