import Tensors
import VulkanRuntime

extension VulkanBackend {
    /// Whether activations and weights of these types may be multiplied as f16.
    func allowsHalfProducts(activations: DType, weight: DType) -> Bool {
        switch matrixInputs {
        case .single: false
        case .activations: activations == .f16 && weight != .f32
        case .half: true
        }
    }

    /// How to compute a product on tensor cores; nil where plain arithmetic is to do it: few rows, which are bound by the bytes of the
    /// weights; precision; rows that kernels cannot load 16 bytes at a time; kernels that failed their checks.
    func matrixPlan(_ operation: LinearOperation) throws -> MatrixPlan? {
        let (x, weight) = (operation.x, operation.weight)
        guard !matrices.isEmpty, operation.rows > LinearKernel.fewRows,
            allowsHalfProducts(activations: x.dtype, weight: weight.dtype), try loadsPieces(operation),
            try place(of: x, "linear").isAligned(to: 16)
        else { return nil }
        for engine in matrices where engine.kind != .nv || x.dtype == .f16 && weight.dtype != .f32 {
            let plan = MatrixPlan(engine, rows: operation.rows, outputs: operation.outputChannels, channels: operation.inputChannels)
            guard kernels.has(engine.linearKernel(weight.dtype)),
                try passesSelfCheck(plan, activations: x.dtype, weight: weight.dtype, result: operation.output.dtype)
            else { continue }
            return plan
        }
        return nil
    }

    /// ``linear(_:)`` with f16 products.
    func matrixLinear(_ operation: LinearOperation, _ plan: MatrixPlan) throws {
        let name = "linear"
        let output = try place(of: operation.output, name)
        let (rows, outputs) = (operation.rows, operation.outputChannels)
        let sums = plan.splits > 1 ? try scratch(floats: plan.splits * rows * outputs, name) : output
        var arguments = try linearArguments(operation, x: place(of: operation.x, name), result: sums)
        arguments.number(UInt32(plan.splits))
        arguments.number(UInt32(plan.splitChannels))
        let launch = try launch(
            groups: plan.tile.count(rows: rows, outputs: outputs) * plan.splits, of: (plan.engine.invocations(plan.tile), 1),
            iterations: plan.iterations, name)
        try run(
            plan.engine.linearKernel(operation.weight.dtype), types: operation.types, constants: plan.constants,
            usesFullSubgroups: true, launch, arguments, name)
        guard plan.splits > 1 else { return }
        var finishing = try linearArguments(operation, x: sums, result: output)
        finishing.number(UInt32(plan.splits))
        try run(
            "linear/combine", types: operation.types, self.launch(elements: rows * outputs, iterations: plan.splits, name),
            finishing, name)
    }

    /// Whether a kernel passes its check, on a product of a few tiles and their edges, with a wait for the device at its first use.
    private func passesSelfCheck(_ plan: MatrixPlan, activations: DType, weight: DType, result type: DType) throws -> Bool {
        guard let matrixChecks else { return true }
        let (engine, tile) = (plan.engine, plan.tile)
        let kernel = engine.linearKernel(weight)
        let types = activations == type ? "\(activations)" : "\(activations) to \(type)"
        return try passesSelfCheck(matrixChecks, "\(kernel) (\(tile), \(engine.fragment), \(types))", code: kernels.code(kernel)) {
            let (rows, outputs) = (tile.rows + 3, tile.outputs + 5)
            let channels = weight.blockElements > 32 ? 512 : 160
            var inputs = MatrixCheckInputs()
            let values = inputs.activations(rows * channels)
            let x =
                activations == .f16
                ? try upload(values.map { Float16($0) }, [rows, channels], .f16) : try upload(values, [rows, channels])
            let matrix = try inputs.weights(rows: outputs, columns: channels, weight).withUnsafeBytes {
                try upload($0, [outputs, channels], weight)
            }
            func product(_ way: ProductMethod) throws -> [Float] {
                try computing(way) { try floats(of: linear(x, weight: matrix, as: type)) }
            }
            let alone = MatrixPlan(engine, tile: tile, splits: 1, splitChannels: channels)
            return (try product(.matrix(alone)), try product(.scalar))
        }
    }

    /// Computes the products of `body` in one way.
    package func computing<Result>(_ way: ProductMethod, _ body: () throws -> Result) rethrows -> Result {
        let usual = productMethod
        defer { productMethod = usual }
        productMethod = way
        return try body()
    }

    /// Runs `body` with a shape of linear/matvec.
    package func computing<Result>(matvec shape: MatvecShape, _ body: () throws -> Result) rethrows -> Result {
        let usual = matvecShape
        defer { matvecShape = usual }
        matvecShape = shape
        return try body()
    }

    /// The elements of an f32 or f16 tensor.
    func floats(of tensor: Tensor) throws -> [Float] {
        guard tensor.dtype == .f16 else { return try readFloats(tensor) }
        var elements = [Float16](repeating: 0, count: tensor.shape.count)
        try elements.withUnsafeMutableBytes { try read(tensor, into: $0) }
        return elements.map { Float($0) }
    }

    /// Memory of a kernel's own.
    func scratch(floats count: Int, _ operation: String) throws -> DevicePlace {
        let bytes = 4 * Int(try self.count(count, operation))
        let buffer = try translatingErrors(operation) { try device.makeBuffer(byteCount: bytes) }
        return DevicePlace(buffer: buffer, byteOffset: 0, byteCount: bytes)
    }
}

extension MatrixEngine {
    func linearKernel(_ weight: DType) -> String {
        "linear/\(kind == .nv ? "workgroup" : "matrix")-\(kind.rawValue)-\(weight.rawValue)"
    }
}
