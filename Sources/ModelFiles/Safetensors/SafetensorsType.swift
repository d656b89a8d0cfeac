import Tensors

/// The element type of a tensor in a safetensors file, among them types that this library can list but not compute with.
public struct SafetensorsType: Sendable, Hashable, CustomStringConvertible {
    /// The type's name in the file, such as `BF16`.
    public let description: String
    /// The same type in this library, nil when it cannot compute with it.
    public var dtype: DType? { SafetensorsType.names.first { $0.value == description }?.key }
    /// Eight bits: a sign, four of exponent and three of fraction, without infinities (OCP's E4M3). It is widened to f16 when it is read.
    static let float8 = SafetensorsType(name: "F8_E4M3")

    /// The bytes of an element, nil for a name that this library does not know.
    var elementBytes: Int? { SafetensorsType.sizes[description] }

    init(name: String) { description = name }

    /// The name of a type of this library, nil when the format has none.
    init?(_ dtype: DType) {
        guard let name = SafetensorsType.names[dtype] else { return nil }
        description = name
    }

    private static let names: [DType: String] = [.f32: "F32", .f16: "F16", .bf16: "BF16", .i32: "I32"]
    private static let sizes: [String: Int] = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4,
        "I64": 8, "U64": 8, "F64": 8,
    ]
}
