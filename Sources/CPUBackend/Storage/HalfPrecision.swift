/// binary16 numbers (IEEE 754) by their bits, in steps without a branch, which a compiler makes vectors of.
enum HalfPrecision {
    /// Every f16 number is an f32 number.
    static func widen(_ halves: UnsafePointer<UInt16>, count: Int, into floats: UnsafeMutablePointer<Float>) {
        for index in 0..<count {
            let bits = UInt32(halves[index])
            let size = (bits & 0x7FFF) << 13
            // The exponents are biased by 15 and 127: 2¹¹² makes up the difference, for subnormal numbers too.
            let finite = (Float(bitPattern: size) * 0x1p112).bitPattern
            let value = bits & 0x7C00 == 0x7C00 ? size | 0x7F80_0000 : finite
            floats[index] = Float(bitPattern: value | (bits & 0x8000) << 16)
        }
    }

    /// The nearest f16 number, ties to even; infinity from 65520 on.
    static func round(_ floats: UnsafePointer<Float>, count: Int, into halves: UnsafeMutablePointer<UInt16>) {
        for index in 0..<count {
            let bits = floats[index].bitPattern
            let size = bits & 0x7FFF_FFFF
            // Half of the last bit, less one where it is even, carries into it.
            let normal = (size &- (112 << 23) &+ 0xFFF &+ (size >> 13 & 1)) >> 13
            // Below 2⁻¹⁴ the last bit is 2⁻²⁴, and that of sums with ½, too.
            let small = (Float(bitPattern: size) + 0.5).bitPattern &- 0x3F00_0000
            let finite = size < 0x3880_0000 ? small : normal
            let number = size >= 0x477F_F000 ? 0x7C00 : finite
            let result = size > 0x7F80_0000 ? 0x7E00 | size >> 13 & 0x3FF : number
            halves[index] = UInt16(truncatingIfNeeded: result | bits >> 16 & 0x8000)
        }
    }
}
