import Tensors

/// A random convolution: its geometry, its weight, and the sums of its products with their errors.
struct CheckConvolution: CustomStringConvertible {
    let batch, height, width, inputs, outputs, groups: Int
    let kernel, stride, dilation: Extent2D
    let padding: ConvolutionPadding
    let upsampling: Int
    /// nil for a convolution, the output padding for a transposed one.
    let outputPadding: Extent2D?
    let weight: CheckWeight

    static let types: [DType] = [.f32, .f16, .bf16, .q8_0]

    /// A convolution, or a transposed one; one kind in twenty has more channels than 16 bits count.
    static func draw(_ dtype: DType, kind: Int, isTransposed: Bool, _ generator: inout CheckGenerator) -> CheckConvolution {
        if kind % 20 == 19 { return CheckConvolution(manyChannels: dtype, isTransposed: isTransposed, &generator) }
        return isTransposed
            ? CheckConvolution(transposed: dtype, kind: kind, &generator) : CheckConvolution(dtype, kind: kind, &generator)
    }

    /// A convolution.
    /// - Parameter kind: Counts through the kinds of geometry: 3×3, 1×1, any, depthwise, few channels, grouped.
    private init(_ dtype: DType, kind: Int, _ generator: inout CheckGenerator) {
        let isGeneral = kind % 6 >= 2
        batch = generator.chance(0.05) ? 0 : generator.integer(in: 1...3)
        (height, width) = (generator.integer(in: 1...9), generator.integer(in: 1...19))
        kernel =
            kind % 6 == 0 ? 3 : kind % 6 == 1 ? 1 : Extent2D(height: generator.integer(in: 1...5), width: generator.integer(in: 1...5))
        (groups, inputs, outputs) = Self.channels(dtype, kind: kind, &generator)
        stride =
            isGeneral ? Extent2D(height: generator.integer(in: 1...3), width: generator.integer(in: 1...3)) : generator.pick([1, 1, 2])
        dilation =
            isGeneral && generator.chance(0.5) ? Extent2D(height: generator.integer(in: 1...3), width: generator.integer(in: 1...3)) : 1
        upsampling = generator.chance(0.2) ? generator.integer(in: 2...3) : 1
        outputPadding = nil
        // As much padding as makes the kernel fit, however small the image; a 1×1 without any is a matrix product.
        let isPlain = kind % 6 == 1 && generator.chance(0.7)
        func side(_ extent: Int, _ span: Int, _ generator: inout CheckGenerator) -> (Int, Int) {
            let missing = max(0, span + 1 - extent)
            let before = generator.integer(in: 0...missing + (isPlain ? 0 : 2))
            return (before, max(0, missing - before) + (isPlain ? 0 : generator.integer(in: 0...2)))
        }
        let vertical = side(height * upsampling, dilation.height * (kernel.height - 1), &generator)
        let horizontal = side(width * upsampling, dilation.width * (kernel.width - 1), &generator)
        padding = ConvolutionPadding(top: vertical.0, bottom: vertical.1, left: horizontal.0, right: horizontal.1)
        weight = CheckWeight(rows: outputs, columns: kernel.height * kernel.width * inputs / groups, dtype, &generator)
    }

    /// A transposed convolution.
    private init(transposed dtype: DType, kind: Int, _ generator: inout CheckGenerator) {
        batch = generator.chance(0.05) ? 0 : generator.integer(in: 1...3)
        (height, width) = (generator.integer(in: 1...6), generator.integer(in: 1...11))
        kernel = kind % 6 == 0 ? 4 : Extent2D(height: generator.integer(in: 1...5), width: generator.integer(in: 1...5))
        (groups, inputs, outputs) = Self.channels(dtype, kind: kind, &generator)
        stride = kind % 6 == 0 ? 2 : Extent2D(height: generator.integer(in: 1...4), width: generator.integer(in: 1...4))
        dilation = generator.chance(0.3) ? Extent2D(height: generator.integer(in: 1...3), width: generator.integer(in: 1...3)) : 1
        upsampling = 1
        let largest = (max(stride.height, dilation.height) - 1, max(stride.width, dilation.width) - 1)
        outputPadding = Extent2D(height: generator.integer(in: 0...largest.0), width: generator.integer(in: 0...largest.1))
        // At least one pixel must be left.
        func side(_ most: Int, _ generator: inout CheckGenerator) -> (Int, Int) {
            let before = generator.integer(in: 0...min(most, 3))
            return (before, generator.integer(in: 0...min(most - before, 3)))
        }
        let vertical = side((height - 1) * stride.height + dilation.height * (kernel.height - 1), &generator)
        let horizontal = side((width - 1) * stride.width + dilation.width * (kernel.width - 1), &generator)
        padding = ConvolutionPadding(top: vertical.0, bottom: vertical.1, left: horizontal.0, right: horizontal.1)
        weight = CheckWeight(rows: outputs, columns: kernel.height * kernel.width * inputs / groups, dtype, &generator)
    }

