import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// A key-value cache in blocks, which sequences name by tables.
@Suite(.serialized) struct PagedCacheTests {
    /// Two texts that begin alike, and the tables of their blocks of four tokens: the common beginning is there once.
    private let texts: [[Int32]] = [[5, 17, 100, 7, 23, 11, 90, 3, 250, 8, 19], [5, 17, 100, 7, 23, 11, 90, 3, 41]]
    private let blockSize = 4
    private let tables: [Int32] = [6, 1, 4, 6, 1, 2]

    /// The hidden states of the last four tokens of both texts, of which the first went into the cache in two passes before.
    private func hidden(_ model: any LanguageModel, isPaged: Bool) throws -> [UInt32] {
        let backend = model.backend
        let cache =
            isPaged ? try model.makeCache(slots: 7, capacity: blockSize) : try model.makeCache(slots: 2, capacity: 3 * blockSize)
        func pass(_ sequences: [(text: Int, range: Range<Int>)]) throws -> [UInt32] {
            let tokens = sequences.flatMap { texts[$0.text][$0.range] }
            let starts = sequences.reduce(into: [Int32(0)]) { $0.append($0.last! + Int32($1.range.count)) }
            let blocks =
                isPaged
                ? try backend.upload(sequences.flatMap { tables[$0.text * 3..<$0.text * 3 + 3] }, [sequences.count, 3], .i32)
                : try backend.upload(sequences.map { Int32($0.text) }, [sequences.count, 1], .i32)
            let batch = TokenBatch(
                tokens: try backend.upload(tokens), positions: try backend.upload(sequences.flatMap { $0.range.map(Int32.init) }),
                segments: Segments(
                    queryStarts: try backend.upload(starts), keyLengths: try backend.upload(sequences.map { Int32($0.range.upperBound) }),
                    blocks: blocks, maximumQueries: 11, maximumKeys: 11),
                lastRows: try backend.upload(starts.dropFirst().map { $0 - 1 }),
                ranges: zip(starts, starts.dropFirst()).map { Int($0)..<Int($1) }, capacity: 3 * blockSize)
            let result = try model.forward(batch, cache: cache, context: ForwardContext(backend: backend), output: .all)
            return try backend.readFloats(result).map(\.bitPattern)
        }
        _ = try pass([(0, 0..<8)])
        // A paged cache has the second text's beginning already.
        if !isPaged { _ = try pass([(1, 0..<8)]) }
        _ = try pass([(0, 8..<9)])
        return try pass([(1, 8..<9), (0, 9..<11)])
    }

    /// Bit for bit what slots give, on every device and for both types of keys.
    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)], [DType.f32, .f16])
    func blocksGiveWhatSlotsGive(device: DeviceChoice, cache: DType) throws {
        let folder = TestModel.fixtures.appendingPathComponent("tiny-llama/f32").path
        let model = try LanguageModels.load(HuggingFaceFolder(path: folder), cache: cache, on: device.open())
        let (slots, blocks) = (try hidden(model, isPaged: false), try hidden(model, isPaged: true))
        #expect(slots == blocks && slots.contains { $0 != 0 })
    }
}
