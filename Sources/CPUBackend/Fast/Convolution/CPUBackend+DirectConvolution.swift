import CSimd

extension CPUBackend {
    /// From how many pixels on the weights are packed and the pixels are read where they lie, rather than the other way about. Below,
    /// what is packed would not be used often enough.
    static let pixelsOfDirectConvolution = 512

    /// The patches' product with packed weights: a few MiB of weights at a time, then tasks of some pixels.
    func direct(_ product: monge_linear, _ patches: monge_patches, groups: Int) throws {
        let batches = ChannelBlock.batches(channels: product.epilogue.channels / groups, groups: groups, inputs: product.inputs)
        for blocks in batches {
            try withUnsafePointer(to: product) { product in
                try withUnsafePointer(to: patches) { try direct(product, $0, blocks) }
            }
        }
    }

    private func direct(
        _ product: UnsafePointer<monge_linear>, _ patches: UnsafePointer<monge_patches>, _ blocks: [ChannelBlock]
    ) throws {
        let (pixels, inputs) = (product.pointee.rows, product.pointee.inputs)
        let widest = blocks.lazy.map(\.channels.count).max()!
        let panels = kernels.pointee.panels(widest)
        let blockElements = (kernels.pointee.packed_weights(widest, inputs) + 15) / 16 * 16
        let packed = try packedScratch.take(blocks.count * blockElements, of: Float.self)
        workers.ranges(blocks.count * panels, cost: inputs * widest / panels) { range, _ in
            for item in range {
                let (block, panel) = (item / panels, item % panels)
                let channels = blocks[block].channels
                guard panel < kernels.pointee.panels(channels.count) else { continue }
                kernels.pointee.pack_weights(
                    product, channels.lowerBound, channels.upperBound, panel, packed + block * blockElements)
            }
        }

        // Sums and pixels that stay in the second-level cache, whole tiles, and as much for every thread.
        let wanted = (pixels + 127) / 128
        let evenTasks = (wanted + workers.threads - 1) / workers.threads * workers.threads
        let tile = kernels.pointee.tile_channels
        let taskPixels = min(Int(MONGE_DIRECT_PIXELS), ((pixels + evenTasks - 1) / evenTasks + tile - 1) / tile * tile)
        let tasks = (pixels + taskPixels - 1) / taskPixels
        let scratch = try threadScratch.take(
            blocks.map { kernels.pointee.direct_scratch(patches, taskPixels, $0.channels.count) }.max()!)
        workers.run(blocks.count * tasks) { item, thread in
            let (block, task) = (item / tasks, item % tasks)
            let (group, channels) = (blocks[block].group, blocks[block].channels)
            kernels.pointee.direct(
                product, patches, group, packed + block * blockElements, channels.lowerBound, channels.upperBound, task * taskPixels,
                min((task + 1) * taskPixels, pixels), scratch[thread])
        }
    }
}

/// Output channels of a group whose weights are packed together.
struct ChannelBlock {
    let group: Int
    /// Numbered over all groups.
    let channels: Range<Int>

    /// All channels in blocks, and as many blocks at a time as there is room for in the third-level cache.
    static func batches(channels: Int, groups: Int, inputs: Int) -> [[ChannelBlock]] {
        // 4 MiB of weights, but enough channels that pixels are not read too often.
        let most = max(96, (4 << 20) / MemoryLayout<Float>.stride / inputs)
        let wanted = (channels + most - 1) / most
        // Whole vectors of every instruction set.
        let length = ((channels + wanted - 1) / wanted + 15) / 16 * 16
        let blocks = (0..<groups).flatMap { group in
            stride(from: 0, to: channels, by: length).map { first in
                ChannelBlock(group: group, channels: group * channels + first..<group * channels + min(first + length, channels))
            }
        }
        let together = max(1, most / min(length, channels))
        return stride(from: 0, to: blocks.count, by: together).map { Array(blocks[$0..<min($0 + together, blocks.count)]) }
    }
}
