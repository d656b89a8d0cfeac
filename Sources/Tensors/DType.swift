/// The element type of a tensor: a plain scalar, or a GGUF block quantisation kept as it is stored.
///
/// Quantised types hold ``blockElements`` consecutive elements of a row in ``blockBytes`` bytes; the layouts are those of
/// `ggml-common.h` (ggml, the format GGUF files use). A row of a quantised tensor must be a whole number of blocks.
public enum DType: String, Sendable, CaseIterable, Hashable {
    case f32, f16, bf16, i32
    case q4_0, q4_1, q5_0, q5_1, q8_0
    case q4_K, q5_K, q6_K

    /// The number of elements that are stored together.
    public var blockElements: Int {
        switch self {
        case .f32, .f16, .bf16, .i32: 1
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
        case .q4_K, .q5_K, .q6_K: 256
        }
    }

    /// The number of bytes of one block.
    public var blockBytes: Int {
        switch self {
        case .f32, .i32: 4
        case .f16, .bf16: 2
        case .q4_0: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q4_K: 144
        case .q5_K: 176
        case .q6_K: 210
        }
    }

    /// Whether elements share a block with others, so that only whole blocks can be addressed.
    public var isQuantised: Bool { blockElements > 1 }

    /// Whether a tensor of this type can be a weight (anything but an index).
    public var isWeight: Bool { self != .i32 }

    /// Whether a tensor of this type can be an activation. Sums are f32 and the result is rounded once, to its own type.
    public var isActivation: Bool { self == .f32 || self == .f16 }

    /// The bytes of `elements` consecutive elements, or nil when they are not a whole number of blocks or overflow `Int`.
    public func byteCount(elements: Int) -> Int? {
        guard elements >= 0, elements % blockElements == 0 else { return nil }
        let (bytes, overflow) = (elements / blockElements).multipliedReportingOverflow(by: blockBytes)
        return overflow ? nil : bytes
    }
}
