import ModelFiles
import Tensors

/// A weight as it lies in a file, or as it was put together from one.
package struct StoredWeight {
    var dtype: DType
    var shape: Shape
    /// Valid while `owner` lives.
    var bytes: UnsafeRawBufferPointer
    var owner: AnyObject

    func requireWeight(name: String) throws {
        guard dtype.isWeight else { throw ModelError.unsupported("\(name) is stored as \(dtype), which is no type of a weight") }
    }

    /// The elements of a small tensor. Some converters look at types alone, and have gains in blocks, too.
    func floats(name: String) throws -> [Float] {
        try requireWeight(name: name)
        guard !bytes.isEmpty else { return [] }
        return [Float](unsafeUninitializedCapacity: shape.count) { values, count in
            WeightDecoding.decode(bytes.baseAddress!, dtype, count: shape.count, into: values.baseAddress!)
            count = shape.count
        }
    }
}

extension StoredWeight {
    init(_ tensor: FileTensor) {
        self.init(dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes, owner: tensor.owner)
    }

    /// The rows of each head in the order of Hugging Face (first halves of all pairs, then second halves), from a file that has the
    /// two rows of each rotary pair side by side.
    func withRotaryHalves(heads: Int) throws -> StoredWeight {
        let order = try RotaryRowOrder(rows: shape.rank > 0 ? shape[0] : 0, heads: heads)
        guard shape.count > 0 else { return self }
        let rowBytes = bytes.count / shape[0]
        let memory = OwnedBytes(count: bytes.count)
        for row in 0..<shape[0] {
            memory.bytes.baseAddress!.advanced(by: row * rowBytes)
                .copyMemory(from: bytes.baseAddress!.advanced(by: order.stored(row) * rowBytes), byteCount: rowBytes)
        }
        return StoredWeight(dtype: dtype, shape: shape, bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }
}

/// Where a file with interleaved rotary pairs has a row of Hugging Face's order: row (head, half, pair) is stored as (head, pair, half).
struct RotaryRowOrder {
    private let pairs: Int

    /// - Throws: ``ModelError`` when the rows do not divide into heads of pairs.
    init(rows: Int, heads: Int) throws {
        guard heads > 0, rows > 0, rows % heads == 0, rows / heads % 2 == 0 else {
            throw ModelError.invalidConfiguration("\(rows) rows of a projection do not divide into \(heads) heads of pairs")
        }
        pairs = rows / heads / 2
    }

    func stored(_ row: Int) -> Int {
        let (head, half, pair) = (row / (2 * pairs), row / pairs % 2, row % pairs)
        return (head * pairs + pair) * 2 + half
    }
}

/// Memory that a tensor keeps alive.
final class OwnedBytes {
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }

    deinit { bytes.deallocate() }
}
