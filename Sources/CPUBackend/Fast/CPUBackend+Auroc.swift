import Tensors

extension CPUBackend {
    /// Both columns are walked once, as in a merge.
    public func aurocColumns(_ operation: AurocColumnsOperation) throws {
        try requireRepetition()
        let name = "aurocColumns"
        let source = try operation.source.hostFloats(name)
        let target = try operation.target.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let channels = operation.source.shape[1]
        let (sourceCount, targetCount) = (operation.source.shape[0], operation.target.shape[0])
        // The columns of a cache line by one thread, which then finds the line there.
        workers.ranges(channels, cost: sourceCount + 2 * targetCount, multiple: 16) { range, _ in
            for channel in range {
                // The target samples below the source sample, and those up to it.
                var (below, through, total) = (0, 0, 0)
                for sample in 0..<sourceCount {
                    let value = source[sample * channels + channel]
                    while below < targetCount, precedes(target[below * channels + channel], value) { below += 1 }
                    through = max(through, below)
                    while through < targetCount, !precedes(value, target[through * channels + channel]) { through += 1 }
                    total += below + through
                }
                output[channel] = Float(Double(total) / (2 * Double(sourceCount) * Double(targetCount)))
            }
        }
    }
}

/// The order of sorted columns: NaN after every number, and equal to itself.
private func precedes(_ a: Float, _ b: Float) -> Bool { a < b || (b.isNaN && !a.isNaN) }
