/// The weights of convolutions as files have them, permuted once on the host to the layout of the operations:
/// `[outC, kernel height, kernel width, inC / groups]`.
public enum ConvolutionWeights {
    /// The weight of ``Backend/conv2d(_:weight:bias:stride:padding:dilation:groups:upsampling:epilogue:into:)`` of PyTorch's `Conv2d`.
    ///
    /// - Parameters:
    ///   - bytes: `[outC, inC / groups, kernel height, kernel width]`, or `[outC, inC / groups, kernel length]` of `Conv1d`.
    ///   - shape: The shape of `bytes`.
    ///   - dtype: f32, f16 or bf16; quantise afterwards (``Quantiser``), since a block lies along the last axis.
    /// - Returns: The elements, the channels last, and their shape.
    public static func fromConv(
        _ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType
    ) throws -> (bytes: [UInt8], shape: Shape) {
        let name = "convolution weight"
        try check(bytes, shape, dtype, name)
        let (outputs, inputs) = (shape[0], shape[1])
        let taps = shape.dimensions.dropFirst(2).reduce(1, *)
        let result = channelsLast(bytes, outputs: outputs, inputs: inputs, taps: taps, step: taps, dtype) { $0 * inputs * taps }
        return (result, Shape([outputs] + shape.dimensions.dropFirst(2) + [inputs]))
    }

    /// The weight of ``Backend/convTranspose2d(_:weight:bias:stride:padding:dilation:groups:outputPadding:epilogue:into:)`` of PyTorch's
    /// `ConvTranspose2d`: output channel o of group g, input channel i of the group is `[g · inC / groups + i, o]` there. The taps keep
    /// their order.
    ///
    /// - Parameters:
    ///   - bytes: `[inC, outC / groups, kernel height, kernel width]`.
    ///   - shape: The shape of `bytes`.
    ///   - dtype: f32, f16 or bf16.
    ///   - groups: Those of the convolution.
    /// - Returns: The elements, the channels last, and their shape.
    public static func fromConvTranspose(
        _ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType, groups: Int = 1
    ) throws -> (bytes: [UInt8], shape: Shape) {
        let name = "transposed convolution weight"
        try check(bytes, shape, dtype, name)
        try Validation.requireOption(
            groups >= 1 && shape[0] % groups == 0, name, "\(groups) groups do not divide the input channels of \(shape)")
        let (inputs, outputs) = (shape[0] / groups, shape[1])
        let taps = shape.dimensions.dropFirst(2).reduce(1, *)
        let result = channelsLast(
            bytes, outputs: outputs * groups, inputs: inputs, taps: taps, step: outputs * taps, dtype
        ) { output in (output / outputs * inputs * outputs + output % outputs) * taps }
        return (result, Shape([outputs * groups] + shape.dimensions.dropFirst(2) + [inputs]))
    }

    private static func check(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType, _ name: String) throws {
        guard [.f32, .f16, .bf16].contains(dtype) else {
            throw TensorError.unsupportedType(
                operation: name, detail: "elements of \(dtype) cannot be permuted; permute first, then quantise")
        }
        try Validation.require(shape.rank >= 3, name, "\(shape) has no axes for a kernel; expected two of channels and at least one more")
        try Validation.require(
            bytes.count == dtype.byteCount(elements: shape.count), name, "\(bytes.count) bytes are not those of \(dtype) \(shape)")
    }

    /// `[outputs, taps, inputs]`.
    ///
    /// - Parameters:
    ///   - step: From an input channel's taps in `bytes` to the next's.
    ///   - first: The element of `bytes` at which an output's begin.
    private static func channelsLast(
        _ bytes: UnsafeRawBufferPointer, outputs: Int, inputs: Int, taps: Int, step: Int, _ dtype: DType, first: (_ output: Int) -> Int
    ) -> [UInt8] {
        func gathered<Bits: BitwiseCopyable>(_: Bits.Type) -> [UInt8] {
            let size = MemoryLayout<Bits>.size
            let count = outputs * taps * inputs
            return [UInt8](unsafeUninitializedCapacity: count * size) { result, written in
                let elements = UnsafeMutableRawBufferPointer(result).bindMemory(to: Bits.self)
                var next = 0
                for output in 0..<outputs {
                    let first = first(output)
                    for tap in 0..<taps {
                        for input in 0..<inputs {
                            elements[next] = bytes.loadUnaligned(fromByteOffset: (first + input * step + tap) * size, as: Bits.self)
                            next += 1
                        }
                    }
                }
                written = count * size
            }
        }
        return dtype.blockBytes == 2 ? gathered(UInt16.self) : gathered(UInt32.self)
    }
}
