import CSimd
import Tensors

extension CPUBackend {
    public func sortColumns(_ operation: SortColumnsOperation) throws {
        try requireRepetition()
        let name = "sortColumns"
        let x = try operation.x.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let (samples, channels) = (operation.x.shape[0], operation.x.shape[1])
        try sortColumns(x, samples, channels, output)
    }

    /// Sorts each column of `x`, `[samples, channels]`, into `output`.
    func sortColumns(
        _ x: UnsafePointer<Float>, _ samples: Int, _ channels: Int, _ output: UnsafeMutablePointer<Float>
    ) throws {
        let together = MONGE_SORTED_COLUMNS
        let scratch = try threadScratch.take(monge_sort_scratch(samples))
        workers.ranges(channels, cost: 16 * samples, multiple: together) { range, thread in
            scratch[thread].withMemoryRebound(to: UInt32.self, capacity: scratch.stride) { keys in
                for first in stride(from: range.lowerBound, to: range.upperBound, by: together) {
                    monge_sort_columns(x, samples, channels, first, min(first + together, range.upperBound), keys, output)
                }
            }
        }
    }

    public func quantileColumns(_ operation: QuantileColumnsOperation) throws {
        try requireRepetition()
        let name = "quantileColumns"
        let x = try operation.x.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let (samples, channels) = (operation.x.shape[0], operation.x.shape[1])
        for (row, level) in operation.levels.enumerated() {
            let position = Double(samples - 1) * Double(level)
            let lower = Int(position)
            let upper = min(lower + 1, samples - 1)
            let fraction = position - Double(lower)
            let (below, above, result) = (x + lower * channels, x + upper * channels, output + row * channels)
            for channel in 0..<channels {
                let (a, b) = (Double(below[channel]), Double(above[channel]))
                result[channel] = Float(a + fraction * (b - a))
            }
        }
    }

    public func fitColumns(_ operation: FitColumnsOperation) throws {
        try requireRepetition()
        let name = "fitColumns"
        let channels = operation.source.shape[1]
        let source = SampleRows(base: try operation.source.hostFloats(name), count: operation.source.shape[0], channels: channels)
        let target = SampleRows(base: try operation.target.hostFloats(name), count: operation.target.shape[0], channels: channels)
        let output = try operation.output.hostFloats(name)
        // Blocks of channels, so that a row of samples is read a few cache lines at a time and the sums stay in the nearest cache.
        let block = 64
        workers.ranges(channels, cost: 6 * (source.count + target.count), multiple: block) { range, _ in
            for first in stride(from: range.lowerBound, to: range.upperBound, by: block) {
                let fit = ColumnBlockFit(source: source, target: target, columns: first..<min(first + block, range.upperBound))
                fit.write(operation.method, to: output)
            }
        }
    }
}
