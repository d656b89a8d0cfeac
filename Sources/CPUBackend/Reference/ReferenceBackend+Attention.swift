import Foundation
import Tensors

extension ReferenceBackend {
    public func attention(_ operation: AttentionOperation) throws {
        let name = "attention"
        var operands = FloatOperands(memory, name)
        let queries = try operands.input(operation.queries)
        let keys = try operands.input(operation.keys)
        let values = try operands.input(operation.values)
        let bias = try operation.bias.map { try operands.input($0) }
        let output = try operands.output(operation.output, keepsContents: true)
        let blocks = try KeyBlocks(operation.segments, cache: operation.keys, name)
        let (heads, channels) = (operation.heads, operation.headChannels)
        let group = heads / operation.keyHeads
        // From one key of a head to the next.
        let keyStride = operation.keyHeads * channels

        for sequence in 0..<operation.segments.count {
            try blocks.require(sequence, queries: operation.queries.shape, keys: operation.keys.shape)
            let rows = (first: Int(blocks.starts[sequence]), end: Int(blocks.starts[sequence + 1]))
            let keyCount = Int(blocks.keyLengths[sequence])
            let keyRows = (0..<keyCount).map { blocks.row(of: $0, in: sequence)! }
            let queryCount = rows.end - rows.first
            concurrentRanges(queryCount * heads, cost: 2 * keyCount * channels) { range in
                var scores = [Double](repeating: 0, count: keyCount)
                var sums = [Double](repeating: 0, count: channels)
                for item in range {
                    let (query, head) = (item / heads, item % heads)
                    let index = ((rows.first + query) * heads + head) * channels
                    let firstKey = head / group * channels
                    let visible = operation.visibleKeys(query: query, of: queryCount, keyCount: keyCount)
                    for key in visible {
                        var score = 0.0
                        let keyStart = firstKey + keyRows[key] * keyStride
                        for channel in 0..<channels { score += Double(queries[index + channel]) * Double(keys[keyStart + channel]) }
                        score *= Double(operation.scale)
                        if let cap = operation.softCap { score = Double(cap) * tanh(score / Double(cap)) }
                        if let bias { score += Double(bias[operation.biasIndex(sequence, head, query) + key]) }
                        scores[key] = score
                    }
                    // Softmax is the same for shifted scores; under the largest none overflows. Without a key that is seen there is none.
                    let largest = scores[visible].max() ?? -.infinity
                    let seesNothing = largest == -.infinity
                    var total = 0.0
                    for channel in 0..<channels { sums[channel] = 0 }
                    for key in visible {
                        let weight = seesNothing ? 0 : exp(scores[key] - largest)
                        if weight == 0 { continue }
                        total += weight
                        let valueStart = firstKey + keyRows[key] * keyStride
                        for channel in 0..<channels { sums[channel] += weight * Double(values[valueStart + channel]) }
                    }
                    for channel in 0..<channels { output[index + channel] = seesNothing ? 0 : Float(sums[channel] / total) }
                }
            }
        }
        try operands.finish()
    }
}

extension AttentionOperation {
    /// Where the bias of a query's first key lies.
    func biasIndex(_ sequence: Int, _ head: Int, _ query: Int) -> Int {
        guard let shape = bias?.shape else { return 0 }
        func place(_ index: Int, on axis: Int) -> Int { shape[axis] == 1 ? 0 : index }
        return ((place(sequence, on: 0) * shape[1] + place(head, on: 1)) * shape[2] + place(query, on: 2)) * shape[3]
    }

    /// The keys that query `query` of a sequence sees.
    func visibleKeys(query: Int, of queryCount: Int, keyCount: Int) -> Range<Int> {
        guard causal else { return 0..<keyCount }
        let position = keyCount - queryCount + query
        let end = max(0, position + 1)
        return min(end, max(0, position - (window ?? end) + 1))..<end
    }
}
