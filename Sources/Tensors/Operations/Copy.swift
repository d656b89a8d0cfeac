/// A validated copy: every element of the walk, converted to the destination's type.
public struct CopyOperation {
    /// The method that was called, for messages and profiles.
    public let name: String
    /// f32, f16, bf16 or i32.
    public let source: Tensor
    /// f32, f16 or bf16, or i32 as the source is. Elements that the walk does not meet stay as they are.
    public let destination: Tensor
    /// Over the source, then the destination.
    public let walk: StridedWalk
}

extension DType {
    /// Whether elements can be copied one at a time.
    var isPlain: Bool { !isQuantised }
}

extension Backend {
    /// The elements of x in another type: the nearest number of the new type, ties to even; NaN stays NaN, and what is too large
    /// becomes infinite. Widening is exact.
    ///
    /// - Parameters:
    ///   - x: f32, f16 or bf16, or a quantised `[…, C]`, which is decoded.
    ///   - dtype: f32, f16 or bf16; for a quantised x, f32 or f16.
    /// - Returns: x's shape in the new type.
    public func cast(_ x: Tensor, to dtype: DType, into output: Tensor? = nil) throws -> Tensor {
        let name = "cast"
        if x.dtype.isQuantised { return try decode(x, as: dtype, into: output, name) }
        guard x.dtype != .i32, [.f32, .f16, .bf16].contains(dtype) else {
            throw TensorError.unsupportedType(operation: name, detail: "x is \(x.dtype) and cannot be made \(dtype)")
        }
        let result = try Validation.output(output, x.shape, dtype, self, name, reading: [.apart(x, "x")])
        try copy(x, from: 0, x.shape.steps, to: result, at: 0, result.shape.steps, x.shape, name)
        return result
    }

    /// The elements of x once more.
    ///
    /// - Parameter x: f32, f16, bf16 or i32; every bit is kept.
    public func copy(_ x: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "copy"
        try requirePlain(x, "x", name)
        let result = try Validation.output(output, x.shape, x.dtype, self, name, reading: [.apart(x, "x")])
        try copy(x, from: 0, x.shape.steps, to: result, at: 0, result.shape.steps, x.shape, name)
        return result
    }

    /// x with elements repeated along axes that are missing in front or have extent 1 (NumPy's broadcast_to).
    ///
    /// - Parameter x: f32, f16, bf16 or i32; every bit is kept.
    public func broadcast(_ x: Tensor, to shape: Shape, into output: Tensor? = nil) throws -> Tensor {
        let name = "broadcast"
        try requirePlain(x, "x", name)
        guard let steps = x.shape.steps(broadcastTo: shape) else {
            throw TensorError.shapeMismatch(operation: name, detail: "x \(x.shape) cannot be broadcast to \(shape)")
        }
        let result = try Validation.output(output, shape, x.dtype, self, name, reading: [.apart(x, "x")])
        try copy(x, from: 0, steps, to: result, at: 0, shape.steps, shape, name)
        return result
    }

    /// Tensors one after the other along an axis.
    ///
    /// - Parameters:
    ///   - tensors: At least one; f32, f16, bf16 or i32, of one type and with the same extents along all other axes.
    ///   - axis: Counted from the end when negative: −1 is the channels.
    /// - Returns: Every bit is kept.
    public func concat(_ tensors: [Tensor], axis: Int, into output: Tensor? = nil) throws -> Tensor {
        let name = "concat"
        guard let first = tensors.first else {
            throw TensorError.invalidOption(operation: name, detail: "there are no tensors")
        }
        let axis = try Validation.axis(axis, of: first.shape, name)
        var extents = first.shape.dimensions
        extents[axis] = 0
        for tensor in tensors {
            try requirePlain(tensor, "a tensor", name)
            try Validation.requireType(tensor, first.dtype, "a tensor", name)
            var others = tensor.shape.dimensions
            if others.count == extents.count { others[axis] = extents[axis] }
            try Validation.require(
                others == extents, name, "\(tensor.shape) does not match \(first.shape) along the axes other than \(axis)")
            extents[axis] += tensor.shape[axis]
        }
        let shape = Shape(extents)
        let result = try Validation.output(output, shape, first.dtype, self, name, reading: tensors.map { .apart($0, "a tensor") })
        var place = 0
        for tensor in tensors {
            try copy(
                tensor, from: 0, tensor.shape.steps, to: result, at: place * shape.steps[axis], shape.steps, tensor.shape, name)
            place += tensor.shape[axis]
        }
        return result
    }

