/// A hash that tells one model's weights from another's: 64-bit FNV-1a over extents and norm gains, which every quantisation of a
/// model keeps in full precision.
struct Fingerprint {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ numbers: [Int]) { numbers.withUnsafeBytes { add($0) } }
    mutating func add(_ numbers: [Float]) { numbers.withUnsafeBytes { add($0) } }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }

    /// Sixteen hexadecimal digits.
    var text: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
