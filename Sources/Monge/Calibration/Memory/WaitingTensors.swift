import Foundation
import Tensors

/// Tensors that wait until their batch is gone on with: in memory as far as they fit, in a temporary file beyond that.
final class WaitingTensors {
    /// One of them.
    final class Entry {
        fileprivate let shape: Shape
        fileprivate let dtype: DType
        /// Nil while it lies in the file alone.
        fileprivate var tensor: Tensor?
        fileprivate var region: SpillFile.Region?

        fileprivate init(_ tensor: Tensor) {
            shape = tensor.shape
            dtype = tensor.dtype
            self.tensor = tensor
        }

        /// Whether this is the tensor that lies in memory here.
        func holds(_ other: Tensor) -> Bool {
            tensor.map { $0.storage === other.storage && $0.byteOffset == other.byteOffset && $0.shape == other.shape } ?? false
        }
    }

    private let backend: any Backend
    /// The most bytes that wait in memory.
    let capacity: Int
    private var inMemory = 0
    private(set) var file: SpillFile?
    /// The time that moving to and from the file took.
    private(set) var secondsMoving = 0.0

    /// Bytes that are moved at a time: from the device through a cache to the file.
    private static let pieceBytes = 1 << 20

    init(capacity: Int, on backend: any Backend) {
        self.capacity = capacity
        self.backend = backend
    }

    /// Lets a tensor wait.
    func keep(_ tensor: Tensor) throws -> Entry {
        let entry = Entry(tensor)
        if inMemory + tensor.byteCount <= capacity {
            inMemory += tensor.byteCount
            return entry
        }
        let file = try self.file ?? SpillFile()
        self.file = file
        let region = file.reserve(tensor.byteCount)
        entry.region = region
        try eachPiece(of: tensor) { piece, offset, bytes in
            try backend.read(piece, into: bytes)
            try file.write(UnsafeRawBufferPointer(bytes), to: region, at: offset)
        }
        entry.tensor = nil
        return entry
    }

    /// The tensor, from the file if need be.
    func recall(_ entry: Entry) throws -> Tensor {
        if let tensor = entry.tensor { return tensor }
        let tensor = try backend.allocate(entry.shape, entry.dtype)
        try eachPiece(of: tensor) { piece, offset, bytes in
            try file!.read(entry.region!, at: offset, into: bytes)
            try backend.write(UnsafeRawBufferPointer(bytes), to: piece)
        }
        entry.tensor = tensor
        return tensor
    }

    /// Says that the tensor, which has been recalled and not changed, waits again.
    func settle(_ entry: Entry) { if entry.region != nil { entry.tensor = nil } }

    /// Says that nobody needs the tensor any more.
    func forget(_ entry: Entry) {
        if let region = entry.region { file!.release(region) } else { inMemory -= entry.tensor!.byteCount }
    }

    private func eachPiece(
        of tensor: Tensor, _ body: (_ piece: Tensor, _ offset: Int, _ bytes: UnsafeMutableRawBufferPointer) throws -> Void
    ) throws {
        let start = Date()
        defer { secondsMoving += Date().timeIntervalSince(start) }
        let flat = try tensor.reshaped([tensor.shape.count])
        let elementBytes = tensor.dtype.blockBytes
        let pieceElements = Self.pieceBytes / elementBytes
        try withUnsafeTemporaryAllocation(byteCount: Self.pieceBytes, alignment: 64) { buffer in
            for first in stride(from: 0, to: tensor.shape.count, by: pieceElements) {
                let range = first..<min(first + pieceElements, tensor.shape.count)
                let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(range.count * elementBytes)])
                try body(flat.rows(range), first * elementBytes, bytes)
            }
        }
    }
}
