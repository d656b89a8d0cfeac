import CSimd
import Tensors

/// A quantised weight in the order of products with rounded activations: rows of as many outputs as a vector has lanes, item by item.
final class InterleavedWeight {
    /// Rows are said to lie where the groups of them do.
    let product: monge_linear
    /// Of the weight as it was given.
    let byteCount: Int
    private let memory: WeightArena.Piece
    private let kernels: UnsafePointer<monge_rounded_kernels>
    private let workers: WorkPool
    private let pool: CPUMemoryPool

    /// - Parameter rows: The product with the weight as it was given, of at least as many outputs as the kernels have lanes.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    init(_ rows: monge_linear, _ backend: CPUBackend) throws {
        let kernels = backend.roundedKernels
        let groups = (rows.epilogue.channels + kernels.pointee.lanes - 1) / kernels.pointee.lanes
        let memory = try backend.weightArena.take(groups * kernels.pointee.lanes * rows.weight_row_bytes)
        backend.workers.ranges(groups, cost: kernels.pointee.lanes * rows.weight_row_bytes) { range, _ in
            withUnsafePointer(to: rows) { kernels.pointee.interleave($0, range.lowerBound, range.upperBound, memory.pointer) }
        }
        var product = rows
        product.weight = UnsafePointer(memory.pointer)
        product.interleaved = true
        self.product = product
        byteCount = rows.epilogue.channels * rows.weight_row_bytes
        (self.memory, self.kernels, workers, pool) = (memory, kernels, backend.workers, backend.memory)
    }

    /// Whether kernels know the order.
    func suits(_ kernels: UnsafePointer<monge_rounded_kernels>) -> Bool { kernels.pointee.lanes == self.kernels.pointee.lanes }

    /// The weight as it was given.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    func restored() throws -> CPUStorage {
        let rows = try CPUStorage(byteCount: byteCount, from: pool)
        let groups = (product.epilogue.channels + kernels.pointee.lanes - 1) / kernels.pointee.lanes
        workers.ranges(groups, cost: kernels.pointee.lanes * product.weight_row_bytes) { range, _ in
            withUnsafePointer(to: product) {
                kernels.pointee.restore($0, range.lowerBound, range.upperBound, rows.pointer.assumingMemoryBound(to: UInt8.self))
            }
        }
        return rows
    }
}

extension CPUBackend {
    /// Where a product reads its weight, and in which order.
    ///
    /// Products of few rows with rounded activations come again for every token, and spend their time on reading weights and bringing them in
    /// order: the second of them puts the weight in their order, which those of many rows then read, too. Bits are the same in either order.
    func setWeight(_ weight: Tensor, of product: inout monge_linear) throws {
        if precision == .fast, weight.dtype.isQuantised, let storage = weight.storage as? CPUStorage {
            if let weight = storage.interleaved(at: weight.byteOffset), weight.suits(roundedKernels),
                weight.product.epilogue.channels == product.epilogue.channels, weight.product.weight_row_bytes == product.weight_row_bytes
            {
                (product.weight, product.interleaved) = (weight.product.weight, true)
                return
            }
            product.weight = UnsafePointer(try weight.hostElements(UInt8.self, "linear"))
            guard product.rows <= Self.rowsOfOrderedWeights, storage.isReadOnly, storage.interleaved(at: weight.byteOffset) == nil,
                product.epilogue.channels >= roundedKernels.pointee.lanes, product.inputs > 0,
                storage.isWantedAgain(at: weight.byteOffset)
            else { return }
            let interleaved = try InterleavedWeight(product, self)
            storage.keep(interleaved, at: weight.byteOffset)
            (product.weight, product.interleaved) = (interleaved.product.weight, true)
            return
        }
        product.weight = UnsafePointer(try weight.hostElements(UInt8.self, "linear"))
    }

    /// The most rows of a product that puts its weight in order. With 16, texts are continued a fifth faster for it, with 64 a twentieth.
    private static var rowsOfOrderedWeights: Int { 64 }
}
