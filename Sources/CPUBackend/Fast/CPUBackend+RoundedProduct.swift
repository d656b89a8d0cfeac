import CSimd

extension CPUBackend {
    /// A product of quantised weights with activations rounded to 16 bits: bound by the bytes of the weights for few rows, by arithmetic for
    /// many.
    ///
    /// Rows are rounded once, by all threads, and then meet blocks of output channels, whose weights are read where they lie. Where rows are
    /// many, panels of them are tasks of their own: a panel's sums, and 32 numbers of each of its rows, stay in the nearest cache.
    func roundedProduct(_ product: monge_linear) throws {
        // A block of rows is rounded at a time: so many that their integers stay in the second-level caches.
        let mostRows = max(Self.roundedPanel, (1 << 20) / max(1, product.inputs) / Self.roundedPanel * Self.roundedPanel)
        for first in stride(from: 0, to: product.rows, by: mostRows) {
            try withUnsafePointer(to: product.rows(first..<min(first + mostRows, product.rows))) { try roundedBlock($0) }
        }
    }

    private func roundedBlock(_ product: UnsafePointer<monge_linear>) throws {
        let (rows, inputs, channels) = (product.pointee.rows, product.pointee.inputs, product.pointee.epilogue.channels)
        let blocks = try packedScratch.take(rows * inputs / 32, of: monge_rounded_block.self)
        workers.ranges(rows, cost: inputs) { range, _ in
            roundedKernels.pointee.round(product, range.lowerBound, range.upperBound, blocks)
        }
        let panels = (rows + Self.roundedPanel - 1) / Self.roundedPanel
        let taskChannels = min(channelsOfTask(product.pointee), panels > 1 || rows > 32 ? 96 : .max)
        let channelTasks = (channels + taskChannels - 1) / taskChannels
        let scratch = try threadScratch.take(
            roundedKernels.pointee.scratch(min(rows, Self.roundedPanel), min(taskChannels, channels)))
        workers.run(channelTasks * panels) { task, thread in
            let (first, row) = (task / panels * taskChannels, task % panels * Self.roundedPanel)
            roundedKernels.pointee.product(
                product, blocks, first, min(first + taskChannels, channels), row, min(row + Self.roundedPanel, rows), scratch[thread])
        }
    }

    /// The rows of a task.
    private static var roundedPanel: Int { 128 }
}
