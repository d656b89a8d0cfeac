import CSimd
import Tensors

extension CPUBackend {
    public func attention(_ operation: AttentionOperation) throws {
        let name = "attention"
        var operands = operands(name)
        let places = try AttentionPlaces(operation, &operands, self, name)
        try perform { [self, operands] in
            let items = try items(of: places)
            if !items.isEmpty { try items.withUnsafeBufferPointer { try attend($0) } }
            try operands.finish()
        }
    }

    private func attend(_ items: UnsafeBufferPointer<AttentionItem>) throws {
        let blocks = items.last!.blocksBefore + items.last!.blockCount
        let isShared = blocks * MONGE_KEY_BLOCK * items[0].attention.channels > 1 << 14 && workers.threads > 1
        if items.count >= 2 * workers.threads || items.count == blocks || !isShared {
            let work = try AttentionWork(items, states: 0, self)
            guard isShared else {
                for index in items.indices { work.fold(index, 0) }
                return
            }
            workers.run(items.count, with: work) { $0!.assumingMemoryBound(to: AttentionWork.self).pointee.fold($1, Int($2)) }
        } else {
            // With few panels, as when one token is decoded, threads share out the blocks of keys and one folds them, in order.
            let work = try AttentionWork(items, states: blocks + 1, self)
            workers.run(blocks, with: work) { $0!.assumingMemoryBound(to: AttentionWork.self).pointee.compute($1, Int($2)) }
            work.merge()
        }
    }

    private func items(of places: AttentionPlaces) throws -> [AttentionItem] {
        let blocks = places.blocks
        var items: [AttentionItem] = []
        items.reserveCapacity(places.sequences * places.keyHeads)
        var blocksBefore = 0
        for sequence in 0..<places.sequences {
            try blocks.require(sequence, queries: places.queryShape, keys: places.keyShape)
            let rows = (first: Int(blocks.starts[sequence]), end: Int(blocks.starts[sequence + 1]))
            if rows.first == rows.end { continue }
            var attention = places.whole
            attention.query_count = rows.end - rows.first
            attention.key_count = Int(blocks.keyLengths[sequence])
            // In one block the keys lie one after the other.
            let isPaged = blocks.blocksPerSequence > 1
            let firstRow = isPaged || attention.key_count == 0 ? 0 : Int(blocks.blocks(of: sequence)[0]) * blocks.blockSize
            if isPaged { (attention.blocks, attention.block_size) = (UnsafePointer(blocks.blocks(of: sequence)), blocks.blockSize) }
            let channels = attention.channels
            for keyHead in 0..<places.keyHeads {
                let firstQuery = rows.first * attention.query_stride + keyHead * attention.group * channels
                let firstKey = (firstRow * places.keyHeads + keyHead) * channels * (attention.half_keys ? 2 : 4)
                attention.queries = places.whole.queries + firstQuery
                attention.keys = places.whole.keys + firstKey
                attention.values = places.whole.values + firstKey
                attention.output = places.whole.output + firstQuery
                attention.bias = places.whole.bias.map {
                    $0 + sequence * places.biasStride + keyHead * attention.group * attention.bias_head_stride
                }
                for panel in 0..<kernels.pointee.attention_panels(&attention) {
                    var (first, end) = (0, 0)
                    kernels.pointee.attention_blocks(&attention, panel, &first, &end)
                    let count = max(0, end - first)
                    items.append(
                        AttentionItem(
                            attention: attention, panel: panel, firstBlock: end - count, blockCount: count, blocksBefore: blocksBefore))
                    blocksBefore += count
                }
            }
        }
        return items
    }
}

/// A panel of one sequence and key head, with the blocks of keys that it sees.
private struct AttentionItem: BitwiseCopyable {
    let attention: monge_attention
    let panel: Int
    let firstBlock, blockCount: Int
    /// Those of the items before it.
    let blocksBefore: Int
}

/// Items, and where their intermediate results lie.
private struct AttentionWork: BitwiseCopyable {
    let items: UnsafeBufferPointer<AttentionItem>
    let kernels: UnsafePointer<monge_kernels>
    /// Of a thread: the packed panel, one call's state, the next block's, and the scores.
    let scratch: ThreadScratch.Parts
    /// Of blocks, and of what they are folded into.
    let states: UnsafeMutablePointer<Float>
    let stateCount, packedCount: Int

