import Tensors

extension ReferenceBackend {
    public func aurocColumns(_ operation: AurocColumnsOperation) throws {
        let name = "aurocColumns"
        let source = try operation.source.hostFloats(name)
        let target = try operation.target.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let channels = operation.source.shape[1]
        let (sourceCount, targetCount) = (operation.source.shape[0], operation.target.shape[0])
        concurrentRanges(channels, cost: 16 * (sourceCount + targetCount)) { range in
            for channel in range {
                let others = (0..<targetCount).map { target[$0 * channels + channel] }
                // Twice the pairs in which the source is larger, and once those in which both are equal.
                var total = 0
                for sample in 0..<sourceCount {
                    let value = source[sample * channels + channel]
                    total += others.partitioningIndex { !Self.precedes($0, value) }
                    total += others.partitioningIndex { Self.precedes(value, $0) }
                }
                output[channel] = Float(Double(total) / (2 * Double(sourceCount) * Double(targetCount)))
            }
        }
    }

    /// The order of sorted columns: NaN after every number, and equal to itself.
    private static func precedes(_ a: Float, _ b: Float) -> Bool { a < b || (b.isNaN && !a.isNaN) }
}

extension Array {
    /// The first index from which on a condition holds that holds for no element before it.
    fileprivate func partitioningIndex(_ holds: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
