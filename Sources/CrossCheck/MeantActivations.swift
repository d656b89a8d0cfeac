import Tensors

extension CheckOptions {
    /// Whether the candidate rounds the activations of a product with such a weight.
    func rounds(_ weight: DType) -> Bool { weight.isQuantised && precision == .fast }

    /// Whether a product with such a weight takes rounded activations on the one side and not on the other.
    func roundsOneSide(_ weight: DType) -> Bool { weight.isQuantised && precision != referencePrecision }
}

/// The left operand of a product as the reference multiplies it.
struct MeantActivations {
    /// x, or what it stands for once it is rounded.
    let values: [Double]
    /// How far the candidate's may lie from that. Where both round they round alike: every step is one f32 operation
    /// (``RoundedActivations``). Where one side alone does, this is what it may do to an element.
    let errors: [Double]

    /// - Parameter x: Rows of whole blocks where the weight is quantised.
    init(_ x: [Float], weight: DType, _ options: CheckOptions) {
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
        if options.roundsOneSide(weight) {
            for first in stride(from: 0, to: x.count, by: block) {
                let error = RoundedActivations.largestError(ofBlock: x[first..<first + block])
                for index in first..<first + block { errors[index] = error }
            }
        }
        (self.values, self.errors) = (values, errors)
    }
}
