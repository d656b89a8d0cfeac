import CSimd

/// binary16 numbers (IEEE 754) by their bits, converted by the widest vectors of the processor.
enum HalfPrecision {
    /// Every f16 number is an f32 number.
    static func widen(_ halves: UnsafePointer<UInt16>, count: Int, into floats: UnsafeMutablePointer<Float>, workers: WorkPool?) {
        let kernels = InstructionSet.best.kernels!
        share(count, workers) { range in
            UnsafeRawPointer(halves + range.lowerBound).withMemoryRebound(to: UInt8.self, capacity: 2 * range.count) {
                kernels.pointee.decode(MONGE_F16, $0, range.count, floats + range.lowerBound)
            }
        }
    }

    /// The nearest f16 number, ties to even; infinity from 65520 on.
    static func round(_ floats: UnsafePointer<Float>, count: Int, into halves: UnsafeMutablePointer<UInt16>, workers: WorkPool?) {
        let kernels = InstructionSet.best.kernels!
        share(count, workers) { range in
            UnsafeMutableRawPointer(halves + range.lowerBound).withMemoryRebound(to: UInt8.self, capacity: 2 * range.count) {
                kernels.pointee.encode(MONGE_F16, floats + range.lowerBound, range.count, $0)
            }
        }
    }

    /// Calls `body` with ranges that cover `0 ..< count`, whole cache lines of halves, on the threads there are.
    private static func share(_ count: Int, _ workers: WorkPool?, _ body: (Range<Int>) -> Void) {
        guard let workers else { return body(0..<count) }
        workers.ranges(count, cost: 1, multiple: 32) { range, _ in body(range) }
    }
}
