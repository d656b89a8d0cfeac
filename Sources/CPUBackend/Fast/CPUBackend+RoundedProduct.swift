import CSimd

extension CPUBackend {
    /// Products of one x with quantised weights of one type, activations rounded to 16 bits: bound by the bytes of the weights for few rows, by
    /// arithmetic for many.
    ///
    /// Rows are rounded once, by all threads, and then meet blocks of output channels, whose weights are interleaved
    /// (``setWeight(_:of:)``) or read where they lie. Where rows are many, panels of them are tasks of their own: a panel's sums, and 32 numbers of each of its rows, stay in
    /// the nearest cache.
    func roundedProducts(_ products: [monge_linear]) throws {
        // A block of rows is rounded at a time: so many that their integers stay in the second-level caches.
        let (rows, inputs) = (products[0].rows, products[0].inputs)
        let mostRows = max(Self.roundedPanel, (1 << 19) / max(1, inputs) / Self.roundedPanel * Self.roundedPanel)
        guard rows > mostRows else { return try roundedBlock(products) }
        for first in stride(from: 0, to: rows, by: mostRows) {
            try roundedBlock(products.map { $0.rows(first..<min(first + mostRows, rows)) })
        }
    }

    private func roundedBlock(_ products: [monge_linear]) throws {
        let (rows, inputs) = (products[0].rows, products[0].inputs)
        let blocks = try packedScratch.take(rows * inputs / 32, of: monge_rounded_block.self)
        workers.ranges(rows, cost: inputs) { range, _ in
            withUnsafePointer(to: products[0]) { roundedKernels.pointee.round($0, range.lowerBound, range.upperBound, blocks) }
        }
        let panels = (rows + Self.roundedPanel - 1) / Self.roundedPanel
        let tasks = panels > 1 || rows > 32 ? ProductTasks(products) { _ in 96 } : readOnce(products)
        let scratch = try threadScratch.take(roundedKernels.pointee.scratch(min(rows, Self.roundedPanel), tasks.mostChannels))
        workers.run(tasks.count * panels) { task, thread in
            let (product, channels) = tasks[task / panels]
            let row = task % panels * Self.roundedPanel
            withUnsafePointer(to: products[product]) {
                roundedKernels.pointee.product(
                    $0, blocks, channels.lowerBound, channels.upperBound, row, min(row + Self.roundedPanel, rows), scratch[thread])
            }
        }
    }

    /// The rows of a task.
    private static var roundedPanel: Int { 128 }
}
