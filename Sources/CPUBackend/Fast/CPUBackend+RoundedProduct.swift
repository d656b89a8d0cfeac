import CSimd

extension CPUBackend {
    /// Products of one x with quantised weights of one type, activations rounded to 16 bits: bound by the bytes of the weights for few rows, by
    /// arithmetic for many.
    ///
    /// Rows are rounded once, by all threads, and then meet blocks of output channels, whose weights are interleaved
    /// (``setWeight(_:of:)``) or read where they lie. Where rows are many, panels of them are tasks of their own: a panel's sums, and 32 numbers
    /// of each of its rows, stay in the nearest cache.
    func roundedProducts(_ products: Products) throws {
        // A block of rows is rounded at a time: so many that their integers stay in the second-level caches.
        let (rows, inputs) = (products[0].rows, products[0].inputs)
        let mostRows = max(Self.roundedPanel, (1 << 19) / max(1, inputs) / Self.roundedPanel * Self.roundedPanel)
        guard rows > mostRows else { return try roundedBlock(products) }
        for first in stride(from: 0, to: rows, by: mostRows) {
            try products.map { $0.rows(first..<min(first + mostRows, rows)) }.withUnsafeBufferPointer { try roundedBlock($0) }
        }
    }

    private func roundedBlock(_ products: Products) throws {
        let (rows, inputs) = (products[0].rows, products[0].inputs)
        let blocks = try packedScratch.take(rows * inputs / 32, of: monge_rounded_block.self)
        workers.ranges(rows, cost: inputs) { range, _ in
            roundedKernels.pointee.round(products.baseAddress!, range.lowerBound, range.upperBound, blocks)
        }
        let panels = (rows + Self.roundedPanel - 1) / Self.roundedPanel
        func multiply(_ tasks: ProductTasks) throws {
            let scratch = try threadScratch.take(roundedKernels.pointee.scratch(min(rows, Self.roundedPanel), tasks.mostChannels))
            let work = RoundedWork(
                tasks: tasks, blocks: blocks, rows: rows, panels: panels, panelRows: Self.roundedPanel, kernels: roundedKernels,
                scratch: scratch)
            workers.run(tasks.count * panels, with: work) { $0!.assumingMemoryBound(to: RoundedWork.self).pointee.run($1, Int($2)) }
        }
        if panels > 1 || rows > 32 {
            try ProductTasks.with(products, most: { _ in 96 }, multiply)
        } else {
            try readOnce(products, multiply)
        }
    }

    /// The rows of a task.
    private static var roundedPanel: Int { 128 }
}

/// Products of rounded rows, cut into tasks and panels.
private struct RoundedWork: BitwiseCopyable {
    let tasks: ProductTasks
    let blocks: UnsafePointer<monge_rounded_block>
    let rows, panels, panelRows: Int
    let kernels: UnsafePointer<monge_rounded_kernels>
    let scratch: ThreadScratch.Parts

    func run(_ task: Int, _ thread: Int) {
        let (product, channels) = tasks[task / panels]
        let row = task % panels * panelRows
        kernels.pointee.product(
            product, blocks, channels.lowerBound, channels.upperBound, row, min(row + panelRows, rows), scratch[thread])
    }
}
