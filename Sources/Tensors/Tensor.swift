/// Memory that holds a tensor's elements on one backend. Each backend has its own final subclass; nobody else looks inside.
open class TensorStorage {
    /// The size of the memory in bytes.
    public let byteCount: Int

    public init(byteCount: Int) { self.byteCount = byteCount }
}

/// A contiguous, row-major array of elements on some backend: a shape, an element type, and where it lies in a storage.
///
/// Tensors are references to memory: copying the value shares the elements. A tensor that a backend operation returns is
/// written once by that operation; operations that write into a given tensor say so by their `into` argument.
public struct Tensor {
    public let shape: Shape
    public let dtype: DType
    public let storage: TensorStorage
    /// Where the first element lies in the storage, in bytes.
    public let byteOffset: Int

    /// - Precondition: the elements are whole blocks and lie inside the storage.
    public init(shape: Shape, dtype: DType, storage: TensorStorage, byteOffset: Int = 0) {
        guard shape.channels % dtype.blockElements == 0, let bytes = dtype.byteCount(elements: shape.count) else {
            preconditionFailure("\(dtype) cannot hold rows of shape \(shape)")
        }
        precondition(byteOffset >= 0 && byteOffset + bytes <= storage.byteCount, "the tensor lies inside its storage")
        self.shape = shape
        self.dtype = dtype
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// The bytes that the elements take.
    public var byteCount: Int { dtype.byteCount(elements: shape.count)! }

    /// The same elements under another shape, sharing memory with this tensor.
    /// - Throws: ``TensorError/shapeMismatch(operation:detail:)`` when the number of elements is another, or quantised rows are cut.
    public func reshaped(_ shape: Shape) throws -> Tensor {
        try Validation.require(
            shape.count == self.shape.count, "reshaped",
            "\(self.shape) has \(self.shape.count) elements, \(shape) \(shape.count); expected the same number")
        try Validation.require(
            shape.channels % dtype.blockElements == 0, "reshaped",
            "rows of \(shape) are not whole blocks of \(dtype.blockElements) elements (\(dtype))")
        return Tensor(shape: shape, dtype: dtype, storage: storage, byteOffset: byteOffset)
    }

    /// The rows `range` along the first axis, sharing memory with this tensor.
    /// - Throws: ``TensorError/shapeMismatch(operation:detail:)`` when the range lies outside the first axis, or would cut blocks.
    public func rows(_ range: Range<Int>) throws -> Tensor {
        try Validation.require(shape.rank >= 1, "rows", "a tensor of shape \(shape) has no rows")
        try Validation.require(
            range.lowerBound >= 0 && range.upperBound <= shape[0], "rows", "\(range) lies outside the \(shape[0]) rows of \(shape)")
        try Validation.require(
            shape.rank > 1 || !dtype.isQuantised, "rows", "a row of \(shape) is no whole block of \(dtype)")
        let rowElements = shape.dimensions.dropFirst().reduce(1, *)
        let rowBytes = dtype.byteCount(elements: rowElements)!
        return Tensor(
            shape: Shape([range.count] + shape.dimensions.dropFirst()), dtype: dtype, storage: storage,
            byteOffset: byteOffset + range.lowerBound * rowBytes)
    }
}
