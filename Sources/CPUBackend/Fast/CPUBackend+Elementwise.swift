import CSimd
import Tensors

extension CPUBackend {
    public func elementwise(_ operation: ElementwiseOperation) throws {
        let name = operation.function.name
        let walk = operation.walk
        let function = monge_function(operation.function)
        let tensors = operation.operands + [operation.output]
        let places = try tensors.map { ElementPlace(try place(of: $0, name), $0.dtype) }
        let isMixed = places.contains { $0.isHalf != places[0].isHalf }
        let count = operation.operands.count
        try perform { [self] in
            // An activation costs about as much as reading some ten floats.
            workers.pieces(of: walk, cost: 2 * count + 4) { starts, length, _ in
                // A kernel has places for three.
                withUnsafeTemporaryAllocation(of: monge_operand.self, capacity: 3) { operands in
                    operands.initialize(repeating: monge_operand())
                    for index in 0..<count {
                        operands[index] = monge_operand(start: places[index][starts[index]], step: walk.innerStep(index))
                    }
                    let output = places[count][starts[count]]
                    withUnsafePointer(to: function) {
                        if isMixed {
                            applyMixed($0, operands, places, length, to: output)
                        } else {
                            kernels.pointee.elementwise($0, places[0].isHalf, operands.baseAddress!, length, output)
                        }
                    }
                }
            }
        }
    }

    /// A function of operands, or with a result, of several types: those of f16 go through copies of f32 that stay in the nearest cache.
    private func applyMixed(
        _ function: UnsafePointer<monge_function>, _ operands: UnsafeMutableBufferPointer<monge_operand>, _ places: [ElementPlace],
        _ length: Int, to output: UnsafeMutableRawPointer
    ) {
        let count = places.count - 1
        withUnsafeTemporaryAllocation(of: Float.self, capacity: places.count * WorkPool.piece) { floats in
            for index in 0..<count where places[index].isHalf {
                let copy = floats.baseAddress! + index * WorkPool.piece
                kernels.pointee.decode(
                    MONGE_F16, operands[index].start.assumingMemoryBound(to: UInt8.self), operands[index].step == 0 ? 1 : length, copy)
                operands[index].start = UnsafeRawPointer(copy)
            }
            guard places[count].isHalf else {
                return kernels.pointee.elementwise(function, false, operands.baseAddress!, length, output)
            }
            let result = floats.baseAddress! + count * WorkPool.piece
            kernels.pointee.elementwise(function, false, operands.baseAddress!, length, result)
            kernels.pointee.encode(MONGE_F16, result, length, output.assumingMemoryBound(to: UInt8.self))
        }
    }
}

/// The elements of an f32 or f16 tensor.
private struct ElementPlace {
    let start: UnsafeMutableRawPointer
    let isHalf: Bool

    init(_ start: UnsafeMutableRawPointer, _ dtype: DType) {
        self.start = start
        isHalf = dtype == .f16
    }

    /// Where an element lies.
    subscript(index: Int) -> UnsafeMutableRawPointer {
        start + index * (isHalf ? MemoryLayout<Float16>.stride : MemoryLayout<Float>.stride)
    }
}
