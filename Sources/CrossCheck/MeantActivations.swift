import Tensors

extension CheckOptions {
    /// Whether a product with such a weight takes rounded activations on the one side and not on the other.
    func roundsOneSide(rows: Int, channels: Int, _ weight: DType) -> Bool {
        rounds(rows, channels, weight) != (weight.isQuantised && referencePrecision == .fast)
    }
}

/// The left operand of a product as the reference multiplies it.
struct MeantActivations {
    /// x, or what it stands for once it is rounded.
    let values: [Double]
    /// How far the candidate's may lie from that. Where both round they round alike: every step is one f32 operation
    /// (``RoundedActivations``). Where one side alone does, this is what it may do to an element.
    let errors: [Double]

    /// - Parameters:
    ///   - x: Rows of whole blocks where the weight is quantised.
    ///   - channels: Of a row.
    init(_ x: [Float], rows: Int, channels: Int, weight: DType, _ options: CheckOptions) {
        let block = RoundedActivations.blockElements
        var values = x.map(Double.init)
        var errors = [Double](repeating: 0, count: x.count)
        if weight.isQuantised, options.referencePrecision == .fast {
            x.withUnsafeBufferPointer { x in
                values.withUnsafeMutableBufferPointer { values in
                    for first in stride(from: 0, to: x.count, by: block) {
                        RoundedActivations.round(
                            UnsafeBufferPointer(rebasing: x[first..<first + block]), into: values.baseAddress! + first)
                    }
                }
            }
        }
        if options.roundsOneSide(rows: rows, channels: channels, weight) {
            for first in stride(from: 0, to: x.count, by: block) {
                let error = RoundedActivations.largestError(ofBlock: x[first..<first + block])
                for index in first..<first + block { errors[index] = error }
            }
        }
        (self.values, self.errors) = (values, errors)
    }
}
