/// binary16 numbers (IEEE 754) by their bits.
enum HalfPrecision {
    /// Every f16 number is an f32 number.
    static func widen(_ halves: UnsafePointer<UInt16>, count: Int, into floats: UnsafeMutablePointer<Float>) {
        for index in 0..<count { floats[index] = Float(Float16(bitPattern: halves[index])) }
    }

    /// The nearest f16 number, ties to even; infinity from 65520 on.
    static func round(_ floats: UnsafePointer<Float>, count: Int, into halves: UnsafeMutablePointer<UInt16>) {
        for index in 0..<count { halves[index] = Float16(floats[index]).bitPattern }
    }
}
