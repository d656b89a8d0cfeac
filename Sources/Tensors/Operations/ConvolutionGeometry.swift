/// A number for the vertical axis of an image and one for the horizontal; an integer literal stands for both.
public struct Extent2D: Hashable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    public var height: Int
    public var width: Int

    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    public init(integerLiteral both: Int) { self.init(height: both, width: both) }

    public var description: String { "\(height)×\(width)" }
}

/// How many pixels of zeros stand around an image, for each side; an integer literal stands for all four.
public struct ConvolutionPadding: Hashable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    public var top: Int
    public var bottom: Int
    public var left: Int
    public var right: Int

    public init(top: Int = 0, bottom: Int = 0, left: Int = 0, right: Int = 0) {
        self.top = top
        self.bottom = bottom
        self.left = left
        self.right = right
    }

    public init(integerLiteral all: Int) { self.init(top: all, bottom: all, left: all, right: all) }

    public var description: String { "(top \(top), bottom \(bottom), left \(left), right \(right))" }
}

/// How a convolution goes over one axis of an image: which input position each tap of the kernel meets at each output position.
///
/// A convolution steps over its input: output o and tap t meet position `o·stride + t·dilation − paddingBefore` of the image, which is
/// the input repeated `upsampling` times (nearest neighbour). A transposed convolution steps over its output (Dumoulin & Visin, "A
/// guide to convolution arithmetic for deep learning", 2016, section 4): input i and tap t add to output
/// `i·stride + t·dilation − paddingBefore`, so that output o and tap t meet `(o + paddingBefore − t·dilation) / stride` where
/// that is whole.
public struct ConvolutionAxis: Hashable, Sendable {
    /// The extent of the input, before any upsampling.
    public let inputs: Int
    public let outputs: Int
    /// The extent of the kernel.
    public let taps: Int
    public let stride: Int
    public let dilation: Int
    public let paddingBefore: Int
    public let paddingAfter: Int
    /// How often each input position is repeated; 1 where the convolution is transposed.
    public let upsampling: Int
    public let isTransposed: Bool

    /// The axis of a convolution; `outputs` is below 1 when the kernel does not fit.
    init(inputs: Int, taps: Int, stride: Int, dilation: Int, padding: (before: Int, after: Int), upsampling: Int) {
        let free = inputs * upsampling + padding.before + padding.after - dilation * (taps - 1) - 1
        self.init(
            inputs: inputs, outputs: free < 0 ? 0 : free / stride + 1, taps: taps, stride: stride, dilation: dilation,
            padding: padding, upsampling: upsampling, isTransposed: false)
    }

    /// The axis of a transposed convolution; `outputs` is below 1 when the padding takes all of it.
    init(inputs: Int, taps: Int, stride: Int, dilation: Int, padding: (before: Int, after: Int), outputPadding: Int) {
        let outputs = (inputs - 1) * stride + dilation * (taps - 1) + 1 - padding.before - padding.after + outputPadding
        self.init(
            inputs: inputs, outputs: outputs, taps: taps, stride: stride, dilation: dilation, padding: padding, upsampling: 1,
            isTransposed: true)
    }

    private init(
        inputs: Int, outputs: Int, taps: Int, stride: Int, dilation: Int, padding: (before: Int, after: Int), upsampling: Int,
        isTransposed: Bool
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.taps = taps
        self.stride = stride
        self.dilation = dilation
        paddingBefore = padding.before
        paddingAfter = padding.after
        self.upsampling = upsampling
        self.isTransposed = isTransposed
    }

    /// The largest position that kernels compute along the axis.
    var reach: Int { max(outputs * stride, inputs * upsampling, (taps - 1) * dilation) }

    /// The input position that a tap meets at an output position; nil where it meets padding, or nothing (transposed).
    @inlinable public func input(output: Int, tap: Int) -> Int? {
        if isTransposed {
            let position = output + paddingBefore - tap * dilation
            guard position >= 0, position % stride == 0, position / stride < inputs else { return nil }
            return position / stride
        }
        let position = output * stride + tap * dilation - paddingBefore
        return position >= 0 && position < inputs * upsampling ? position / upsampling : nil
    }
}
