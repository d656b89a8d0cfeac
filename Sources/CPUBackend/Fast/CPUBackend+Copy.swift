import CSimd
import Tensors

extension CPUBackend {
    public func copy(_ operation: CopyOperation) throws {
        let source = UnsafeRawPointer(try operation.source.hostPointer(operation.name))
        let destination = try operation.destination.hostPointer(operation.name)
        let (from, to) = (operation.source.dtype, operation.destination.dtype)
        let walk = operation.walk
        let (fromStep, toStep) = (walk.innerStep(0), walk.innerStep(1))
        guard fromStep == 1, toStep == 1 else {
            if from == to, from.blockBytes == 4 {
                return rearrange(source.assumingMemoryBound(to: UInt32.self), destination.assumingMemoryBound(to: UInt32.self), walk)
            } else if from == to {
                return rearrange(source.assumingMemoryBound(to: UInt16.self), destination.assumingMemoryBound(to: UInt16.self), walk)
            }
            workers.pieces(of: walk, cost: 8) { starts, length, _ in
                for index in 0..<length {
                    PlainElement.copy(source, starts[0] + index * fromStep, from, to: destination, starts[1] + index * toStep, to)
                }
            }
            return
        }
        let (fromBytes, toBytes) = (from.blockBytes, to.blockBytes)
        // bf16 and f16 become each other through f32.
        let room = from != to && from != .f32 && to != .f32 ? try threadScratch.take(WorkPool.piece) : nil
        workers.pieces(of: walk, cost: 2) { starts, length, thread in
            let input = source + starts[0] * fromBytes
            let output = destination + starts[1] * toBytes
            if from == to {
                output.copyMemory(from: input, byteCount: length * fromBytes)
            } else if to == .f32 {
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

    /// The edge of a tile of a transposition: a cache line of f32.
    private static let tile = 16

    /// A walk that does not go along memory on both sides: tiles of the inner axis and of the one that is the source's inner one, so
    /// that each cache line is used whole while it is near.
    private func rearrange<Element: BitwiseCopyable>(
        _ source: UnsafePointer<Element>, _ destination: UnsafeMutablePointer<Element>, _ walk: StridedWalk
    ) {
        let inner = walk.extents.count - 1
        let (fromStep, toStep) = (walk.innerStep(0), walk.innerStep(1))
        guard fromStep > 1, let other = (0..<inner).first(where: { walk.steps[0][$0] == 1 }) else {
            workers.pieces(of: walk, cost: 2) { starts, length, _ in
                let (input, output) = (source + starts[0], destination + starts[1])
                for index in 0..<length { output[index &* toStep] = input[index &* fromStep] }
            }
            return
        }
        // All but the two axes make the planes that are transposed.
        let outer = walk.extents.indices.filter { $0 != other && $0 != inner }
        let extents = outer.map { walk.extents[$0] }
        func steps(_ operand: Int) -> [Int] { outer.map { walk.steps[operand][$0] } }
        let planes = StridedWalk(extents + [1], operands: [(walk.offsets[0], steps(0) + [1]), (walk.offsets[1], steps(1) + [1])])
        let (rows, columns) = (walk.extents[other], walk.extents[inner])
        let rowStep = walk.steps[1][other]
        let strips = (rows + Self.tile - 1) / Self.tile
        let count = planes.count
        workers.ranges(count * strips, cost: 2 * Self.tile * columns) { range, _ in
            for index in range {
                let (plane, strip) = index.quotientAndRemainder(dividingBy: strips)
                let starts = planes.starts(ofElement: plane)
                let (first, end) = (strip * Self.tile, min((strip + 1) * Self.tile, rows))
                for left in stride(from: 0, to: columns, by: Self.tile) {
                    let right = min(left + Self.tile, columns)
                    for row in first..<end {
                        let input = source + (starts[0] + row)
                        let output = destination + (starts[1] + row * rowStep)
                        for column in left..<right { output[column &* toStep] = input[column &* fromStep] }
                    }
                }
            }
        }
    }
}
