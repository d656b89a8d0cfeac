import Tensors

extension ReferenceBackend {
    public func embedding(_ operation: EmbeddingOperation) throws {
        let name = "embedding"
        let indices = try operation.indices?.hostIntegers(name)
        let table = UnsafeRawPointer(try operation.table.hostPointer(name))
        var operands = FloatOperands(memory, name)
        let output = try operands.output(operation.output)
        let (entries, channels) = (operation.table.shape[0], operation.table.shape[1])
        let rowBytes = operation.table.dtype.byteCount(elements: channels)!
        for row in 0..<operation.rows {
            let index = indices.map { Int($0[row]) } ?? row
            let values = output + row * channels
            if (0..<entries).contains(index) {
                WeightDecoding.decode(table + index * rowBytes, operation.table.dtype, count: channels, into: values)
            } else {
                values.update(repeating: 0, count: channels)
            }
        }
        try operands.finish()
    }

    public func scatterRows(_ operation: ScatterRowsOperation) throws {
        let name = "scatterRows"
        let rows = UnsafeRawPointer(try operation.rows.hostPointer(name))
        let indices = try operation.indices.hostIntegers(name)
        let destination = try operation.destination.hostPointer(name)
        let (from, to) = (operation.rows.dtype, operation.destination.dtype)
        let channels = operation.channels
        for row in 0..<operation.indices.shape.count {
            let index = Int(indices[row])
            guard (0..<operation.destination.shape[0]).contains(index) else { continue }
            for channel in 0..<channels {
                PlainElement.copy(rows, row * channels + channel, from, to: destination, index * channels + channel, to)
            }
        }
    }

    public func storeKeys(_ operation: StoreKeysOperation) throws {
        let name = "storeKeys"
        let (from, to, channels) = (operation.keys.dtype, operation.keyCache.dtype, operation.channels)
        let places = try KeyBlocks(operation.segments, cache: operation.keyCache, name)
            .places(rows: operation.keys.shape[0], sequences: operation.segments.count)
        for (rows, cache) in [(operation.keys, operation.keyCache), (operation.values, operation.valueCache)] {
            let source = UnsafeRawPointer(try rows.hostPointer(name))
            let destination = try cache.hostPointer(name)
            for (row, place) in places.enumerated() where place >= 0 {
                for channel in 0..<channels {
                    PlainElement.copy(source, row * channels + channel, from, to: destination, place * channels + channel, to)
                }
            }
        }
    }

    public func copy(_ operation: CopyOperation) throws {
        let source = UnsafeRawPointer(try operation.source.hostPointer(operation.name))
        let destination = try operation.destination.hostPointer(operation.name)
        let (from, to) = (operation.source.dtype, operation.destination.dtype)
        let walk = operation.walk
        var starts = [0, 0]
        for stretch in 0..<walk.stretches {
            walk.start(ofStretch: stretch, into: &starts)
            for index in 0..<walk.innerExtent {
                PlainElement.copy(
                    source, starts[0] + index * walk.innerStep(0), from, to: destination, starts[1] + index * walk.innerStep(1), to)
            }
        }
    }

    public func pad(_ operation: PadOperation) throws {
        let name = "pad"
        let x = UnsafeRawPointer(try operation.x.hostPointer(name))
        let output = try operation.output.hostPointer(name)
        let dtype = operation.x.dtype
        for index in 0..<operation.output.shape.count {
            if let source = operation.source(of: index) {
                PlainElement.copy(x, source, dtype, to: output, index, dtype)
            } else if case .constant(let value) = operation.padding {
                withUnsafeBytes(of: value) { PlainElement.copy($0.baseAddress!, 0, .f32, to: output, index, dtype) }
            }
        }
    }

    public func upsample(_ operation: UpsampleOperation) throws {
        let name = "upsample"
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        let (from, to) = (operation.x.shape, operation.output.shape)
        let channels = from[3]
        for batch in 0..<to[0] {
            for row in 0..<to[1] {
                let rows = operation.sources(row, extent: from[1], outputExtent: to[1])
                for column in 0..<to[2] {
                    let columns = operation.sources(column, extent: from[2], outputExtent: to[2])
                    for channel in 0..<channels {
                        func value(_ row: Int, _ column: Int) -> Double {
                            Double(x[((batch * from[1] + row) * from[2] + column) * channels + channel])
                        }
                        func mean(_ row: Int) -> Double {
                            mixed(value(row, columns.first), value(row, columns.second), columns.weight)
                        }
                        output[((batch * to[1] + row) * to[2] + column) * channels + channel] = Float(
                            mixed(mean(rows.first), mean(rows.second), rows.weight))
                    }
                }
            }
        }
        try operands.finish()
    }

    /// `(1 − weight) · first + weight · second`; first itself for a weight of 0.
    private func mixed(_ first: Double, _ second: Double, _ weight: Double) -> Double {
        weight == 0 ? first : (1 - weight) * first + weight * second
    }
}

extension UpsampleOperation {
    /// The two indices between which an index of the output lies, and the weight of the second.
    fileprivate func sources(_ index: Int, extent: Int, outputExtent: Int) -> (first: Int, second: Int, weight: Double) {
        switch interpolation {
        case .nearest:
            let source = Self.nearest(index, extent: extent, scale: Self.scale(extent: extent, outputExtent: outputExtent))
            return (source, source, 0)
        case .bilinear(let alignCorners):
            let place = Self.place(index, extent: extent, outputExtent: outputExtent, alignCorners: alignCorners)
            let (first, rest) = place.numerator.quotientAndRemainder(dividingBy: place.denominator)
            return (first, min(first + 1, extent - 1), Double(rest) / Double(place.denominator))
        }
    }
}

extension PadOperation {
    /// The element of x that an element of the output is a copy of; nil where it is the constant.
    fileprivate func source(of index: Int) -> Int? {
        var (rest, source, step) = (index, 0, 1)
        for axis in extents.indices.reversed() {
            let (outer, inner) = rest.quotientAndRemainder(dividingBy: outputExtents[axis])
            var place = inner - before[axis]
            switch padding {
            case .constant: if !(0..<extents[axis]).contains(place) { return nil }
            case .replicate: place = min(max(place, 0), extents[axis] - 1)
            case .reflect:
                place = abs(place)
                if place >= extents[axis] { place = 2 * (extents[axis] - 1) - place }
            }
            source += place * step
            step *= extents[axis]
            rest = outer
        }
        return source
    }
}
