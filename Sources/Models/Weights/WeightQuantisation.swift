import Foundation
import Tensors

/// Which of a component's weights are quantised while they are loaded, and to what.
///
/// Matrices become the type that is asked for. Where their rows are no multiple of a super-block's 256 numbers but of 32, a type with blocks of 32
/// and about as many bits takes its place, as in llama.cpp; other rows stay as they are stored, and so does what is quantised already. Kernels of
/// convolutions become q8_0, the quantisation that the operation takes.
package struct WeightQuantisation: Sendable {
    /// Nil for weights as they are stored.
    let dtype: DType?

    static let none = WeightQuantisation(dtype: nil)

    /// What became of a weight.
    package enum Outcome { case asStored, quantised, otherwise, kept }

    /// In the place of super-blocks.
    private static let substitutes: [DType: DType] = [.q4_K: .q5_0, .q5_K: .q5_1, .q6_K: .q8_0]

    /// - Throws: ``ModelError/unsupported(_:)`` for what is no quantisation.
    init(to dtype: DType?) throws {
        if let dtype, !Quantiser.types.contains(dtype) {
            throw ModelError.unsupported(
                "weights cannot be quantised to \(dtype); known are \(Quantiser.types.map(\.rawValue).joined(separator: ", "))")
        }
        self.dtype = dtype
    }

    private init(dtype: DType?) { self.dtype = dtype }

    /// - Parameter columns: The numbers of a row.
    func matrix(_ stored: DType, columns: Int) -> (dtype: DType, outcome: Outcome) {
        guard let dtype else { return (stored, .asStored) }
        guard !stored.isQuantised else { return (stored, .kept) }
        if columns % dtype.blockElements == 0 { return (dtype, .quantised) }
        if let other = Self.substitutes[dtype], columns % other.blockElements == 0 { return (other, .otherwise) }
        return (stored, .kept)
    }

    /// - Parameter inputs: The channels that a pixel of the kernel reads.
    func kernel(_ stored: DType, inputs: Int) -> (dtype: DType, outcome: Outcome) {
        guard let dtype else { return (stored, .asStored) }
        guard !stored.isQuantised, inputs % DType.q8_0.blockElements == 0 else { return (stored, .kept) }
        return (.q8_0, dtype == .q8_0 ? .quantised : .otherwise)
    }

    /// The blocks of a matrix or kernel, its rows shared out over the processor's cores and never all widened at once.
    /// - Parameters:
    ///   - bytes: In f32, f16 or bf16, rows one after the other.
    ///   - columns: The numbers of a row.
    /// - Throws: ``ModelError/invalidConfiguration(_:)`` naming a weight whose numbers are not finite or too large for the type.
    static func quantised(
        _ bytes: UnsafeRawBufferPointer, _ stored: DType, rows: Int, columns: Int, to dtype: DType, _ name: String
    ) throws -> OwnedBytes {
        let rowBytes = dtype.byteCount(elements: columns)!
        let storedBytes = stored.byteCount(elements: columns)!
        let memory = OwnedBytes(count: rows * rowBytes)
        // Some hundred thousand numbers at a time.
        let rowsAtOnce = max(1, (1 << 18) / max(columns, 1))
        let failure = FirstFailure()
        let (source, target) = (SharedAddress(bytes.baseAddress!), SharedAddress(UnsafeRawPointer(memory.bytes.baseAddress!)))
        DispatchQueue.concurrentPerform(iterations: (rows + rowsAtOnce - 1) / rowsAtOnce) { part in
            let range = part * rowsAtOnce..<min((part + 1) * rowsAtOnce, rows)
            let count = range.count * columns
            withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { wide in
                WeightDecoding.decode(source.pointer + range.lowerBound * storedBytes, stored, count: count, into: wide.baseAddress!)
                do {
                    try Quantiser.quantise(
                        UnsafeBufferPointer(wide), to: dtype,
                        into: UnsafeMutableRawPointer(mutating: target.pointer + range.lowerBound * rowBytes))
                } catch { failure.keep(error) }
            }
        }
        if let error = failure.error { throw ModelError.invalidConfiguration("\(name) cannot be \(dtype): \(error)") }
        return memory
    }
}

/// An address that several threads use, each a part of what lies there.
private struct SharedAddress: @unchecked Sendable {
    let pointer: UnsafeRawPointer

    init(_ pointer: UnsafeRawPointer) { self.pointer = pointer }
}

/// The first of the errors that threads meet.
private final class FirstFailure: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var error: (any Error)?

    func keep(_ error: any Error) { lock.withLock { if self.error == nil { self.error = error } } }
}