    /// The part of a tensor with indices `range` along an axis, as a tensor of its own. Along the first axis ``Tensor/rows(_:)`` gives
    /// it without a copy.
    ///
    /// - Parameters:
    ///   - x: f32, f16, bf16 or i32; every bit is kept.
    ///   - axis: Counted from the end when negative.
    public func slice(_ x: Tensor, axis: Int, _ range: Range<Int>, into output: Tensor? = nil) throws -> Tensor {
        let name = "slice"
        try requirePlain(x, "x", name)
        let axis = try Validation.axis(axis, of: x.shape, name)
        try Validation.require(
            range.lowerBound >= 0 && range.upperBound <= x.shape[axis], name, "\(range) lies outside axis \(axis) of x \(x.shape)")
        var extents = x.shape.dimensions
        extents[axis] = range.count
        let shape = Shape(extents)
        let result = try Validation.output(output, shape, x.dtype, self, name, reading: [.apart(x, "x")])
        let steps = x.shape.steps
        try copy(x, from: range.lowerBound * steps[axis], steps, to: result, at: 0, shape.steps, shape, name)
        return result
    }

    /// A tensor cut along an axis.
    ///
    /// - Parameters:
    ///   - x: f32, f16, bf16 or i32; every bit is kept.
    ///   - axis: Counted from the end when negative.
    ///   - extents: Those of the parts; their sum is the axis's.
    public func split(_ x: Tensor, axis: Int, into extents: [Int]) throws -> [Tensor] {
        let name = "split"
        try requirePlain(x, "x", name)
        let axis = try Validation.axis(axis, of: x.shape, name)
        try Validation.require(
            extents.allSatisfy { $0 >= 0 } && extents.reduce(0, +) == x.shape[axis], name,
            "parts of \(extents) do not make up axis \(axis) of x \(x.shape)")
        var start = 0
        return try extents.map { extent in
            defer { start += extent }
            return try slice(x, axis: axis, start..<start + extent)
        }
    }

    /// x with its axes in another order: axis i of the result is axis `axes[i]` of x.
    ///
    /// - Parameters:
    ///   - x: Up to five axes; f32, f16, bf16 or i32; every bit is kept.
    ///   - axes: Each axis once.
    public func permute(_ x: Tensor, _ axes: [Int], into output: Tensor? = nil) throws -> Tensor {
        let name = "permute"
        try requirePlain(x, "x", name)
        try Validation.requireOption(
            axes.sorted() == Array(0..<x.shape.rank), name, "\(axes) is no order of the axes of x \(x.shape)")
        let shape = Shape(axes.map { x.shape[$0] })
        let result = try Validation.output(output, shape, x.dtype, self, name, reading: [.apart(x, "x")])
        let steps = x.shape.steps
        try copy(x, from: 0, axes.map { steps[$0] }, to: result, at: 0, shape.steps, shape, name)
        return result
    }

    private func requirePlain(_ tensor: Tensor, _ what: String, _ name: String) throws {
        if !tensor.dtype.isPlain {
            throw TensorError.unsupportedType(operation: name, detail: "\(what) is \(tensor.dtype), expected f32, f16, bf16 or i32")
        }
    }

    private func copy(
        _ source: Tensor, from sourceOffset: Int, _ sourceSteps: [Int], to destination: Tensor, at offset: Int, _ steps: [Int],
        _ shape: Shape, _ name: String
    ) throws {
        if shape.count == 0 { return }
        let walk = StridedWalk(shape.dimensions, operands: [(sourceOffset, sourceSteps), (offset, steps)])
        try Validation.requireAxes(walk, name, "\(source.shape) to \(destination.shape)")
        try copy(CopyOperation(name: name, source: source, destination: destination, walk: walk))
    }
}
