import CSimd
import Tensors

extension CPUBackend {
    public func elementwise(_ operation: ElementwiseOperation) throws {
        let name = operation.function.name
        let walk = operation.walk
        let function = monge_function(operation.function)
        let count = operation.operands.count
        let isHalf = operation.output.dtype == .f16
        let width = isHalf ? 2 : 4
        let inputs = try operation.operands.map { UnsafeRawPointer(try $0.hostPointer(name)) }
        let output = try operation.output.hostPointer(name)
        // A kernel has places for three.
        let steps = (0..<3).map { $0 < count ? walk.innerStep($0) : 0 }
        // f16 goes through f32 in the nearest cache, a piece at a time.
        let room = isHalf ? try threadScratch.take(4 * WorkPool.piece) : nil
        // An activation costs about as much as reading some ten floats.
        workers.pieces(of: walk, cost: 2 * count + 4) { starts, length, thread in
            withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: 3) { operands in
                operands.initialize(repeating: nil)
                for index in 0..<3 {
                    let source = inputs[min(index, count - 1)] + starts[min(index, count - 1)] * width
                    guard let room else {
                        operands[index] = source.assumingMemoryBound(to: Float.self)
                        continue
                    }
                    let wide = room[thread] + index * WorkPool.piece
                    operands[index] = UnsafePointer(wide)
                    if index >= count { continue }
                    kernels.pointee.decode(
                        MONGE_F16, source.assumingMemoryBound(to: UInt8.self), steps[index] == 0 ? 1 : length, wide)
                }
                let place = output + starts[count] * width
                let values = room.map { $0[thread] + 3 * WorkPool.piece } ?? place.assumingMemoryBound(to: Float.self)
                withUnsafePointer(to: function) { function in
                    kernels.pointee.elementwise(function, operands.baseAddress!, steps.map { $0 }, length, values)
                }
                if isHalf { kernels.pointee.encode(MONGE_F16, values, length, place.assumingMemoryBound(to: UInt8.self)) }
            }
        }
    }

    public func transport(_ operation: TransportOperation) throws {
        let name = "transport"
        var operands = FloatOperands(memory, name, workers: workers)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        let transport = try monge_transport(operation.transport, name)
        workers.ranges(operation.x.shape.rows, cost: 4 * operation.x.shape.channels) { range, _ in
            withUnsafePointer(to: transport) {
                kernels.pointee.transport($0, x, range.lowerBound, range.upperBound, output)
            }
        }
        try operands.finish()
    }
}
