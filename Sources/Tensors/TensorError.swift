/// What can go wrong in an operation, as a sentence that names the operation and the shapes.
public enum TensorError: Error, Equatable, CustomStringConvertible {
    /// Operands whose shapes do not fit together.
    case shapeMismatch(operation: String, detail: String)
    /// An element type the operation does not take.
    case unsupportedType(operation: String, detail: String)
    /// An option outside its meaning (a negative epsilon, a window of zero …).
    case invalidOption(operation: String, detail: String)
    /// A tensor that lives on another backend.
    case wrongBackend(operation: String, detail: String)
    /// The device has no memory left for an allocation; nil bytes for one of the driver's own.
    case outOfMemory(device: String, requestedBytes: Int?, detail: String)
    /// The device stopped working; nothing further can be done with this backend.
    case deviceLost(device: String, detail: String)
    /// The device reported a failure while running an operation.
    case executionFailed(operation: String, detail: String)

    public var description: String {
        switch self {
        case .shapeMismatch(let operation, let detail), .unsupportedType(let operation, let detail),
            .invalidOption(let operation, let detail), .wrongBackend(let operation, let detail),
            .executionFailed(let operation, let detail):
            "\(operation): \(detail)"
        case .outOfMemory(let device, let bytes, let detail):
            "\(device) has no memory\(bytes.map { " for \($0) bytes" } ?? " left"): \(detail)"
        case .deviceLost(let device, let detail):
            "\(device) was lost: \(detail)"
        }
    }
}