    /// Two pixels and a kernel of two, over 70,000 channels: each by itself, or in four groups for a few outputs.
    private init(manyChannels dtype: DType, isTransposed: Bool, _ generator: inout CheckGenerator) {
        (batch, height, width) = (1, 1, 2)
        let isDepthwise = dtype == .f32 || dtype == .f16
        inputs = isDepthwise ? 70_000 : 70_016
        groups = isDepthwise ? inputs : 4
        outputs = isDepthwise ? inputs : 4 * generator.pick([1, 3, 8, 9])
        (kernel, stride, dilation) = (Extent2D(height: 1, width: 2), 1, 1)
        (padding, upsampling) = (0, 1)
        outputPadding = isTransposed ? 0 : nil
        weight = CheckWeight(rows: outputs, columns: 2 * inputs / groups, dtype, &generator)
    }

    private static func channels(
        _ dtype: DType, kind: Int, _ generator: inout CheckGenerator
    ) -> (groups: Int, inputs: Int, outputs: Int) {
        let block = dtype.blockElements
        switch kind % 6 {
        case 3 where block == 1:
            let channels = generator.extent(atMost: 70)
            return (channels, channels, channels)
        case 4 where block == 1: return (1, generator.integer(in: 1...4), generator.extent(atMost: 48))
        case 5:
            let groups = generator.integer(in: 2...4)
            return (groups, groups * block * generator.integer(in: 1...(block == 1 ? 40 : 2)), groups * generator.integer(in: 1...20))
        default:
            let inputs = block == 1 && generator.chance(0.5) ? generator.extent(atMost: 65) : 32 * generator.integer(in: 1...3)
            return (1, inputs, generator.chance(0.3) ? generator.integer(in: 1...4) : generator.extent(atMost: 70))
        }
    }

    /// Whether it is a product of each pixel's channels with the weight.
    private var isMatrixProduct: Bool {
        outputPadding == nil && groups == 1 && kernel == 1 && stride == 1 && upsampling == 1 && padding == 0
    }

    var inputShape: Shape { [batch, height, width, inputs] }

    var outputShape: Shape {
        func extent(_ size: Int, _ taps: Int, _ stride: Int, _ dilation: Int, _ padding: Int, _ extra: Int?) -> Int {
            guard let extra else { return (size * upsampling + padding - dilation * (taps - 1) - 1) / stride + 1 }
            return (size - 1) * stride + dilation * (taps - 1) + 1 - padding + extra
        }
        return [
            batch,
            extent(height, kernel.height, stride.height, dilation.height, padding.top + padding.bottom, outputPadding?.height),
            extent(width, kernel.width, stride.width, dilation.width, padding.left + padding.right, outputPadding?.width), outputs,
        ]
    }

    var description: String {
        "x \(inputShape), weight \([outputs, kernel.height, kernel.width, inputs / groups]) \(weight.dtype), stride \(stride), "
            + "padding \(padding), dilation \(dilation), \(groups) groups"
            + (upsampling == 1 ? "" : ", upsampling \(upsampling)") + (outputPadding.map { ", output padding \($0)" } ?? "")
    }

    /// Runs it on a device.
    /// - Parameter matrix: The weight as a matrix.
    func run(
        _ device: CheckDevice, _ x: Tensor, _ matrix: Tensor, _ bias: Tensor?, _ epilogue: Epilogue, into output: Tensor
    ) throws -> Tensor {
        let weight = try matrix.reshaped([outputs, kernel.height, kernel.width, inputs / groups])
        if let outputPadding {
            return try device.backend.convTranspose2d(
                x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups,
                outputPadding: outputPadding, epilogue: epilogue, into: output)
        }
        return try device.backend.conv2d(
            x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups, upsampling: upsampling,
            epilogue: epilogue, into: output)
    }

