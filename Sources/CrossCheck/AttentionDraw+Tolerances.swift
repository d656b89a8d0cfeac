import Foundation
import Tensors

extension AttentionDraw {
    /// The bound for each element of the result.
    func tolerances(_ matrixInputs: MatrixInputs) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(rows * heads * channels)
        for sequence in keyLengths.indices {
            for query in starts[sequence]..<starts[sequence + 1] {
                for head in 0..<heads { result += tolerance(sequence: sequence, row: Int(query), head: head, matrixInputs) }
            }
        }
        return result
    }

    private func tolerance(sequence: Int, row: Int, head: Int, _ matrixInputs: MatrixInputs) -> [Double] {
        let query = row - Int(starts[sequence])
        let position = Int(keyLengths[sequence] - (starts[sequence + 1] - starts[sequence])) + query
        let visible = (0..<Int(keyLengths[sequence])).filter { key in
            (!causal || (key <= position && window.map { key > position - $0 } ?? true))
                && bias.map { $0[sequence, head, query, key] > -.infinity } ?? true
        }
        // A query without keys gives exact zeros.
        if visible.isEmpty { return [Double](repeating: 0, count: channels) }
        let firstQuery = (row * heads + head) * channels
        func start(_ key: Int) -> Int {
            (table.row(of: key, in: sequence) * keyHeads + head / (heads / keyHeads)) * channels
        }
        // On tensor cores, what is f32 is rounded to f16, and so are the weights, which changes both sums of their mean.
        let usesHalf = matrixInputs == .half || matrixInputs == .activations && queryType == .f16 && keyType == .f16
        let rounding = usesHalf ? RoundOff.toHalf.relative : 0
        let scoreRoundings = (queryType == .f32 ? rounding : 0) + (keyType == .f32 ? rounding : 0)
        let weightRoundings = 2 * rounding + (keyType == .f32 ? rounding : 0)
        var scores: [Double] = []
        var scoreError = 0.0
        for key in visible {
            var (sum, size, subnormal) = (0.0, 0.0, 0.0)
            for channel in 0..<channels {
                let product = Double(queries[firstQuery + channel]) * Double(keys[start(key) + channel])
                sum += product
                size += abs(product)
                subnormal += abs(Double(queries[firstQuery + channel])) + abs(Double(keys[start(key) + channel]))
            }
            // Three roundings beside the sum's, and two of the factor log₂ e where weights are powers of two.
            var error = ((RoundOff.sum(channels) + 5) * RoundOff.unit + scoreRoundings) * abs(Double(scale)) * size
            if scoreRoundings > 0 { error += RoundOff.toHalf.absolute * abs(Double(scale)) * subnormal }
            var score = sum * Double(scale)
            if let softCap {
                score = Double(softCap) * tanh(score / Double(softCap))
                error += 8 * RoundOff.unit * Double(softCap)
            }
            if let bias {
                score += bias[sequence, head, query, key]
                error += RoundOff.unit * abs(score)
            }
            scores.append(score)
            scoreError = max(scoreError, error)
        }
        let largest = scores.max()!
        let weights = scores.map { exp($0 - largest) }
        let total = weights.reduce(0, +)
        // Vulkan's exp2 errs by 3 + 2·|x| units in the last place, of 2·u each. The constant part comes with a weight and with each of three
        // folds of partial sums (of a subgroup, a work-group, the splits), in numerator and denominator; with the steps of one partial sum it
        // is less than their own five roundings. The rest is 4·log₂ e·u < 6·u for each unit of score between a weight's and the largest.
        let exponentials = 2.0 * (1 + 3) * 6
        let common = expm1(2 * scoreError) + (5 * RoundOff.sum(visible.count) + 8 + exponentials) * RoundOff.unit + weightRoundings
        return (0..<channels).map { channel in
            var (error, result) = (0.0, 0.0)
            for (index, key) in visible.enumerated() {
                let value = Double(values[start(key) + channel])
                let exponential = 6 * (largest - scores[index]) * RoundOff.unit
                error += weights[index] / total * abs(value) * (common + exponential) + abs(value) * RoundOff.logisticFlush
                // The smallest weights, of which 2¹⁰ are rounded as one, and the smallest values.
                if usesHalf { error += RoundOff.toHalf.absolute * (0x1p-9 * abs(value) + weights[index] / total) }
                result += weights[index] / total * value
            }
            return error + RoundOff.storing(resultType, abs(result) + error)
        }
    }
}
