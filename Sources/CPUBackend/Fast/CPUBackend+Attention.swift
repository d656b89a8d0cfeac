import CSimd
import Tensors

extension CPUBackend {
    public func attention(_ operation: AttentionOperation) throws {
        var operands = FloatOperands(memory, "attention", workers: workers)
        let items = try attentionItems(operation, &operands)
        if items.isEmpty { return }
        // One call's state, the next block's, the packed panel and the scores.
        let stateCount = kernels.pointee.attention_state([items[0].attention])
        let packedCount = kernels.pointee.attention_packed([items[0].attention])
        let scratch = try threadScratch.take(packedCount + 2 * stateCount + kernels.pointee.attention_scratch([items[0].attention]))

        let blocks = items.reduce(0) { $0 + $1.blocks.count }
        let isShared = blocks * MONGE_KEY_BLOCK * operation.headChannels > 1 << 14 && workers.threads > 1
        if items.count >= 2 * workers.threads || items.count == blocks || !isShared {
            let tasks = isShared ? items.count : 1
            workers.run(tasks) { task, thread in
                // Later queries see more keys: they go first.
                for index in (isShared ? task..<task + 1 : 0..<items.count) {
                    fold(items[items.count - 1 - index], scratch[thread], packedCount, stateCount)
                }
            }
        } else {
            try shareBlocks(items, blocks, scratch, packedCount, stateCount)
        }
        try operands.finish()
    }

    /// A panel of one sequence and key head, with the blocks of keys that it sees.
    private struct Item {
        let attention: monge_attention
        let panel: Int
        let blocks: Range<Int>
    }

    private func attentionItems(_ operation: AttentionOperation, _ operands: inout FloatOperands) throws -> [Item] {
        let name = "attention"
        let queries = try operands.input(operation.queries)
        // Keys and values are most of the bytes: f16 is widened as the kernels read it.
        let keys = try operation.keys.hostPointer(name)
        let values = try operation.values.hostPointer(name)
        let bias = try operation.bias.map { try operands.input($0) }
        let output = try operands.output(operation.output, keepsContents: true)
        let blocks = try KeyBlocks(operation.segments, cache: operation.keys, name)
        let (heads, channels) = (operation.heads, operation.headChannels)
        let group = heads / operation.keyHeads

        var items: [Item] = []
        for sequence in 0..<operation.segments.count {
            try blocks.require(sequence, of: operation)
            let rows = (first: Int(blocks.starts[sequence]), end: Int(blocks.starts[sequence + 1]))
            let keyCount = Int(blocks.keyLengths[sequence])
            // In one block the keys lie one after the other.
            let isPaged = blocks.blocksPerSequence > 1
            let firstRow = isPaged || keyCount == 0 ? 0 : Int(blocks.blocks(of: sequence)[0]) * blocks.blockSize
            if rows.first == rows.end { continue }
            for keyHead in 0..<operation.keyHeads {
                let firstQuery = (rows.first * heads + keyHead * group) * channels
                let firstKey = (firstRow * operation.keyHeads + keyHead) * channels * operation.keys.dtype.blockBytes
                let (biasStart, biasHeads, biasQueries) = (
                    operation.biasIndex(sequence, keyHead * group, 0), operation.biasIndex(0, 1, 0), operation.biasIndex(0, 0, 1)
                )
                var attention = monge_attention(
                    queries: queries + firstQuery, query_stride: heads * channels, query_count: rows.end - rows.first, group: group,
                    keys: keys + firstKey, values: values + firstKey, half_keys: operation.keys.dtype == .f16,
                    key_stride: operation.keyHeads * channels, blocks: isPaged ? UnsafePointer(blocks.blocks(of: sequence)) : nil,
                    block_size: isPaged ? blocks.blockSize : 0, key_count: keyCount, channels: channels, scale: operation.scale,
                    causal: operation.causal, window: operation.window ?? 0, soft_cap: operation.softCap ?? 0,
                    bias: bias.map { UnsafePointer($0) + biasStart }, bias_head_stride: biasHeads, bias_query_stride: biasQueries,
                    output: output + firstQuery)
                for panel in 0..<kernels.pointee.attention_panels(&attention) {
                    var (first, end) = (0, 0)
                    kernels.pointee.attention_blocks(&attention, panel, &first, &end)
                    items.append(Item(attention: attention, panel: panel, blocks: min(first, end)..<end))
                }
            }
        }
        return items
    }

    /// All blocks of a panel, one after the other.
    private func fold(_ item: Item, _ scratch: UnsafeMutablePointer<Float>, _ packedCount: Int, _ stateCount: Int) {
        let (packed, state) = (scratch, scratch + packedCount)
        let (next, scores) = (state + stateCount, state + 2 * stateCount)
        withUnsafePointer(to: item.attention) { attention in
            kernels.pointee.attention_pack(attention, item.panel, packed)
            kernels.pointee.attention_clear(attention, item.panel, state)
            for block in item.blocks {
                kernels.pointee.attention_block(attention, item.panel, block, packed, next, scores)
                kernels.pointee.attention_merge(attention, item.panel, state, next)
            }
            kernels.pointee.attention_finish(attention, item.panel, state)
        }
    }

    /// With few panels, as when one token is decoded, threads share out the blocks of keys and one folds them, in order.
    private func shareBlocks(
        _ items: [Item], _ blocks: Int, _ scratch: ThreadScratch.Parts, _ packedCount: Int, _ stateCount: Int
    ) throws {
        let states = try stateScratch.take((blocks + 1) * stateCount, of: Float.self)
        var owners: [(item: Int, block: Int)] = []
        for (index, item) in items.enumerated() {
            for block in item.blocks { owners.append((index, block)) }
        }
        workers.run(blocks) { task, thread in
            let item = items[owners[task].item]
            let packed = scratch[thread]
            withUnsafePointer(to: item.attention) {
                kernels.pointee.attention_pack($0, item.panel, packed)
                kernels.pointee.attention_block(
                    $0, item.panel, owners[task].block, packed, states + task * stateCount, packed + packedCount)
            }
        }
        let state = states + blocks * stateCount
        var next = 0
        for item in items {
            withUnsafePointer(to: item.attention) {
                kernels.pointee.attention_clear($0, item.panel, state)
                for _ in item.blocks {
                    kernels.pointee.attention_merge($0, item.panel, state, states + next * stateCount)
                    next += 1
                }
                kernels.pointee.attention_finish($0, item.panel, state)
            }
        }
    }
}
