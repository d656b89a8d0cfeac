/// The 64-bit FNV-1a hash (Fowler, Noll, Vo: "The FNV Non-Cryptographic Hash Algorithm"): tells contents apart, and damage from contents.
/// It keeps nobody from making two contents with the same hash on purpose.
@frozen public struct FNVHash: Sendable {
    @usableFromInline var state: UInt64 = 0xcbf2_9ce4_8422_2325

    @inlinable public init() {}

    @inlinable public init(_ bytes: some Sequence<UInt8>) { add(bytes) }

    /// The hash of what was added so far.
    @inlinable public var value: UInt64 { state }

    /// Takes the bytes in, one after the other.
    @inlinable public mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { add(unit: UInt64(byte)) }
    }

    /// Takes the bytes of a number in as one unit, where FNV-1a proper takes single bytes: quicker, and as good for telling words apart.
    @inlinable public mutating func add(unit: UInt64) { state = (state ^ unit) &* 0x100_0000_01b3 }

    /// Sixteen hexadecimal digits.
    public var text: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
