import Tensors

extension CPUBackend {
    public func pad(_ operation: PadOperation) throws {
        try requireRepetition()
        let name = "pad"
        let x = try operation.x.hostPointer(name)
        let output = try operation.output.hostPointer(name)
        var constant: Float = 0
        if case .constant(let value) = operation.padding { constant = value }
        if operation.x.dtype == .f32 {
            pad(operation, x.assumingMemoryBound(to: UInt32.self), output.assumingMemoryBound(to: UInt32.self), constant.bitPattern)
        } else {
            let half = Float16(constant).bitPattern
            pad(operation, x.assumingMemoryBound(to: UInt16.self), output.assumingMemoryBound(to: UInt16.self), half)
        }
    }

    private func pad<Element: BitwiseCopyable>(
        _ operation: PadOperation, _ x: UnsafePointer<Element>, _ output: UnsafeMutablePointer<Element>, _ constant: Element
    ) {
        let inner = operation.extents.count - 1
        let (extent, before) = (operation.extents[inner], operation.before[inner])
        let length = operation.outputExtents[inner]
        // The stretch of an output row that is copied as it is.
        let copied = max(before, 0)..<max(max(before, 0), min(before + extent, length))
        workers.ranges(operation.outputExtents.dropLast().reduce(1, *), cost: 2 * length) { range, _ in
            for row in range {
                let values = output + row * length
                guard let sourceRow = operation.sourceRow(of: row) else {
                    values.update(repeating: constant, count: length)
                    continue
                }
                let source = x + sourceRow * extent
                (values + copied.lowerBound).update(from: source + (copied.lowerBound - before), count: copied.count)
                for index in 0..<copied.lowerBound {
                    values[index] = operation.padding.source(index - before, extent).map { source[$0] } ?? constant
                }
                for index in copied.upperBound..<length {
                    values[index] = operation.padding.source(index - before, extent).map { source[$0] } ?? constant
                }
            }
        }
    }
}

extension PadOperation {
    /// The row of x, all axes but the inner one taken together, that a row of the output is made of.
    fileprivate func sourceRow(of row: Int) -> Int? {
        var (rest, source, step) = (row, 0, 1)
        for axis in extents.indices.dropLast().reversed() {
            let (outer, index) = rest.quotientAndRemainder(dividingBy: outputExtents[axis])
            guard let place = padding.source(index - before[axis], extents[axis]) else { return nil }
            source += place * step
            step *= extents[axis]
            rest = outer
        }
        return source
    }
}

extension Padding {
    /// The index that stands at `index`, which may lie outside 0 ..< extent; nil for the constant.
    fileprivate func source(_ index: Int, _ extent: Int) -> Int? {
        if index >= 0 && index < extent { return index }
        switch self {
        case .constant: return nil
        case .replicate: return index < 0 ? 0 : extent - 1
        case .reflect: return index < 0 ? -index : 2 * (extent - 1) - index
        }
    }
}
