import Tensors

/// The element type of a tensor in a GGUF file, among them types that this library can list but not compute with.
///
/// Source: `enum ggml_type` of ggml, and the block layouts of `ggml-common.h`.
public struct GGMLType: Sendable, Hashable, CustomStringConvertible {
    /// The number that stands for the type in the file.
    public let rawValue: UInt32
    /// The type's name in ggml, such as `Q4_K`, or `type 99` for a number that this library does not know.
    public let description: String
    /// The same type in this library, nil when it cannot compute with it.
    public let dtype: DType?
    /// Elements and bytes of a block, nil for a number that this library does not know.
    let block: (elements: Int, bytes: Int)?

    init(rawValue: UInt32) {
        self.rawValue = rawValue
        let known = GGMLType.table[rawValue]
        description = known?.name ?? "type \(rawValue)"
        dtype = known?.dtype
        block = known.map { ($0.elements, $0.bytes) }
    }

    /// The bytes that `elements` elements take, or nil when that is unknown, not whole blocks, or too many.
    func byteCount(elements: Int) -> Int? {
        guard let block, elements >= 0, elements % block.elements == 0 else { return nil }
        let (bytes, overflow) = (elements / block.elements).multipliedReportingOverflow(by: block.bytes)
        return overflow ? nil : bytes
    }

    public static func == (left: GGMLType, right: GGMLType) -> Bool { left.rawValue == right.rawValue }
    public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

    private struct Known: Sendable {
        let name: String
        let elements: Int
        let bytes: Int
        let dtype: DType?

        init(_ name: String, _ elements: Int, _ bytes: Int, _ dtype: DType? = nil) {
            self.name = name
            self.elements = elements
            self.bytes = bytes
            self.dtype = dtype
        }
    }

    private static let table: [UInt32: Known] = [
        0: Known("F32", 1, 4, .f32), 1: Known("F16", 1, 2, .f16), 2: Known("Q4_0", 32, 18, .q4_0),
        3: Known("Q4_1", 32, 20, .q4_1), 6: Known("Q5_0", 32, 22, .q5_0), 7: Known("Q5_1", 32, 24, .q5_1),
        8: Known("Q8_0", 32, 34, .q8_0), 9: Known("Q8_1", 32, 36), 10: Known("Q2_K", 256, 84),
        11: Known("Q3_K", 256, 110), 12: Known("Q4_K", 256, 144, .q4_K), 13: Known("Q5_K", 256, 176, .q5_K),
        14: Known("Q6_K", 256, 210, .q6_K), 15: Known("Q8_K", 256, 292), 16: Known("IQ2_XXS", 256, 66),
        17: Known("IQ2_XS", 256, 74), 18: Known("IQ3_XXS", 256, 98), 19: Known("IQ1_S", 256, 50),
        20: Known("IQ4_NL", 32, 18), 21: Known("IQ3_S", 256, 110), 22: Known("IQ2_S", 256, 82),
        23: Known("IQ4_XS", 256, 136), 24: Known("I8", 1, 1), 25: Known("I16", 1, 2), 26: Known("I32", 1, 4, .i32),
        27: Known("I64", 1, 8), 28: Known("F64", 1, 8), 29: Known("IQ1_M", 256, 56), 30: Known("BF16", 1, 2, .bf16),
        34: Known("TQ1_0", 256, 54), 35: Known("TQ2_0", 256, 66), 39: Known("MXFP4", 32, 17),
    ]
}