    /// Σ x·w for each element of the result, with a bound on the error of its f32 sum.
    ///
    /// Each input pixel is scattered to the outputs that it adds to: the other way round than the reference, which gathers.
    /// Products of pixels alone are those of ``Backend/linear(_:)``, with activations rounded as there.
    func sums(
        _ x: [Float], _ options: CheckOptions, roundedFactors: Int, _ reference: CheckDevice
    ) throws -> (values: [Double], errors: [Double]) {
        let rows = inputShape.rows
        let x = MeantActivations(x, rows: rows, channels: inputs, weight: isMatrixProduct ? weight.dtype : .f32, options)
        let elements = try weight.decoded(by: reference)
        let shape = outputShape
        let columns = weight.shape[1]
        // Three more: the product, its decoding, and the rounding of the result; with rounded activations a fourth, the product of scales.
        let steps = isMatrixProduct && options.rounds(rows, inputs, weight.dtype) ? 4.0 : 3
        let relative = (RoundOff.sum(columns) + steps) * RoundOff.unit + Double(roundedFactors) * RoundOff.toHalf.relative
        var values = [Double](repeating: 0, count: shape.count)
        var errors = [Double](repeating: Double(columns + 1) * RoundOff.flush, count: shape.count)
        let (groupInputs, groupOutputs) = (inputs / groups, outputs / groups)
        forEachMeeting { inputPixel, outputPixel, tap in
            for output in 0..<outputs {
                let xStart = inputPixel * inputs + output / groupOutputs * groupInputs
                let weightStart = output * columns + tap * groupInputs
                // What the rounding of a factor below 2⁻¹⁴ is multiplied with.
                var (sum, size, subnormal, rounding) = (0.0, 0.0, 0.0, 0.0)
                for k in 0..<groupInputs {
                    let (a, w) = (x.values[xStart + k], Double(elements[weightStart + k]))
                    let error = x.errors[xStart + k]
                    sum += a * w
                    size += (abs(a) + error) * (abs(w) + 2 * Double(weight.offsets[weightStart + k]))
                    subnormal += (roundedFactors > 0 ? abs(a) : 0) + (roundedFactors > 1 ? abs(w) : 0)
                    rounding += error * abs(w)
                }
                values[outputPixel * outputs + output] += sum
                errors[outputPixel * outputs + output] += relative * size + RoundOff.toHalf.absolute * subnormal + rounding
            }
        }
        return (values, errors)
    }

    /// Calls `body` for each input pixel and each output pixel that it adds to, with the tap between them; pixels are counted over all
    /// images.
    private func forEachMeeting(_ body: (_ inputPixel: Int, _ outputPixel: Int, _ tap: Int) -> Void) {
        let shape = outputShape
        for image in 0..<batch {
            for tap in 0..<kernel.height * kernel.width {
                let rows = Self.meetings(
                    height, shape[1], tap / kernel.width, stride.height, dilation.height, padding.top, upsampling, outputPadding != nil)
                let columns = Self.meetings(
                    width, shape[2], tap % kernel.width, stride.width, dilation.width, padding.left, upsampling, outputPadding != nil)
                for row in rows {
                    for column in columns {
                        body(
                            (image * height + row.input) * width + column.input, (image * shape[1] + row.output) * shape[2] + column.output,
                            tap)
                    }
                }
            }
        }
    }

    /// The pairs of positions along one axis that a tap joins.
    private static func meetings(
        _ inputs: Int, _ outputs: Int, _ tap: Int, _ stride: Int, _ dilation: Int, _ padding: Int, _ upsampling: Int, _ isTransposed: Bool
    ) -> [(input: Int, output: Int)] {
        if isTransposed {
            return (0..<inputs).map { ($0, $0 * stride + tap * dilation - padding) }.filter { 0..<outputs ~= $0.1 }
        }
        return (0..<inputs * upsampling).compactMap { position in
            let offset = position + padding - tap * dilation
            guard offset >= 0, offset % stride == 0, offset / stride < outputs else { return nil }
            return (position / upsampling, offset / stride)
        }
    }
}