    /// - Parameter count: Of states.
    init(_ items: UnsafeBufferPointer<AttentionItem>, states count: Int, _ backend: CPUBackend) throws {
        (self.items, kernels) = (items, backend.kernels)
        var attention = items[0].attention
        stateCount = kernels.pointee.attention_state(&attention)
        packedCount = kernels.pointee.attention_packed(&attention)
        scratch = try backend.threadScratch.take(packedCount + 2 * stateCount + kernels.pointee.attention_scratch(&attention))
        states = try backend.stateScratch.take(count * stateCount, of: Float.self)
    }

    /// All blocks of a panel, one after the other.
    func fold(_ task: Int, _ thread: Int) {
        // Later queries see more keys: they go first.
        let item = items[items.count - 1 - task]
        let (packed, state) = (scratch[thread], scratch[thread] + packedCount)
        let (next, scores) = (state + stateCount, state + 2 * stateCount)
        withUnsafePointer(to: item.attention) { attention in
            kernels.pointee.attention_pack(attention, item.panel, packed)
            kernels.pointee.attention_clear(attention, item.panel, state)
            for block in item.firstBlock..<item.firstBlock + item.blockCount {
                kernels.pointee.attention_block(attention, item.panel, block, packed, next, scores)
                kernels.pointee.attention_merge(attention, item.panel, state, next)
            }
            kernels.pointee.attention_finish(attention, item.panel, state)
        }
    }

    /// The state of a block.
    func compute(_ task: Int, _ thread: Int) {
        var index = items.count - 1
        while items[index].blocksBefore > task { index -= 1 }
        let item = items[index]
        let packed = scratch[thread]
        withUnsafePointer(to: item.attention) {
            kernels.pointee.attention_pack($0, item.panel, packed)
            kernels.pointee.attention_block(
                $0, item.panel, item.firstBlock + task - item.blocksBefore, packed, states + task * stateCount, packed + packedCount)
        }
    }

    /// Folds the states of all blocks.
    func merge() {
        let state = states + (items.last!.blocksBefore + items.last!.blockCount) * stateCount
        for item in items {
            withUnsafePointer(to: item.attention) {
                kernels.pointee.attention_clear($0, item.panel, state)
                for block in item.blocksBefore..<item.blocksBefore + item.blockCount {
                    kernels.pointee.attention_merge($0, item.panel, state, states + block * stateCount)
                }
                kernels.pointee.attention_finish($0, item.panel, state)
            }
        }
    }
}

/// Where an attention reads and writes.
private struct AttentionPlaces {
    /// As if all rows were one sequence.
    let whole: monge_attention
    let blocks: KeyBlocks
    let sequences, keyHeads: Int
    /// From a sequence's bias to the next one's.
    let biasStride: Int
    let queryShape, keyShape: Shape

    init(_ operation: AttentionOperation, _ operands: inout FloatOperands, _ backend: CPUBackend, _ name: String) throws {
        let (heads, channels) = (operation.heads, operation.headChannels)
        blocks = try KeyBlocks(operation.segments, cache: operation.keys, name, backend.recording)
        (sequences, keyHeads) = (operation.segments.count, operation.keyHeads)
        (queryShape, keyShape) = (operation.queries.shape, operation.keys.shape)
        biasStride = operation.biasIndex(1, 0, 0)
        // Keys and values are most of the bytes: f16 is widened as the kernels read it.
        whole = monge_attention(
            queries: try operands.input(operation.queries), query_stride: heads * channels, query_count: operation.queries.shape[0],
            group: heads / operation.keyHeads, keys: try backend.place(of: operation.keys, name),
            values: try backend.place(of: operation.values, name), half_keys: operation.keys.dtype == .f16,
            key_stride: operation.keyHeads * channels, blocks: nil, block_size: 0, key_count: 0, channels: channels,
            scale: operation.scale, causal: operation.causal, window: operation.window ?? 0, soft_cap: operation.softCap ?? 0,
            bias: try operation.bias.map { UnsafePointer(try operands.input($0)) }, bias_head_stride: operation.biasIndex(0, 1, 0),
            bias_query_stride: operation.biasIndex(0, 0, 1), output: try operands.output(operation.output, keepsContents: true))
    }
}
