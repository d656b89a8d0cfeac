import Tensors

/// Where the taps of a kernel land along one axis of the image: a table, so that the kernels know nothing of strides, padding, dilation,
/// upsampling or transposition.
struct TapPositions {
    /// The taps of the axis that are meant, in ascending order.
    let taps: [Int]
    /// The output positions that are meant.
    let outputs: [Int]
    /// `[outputs, taps]`: the input position that a tap meets, −1 for none.
    let inputs: [Int32]
    /// Outputs of which every tap meets something, each equally far from what it meets at the output before.
    let regular: Range<Int>

    /// - Parameter phase: nil for all outputs and all taps. Else, of a transposed convolution, the outputs that leave this remainder when
    ///   divided by the stride, and the taps that meet anything there.
    init(_ axis: ConvolutionAxis, phase: Int? = nil) {
        let (outputs, taps): ([Int], [Int])
        if let phase {
            outputs = Array(stride(from: phase, to: axis.outputs, by: axis.stride))
            taps = (0..<axis.taps).filter { (phase + axis.paddingBefore - $0 * axis.dilation) % axis.stride == 0 }
        } else {
            outputs = Array(0..<axis.outputs)
            taps = Array(0..<axis.taps)
        }
        let inputs = outputs.flatMap { output in taps.map { tap in Int32(axis.input(output: output, tap: tap) ?? -1) } }
        self.taps = taps
        self.outputs = outputs
        self.inputs = inputs
        regular = Self.regularOutputs(inputs, taps: taps.count)
    }

    private static func regularOutputs(_ inputs: [Int32], taps: Int) -> Range<Int> {
        guard taps > 0 else { return 0..<0 }
        let count = inputs.count / taps
        func meets(_ output: Int) -> Bool { inputs[output * taps..<(output + 1) * taps].allSatisfy { $0 >= 0 } }
        func step(_ output: Int, _ tap: Int) -> Int32 { inputs[output * taps + tap] - inputs[(output - 1) * taps + tap] }
        guard let first = (0..<count).first(where: meets) else { return 0..<0 }
        var end = first + 1
        while end < count, meets(end), (0..<taps).allSatisfy({ step(end, $0) == step(first + 1, 0) }) { end += 1 }
        return first..<end
    }
}
