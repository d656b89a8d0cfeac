extension Validation {
    /// An axis counted from the front.
    static func axis(_ axis: Int, of shape: Shape, _ operation: String) throws -> Int {
        let place = axis < 0 ? shape.rank + axis : axis
        try requireOption(shape.dimensions.indices.contains(place), operation, "axis \(axis) of a tensor of shape \(shape)")
        return place
    }

    /// Checks that a result can be of a type: f32 or f16.
    static func requireActivation(_ dtype: DType, _ operation: String) throws {
        if dtype != .f32 && dtype != .f16 {
            throw TensorError.unsupportedType(operation: operation, detail: "a result of \(dtype), expected f32 or f16")
        }
    }

    /// Checks that a walk has no more axes than kernels take.
    static func requireAxes(_ walk: StridedWalk, _ operation: String, _ shapes: @autoclosure () -> String) throws {
        try requireOption(
            walk.extents.count <= StridedWalk.mostAxes, operation,
            "\(shapes()): \(walk.extents.count) axes cannot be merged, at most \(StridedWalk.mostAxes) are supported")
    }
}
