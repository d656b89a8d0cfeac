import Tensors
import VulkanRuntime

extension DevicePlace {
    /// The place from an element on.
    func from(element: Int, of dtype: DType) -> DevicePlace {
        let bytes = element * dtype.blockBytes
        return DevicePlace(buffer: buffer, byteOffset: byteOffset + bytes, byteCount: byteCount - bytes, shape: shape)
    }
}

extension StridedWalk {
    /// Whether every stretch of an operand begins and ends at a multiple of `elements`, if its first does.
    func isInMultiples(of elements: Int, operand: Int) -> Bool {
        innerStep(operand) == 1 && innerExtent % elements == 0 && steps[operand].dropLast().allSatisfy { $0 % elements == 0 }
    }
}

extension KernelArguments {
    /// The numbers, then as many of the last as make up `count`.
    mutating func numbers(_ values: some Collection<Int>, count: Int, filling: UInt32) {
        for value in values { number(UInt32(truncatingIfNeeded: value)) }
        for _ in values.count..<count { number(filling) }
    }
}

extension DType {
    /// The number of a type of plain elements in the shaders; that of i32, whose bits are moved, is f32's.
    var elementNumber: UInt32 { self == .f16 ? 1 : self == .bf16 ? 2 : 0 }
}
