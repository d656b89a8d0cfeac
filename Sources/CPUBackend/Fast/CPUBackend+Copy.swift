import CSimd
import Tensors

extension CPUBackend {
    public func copy(_ operation: CopyOperation) throws {
        let source = UnsafeRawPointer(try place(of: operation.source, operation.name))
        let destination = try place(of: operation.destination, operation.name)
        let (from, to, walk) = (operation.source.dtype, operation.destination.dtype, operation.walk)
        try perform { [self] in try copy(source, from, to: destination, to, walk) }
    }

    private func copy(
        _ source: UnsafeRawPointer, _ from: DType, to destination: UnsafeMutableRawPointer, _ to: DType, _ walk: StridedWalk
    ) throws {
        let (fromStep, toStep) = (walk.innerStep(0), walk.innerStep(1))
        if from == to { return move(source, destination, elementBytes: from.blockBytes, walk) }
        guard fromStep == 1, toStep == 1 else {
            workers.pieces(of: walk, cost: 8) { starts, length, _ in
                for index in 0..<length {
                    PlainElement.copy(source, starts[0] + index * fromStep, from, to: destination, starts[1] + index * toStep, to)
                }
            }
            return
        }
        let (fromBytes, toBytes) = (from.blockBytes, to.blockBytes)
        // bf16 and f16 become each other through f32.
        let room = from != .f32 && to != .f32 ? try threadScratch.take(WorkPool.piece) : nil
        workers.pieces(of: walk, cost: 2) { starts, length, thread in
            let input = source + starts[0] * fromBytes
            let output = destination + starts[1] * toBytes
            if to == .f32 {
                kernels.pointee.decode(
                    from.kernelType, input.assumingMemoryBound(to: UInt8.self), length, output.assumingMemoryBound(to: Float.self))
            } else {
                var values = input.assumingMemoryBound(to: Float.self)
                if let room {
                    kernels.pointee.decode(from.kernelType, input.assumingMemoryBound(to: UInt8.self), length, room[thread])
                    values = UnsafePointer(room[thread])
                }
                kernels.pointee.encode(to.kernelType, values, length, output.assumingMemoryBound(to: UInt8.self))
            }
        }
    }

    /// Elements of one type from one layout to another, a block of a plane at a time.
    private func move(
        _ source: UnsafeRawPointer, _ destination: UnsafeMutableRawPointer, elementBytes: Int, _ walk: StridedWalk
    ) {
        let planes = CopyPlanes(walk)
        workers.ranges(planes.blocks, cost: 2 * planes.blockElements) { range, _ in
            planes.forEach(range) { block in
                kernels.pointee.move_plane(
                    elementBytes, source + block.source * elementBytes, planes.source, destination + block.destination * elementBytes,
                    planes.destination, block.rows, block.columns)
            }
        }
    }
}
