import Tensors

/// How far the result of a product may lie from the reference's, once bias, activation, maps and residual have followed.
struct EpilogueTolerance {
    let bias: [Float]?
    let activation: Activation
    let transports: [CheckTransport]
    let residual: [Float]?
    /// The type of the result, through which it also goes between maps.
    let dtype: DType

    /// - Parameters:
    ///   - product: The sum of products in Float64.
    ///   - error: A bound on the error of a kernel's sum.
    ///   - index: Of the element of the result, which has `channels` a row.
    func tolerance(product: Double, error: Double, index: Int, channels: Int) -> Double {
        result(product: product, error: error, index: index, channels: channels).error
    }

    /// What is stored, before it is rounded to its type, and the tolerance.
    func result(product: Double, error sumError: Double, index: Int, channels: Int) -> (value: Double, error: Double) {
        let (row, channel) = (index / channels, index % channels)
        let offset = Double(bias?[channel] ?? 0)
        let sum = product + offset
        var value = activation.value(sum)
        var error = activation.slope * (sumError + RoundOff.unit * (abs(offset) + abs(sum)))
        error += activation.roundOff(sum) + RoundOff.unit * abs(value)
        for (order, transport) in transports.enumerated() {
            // Further maps act on the stored result of the first.
            if order > 0 { error += RoundOff.storing(dtype, value) }
            error = transport.tolerance(value, error: error, row: row, channel: channel)
            if let map = transport.map(row: row, channel: channel), map.low < value, value < map.high {
                value = map.moved(value)
            }
        }
        let last = Double(residual?[index] ?? 0)
        if residual != nil, transports.count > 1 { error += RoundOff.storing(dtype, value) }
        error += 2 * RoundOff.unit * (abs(value) + abs(last))
        return (value + last, error + RoundOff.storing(dtype, abs(value + last) + error))
    }
}
