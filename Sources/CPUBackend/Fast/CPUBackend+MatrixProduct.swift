import CSimd

extension CPUBackend {
    /// Packs a panel of rows of the left operand: `rows` of them from row `firstRow`, as seen by group `group`.
    typealias PackPanel = (
        _ rows: UnsafePointer<monge_linear>, _ firstRow: Int, _ group: Int, _ panel: Int, _ packed: UnsafeMutablePointer<Float>
    ) -> Void

    /// A product of many rows with the weights: bound by arithmetic.
    ///
    /// Rows are taken a block at a time. A block is packed once, by all threads, and then multiplied with blocks of output channels,
    /// which are decoded once for all its rows: it is as long as the third-level cache holds, so that neither costs much.
    ///
    /// - Parameters:
    ///   - product: All rows. `x` may be NULL where `pack` does not read it.
    ///   - groups: Output channels are so many equal groups, each with packed rows of its own.
    func matrixProduct(_ product: monge_linear, groups: Int = 1, pack: PackPanel) throws {
        let blocks = RowBlocks(rows: product.rows, elements: product.inputs * groups)
        for index in 0..<blocks.count {
            let range = blocks[index]
            try withUnsafePointer(to: product.rows(range)) { try multiply($0, firstRow: range.lowerBound, groups: groups, pack: pack) }
        }
    }

    private func multiply(_ product: UnsafePointer<monge_linear>, firstRow: Int, groups: Int, pack: PackPanel) throws {
        let (rows, inputs) = (product.pointee.rows, product.pointee.inputs)
        let panels = kernels.pointee.panels(rows)
        let groupElements = (kernels.pointee.packed_elements(rows, inputs) + 15) / 16 * 16
        let packed = try packedScratch.take(groups * groupElements, of: Float.self)
        workers.ranges(groups * panels, cost: inputs * rows / panels) { range, _ in
            for item in range {
                let (group, panel) = (item / panels, item % panels)
                pack(product, firstRow, group, panel, packed + group * groupElements)
            }
        }

        let groupChannels = product.pointee.epilogue.channels / groups
        let split = ProductSplit(
            channels: groupChannels, tileChannels: kernels.pointee.tile_channels, panels: panels, wanted: 4 * workers.threads / groups)
        let scratch = try threadScratch.take(kernels.pointee.gemm_scratch(split.mostPanels))
        workers.run(groups * split.tasks) { task, thread in
            let (group, part) = (task / split.tasks, task % split.tasks)
            let (channels, panels) = (split.channels(part), split.panels(part))
            kernels.pointee.gemm(
                product, packed + group * groupElements, group * groupChannels + channels.lowerBound,
                group * groupChannels + channels.upperBound, panels.lowerBound, panels.upperBound, scratch[thread])
        }
    }
}

/// The blocks of rows that are packed at a time.
struct RowBlocks {
    let rows: Int
    let count: Int
    private let length: Int

    /// - Parameter elements: The numbers of a packed row.
    init(rows: Int, elements: Int) {
        self.rows = rows
        // 4 MiB of packed rows, but enough of them that decoding the weights anew for each block is little.
        let most = max(256, (4 << 20) / MemoryLayout<Float>.stride / max(1, elements))
        let wanted = (rows + most - 1) / most
        // Whole panels of every instruction set.
        length = ((rows + max(1, wanted) - 1) / max(1, wanted) + 47) / 48 * 48
        count = length == 0 ? 0 : (rows + length - 1) / length
    }

    subscript(index: Int) -> Range<Int> { index * length..<min((index + 1) * length, rows) }
}

/// How a block of rows and the output channels are shared out: blocks of channels, and blocks of panels where channels are few.
struct ProductSplit {
    private let allChannels: Int
    private let allPanels: Int
    private let channelTasks: Int
    private let taskChannels: Int
    private let panelTasks: Int

    /// - Parameters:
    ///   - tileChannels: Blocks of channels begin at multiples of this.
    ///   - wanted: Tasks that are enough for the threads.
    init(channels: Int, tileChannels: Int, panels: Int, wanted: Int) {
        allChannels = channels
        allPanels = panels
        let widest = MONGE_GEMM_CHANNELS
        let blocks = (channels + widest - 1) / widest
        taskChannels = min(widest, ((channels + blocks - 1) / blocks + tileChannels - 1) / tileChannels * tileChannels)
        channelTasks = (channels + taskChannels - 1) / taskChannels
        // Each block of panels decodes the weights anew, which is little beside eight panels. Sums of 64 panels are some hundred KiB.
        panelTasks = max((panels + 63) / 64, min(max(1, panels / 8), (wanted + channelTasks - 1) / channelTasks), 1)
    }

    var tasks: Int { channelTasks * panelTasks }

    /// The most panels of a task.
    var mostPanels: Int { (allPanels + panelTasks - 1) / panelTasks }

    func channels(_ task: Int) -> Range<Int> {
        let first = task / panelTasks * taskChannels
        return first..<min(first + taskChannels, allChannels)
    }

    func panels(_ task: Int) -> Range<Int> {
        let part = task % panelTasks
        return allPanels * part / panelTasks..<allPanels * (part + 1) / panelTasks
    }
}

extension monge_linear {
    /// The same product for a range of its rows.
    func rows(_ range: Range<Int>) -> monge_linear {
        var part = self
        part.rows = range.count
        if let x { part.x = x + range.lowerBound * inputs }
        part.first_row += range.lowerBound
        if let result_rows { part.result_rows = result_rows + range.lowerBound }
        return part
    }
}
