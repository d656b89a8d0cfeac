import Tensors
import VulkanRuntime

extension VulkanBackend {
    /// How to compute a convolution on tensor cores, as a product of pixels and weights; nil where plain arithmetic is to do it: precision,
    /// input channels of a group that are no multiple of eight, a kernel that failed its check.
    func matrixPlan(_ operands: ConvolutionOperands, _ name: String) throws -> MatrixPlan? {
        let (x, weight) = (operands.x, operands.weight)
        guard !matrices.isEmpty, operands.groupInputs % 8 == 0, weight.shape.count < UInt32.max,
            operands.outputPixels > LinearKernel.fewRows, operands.groupOutputs >= 8,
            allowsHalfProducts(activations: x.dtype, weight: weight.dtype), try place(of: x, name).isAligned(to: 16),
            try weight.dtype.isQuantised || place(of: weight, name).isAligned(to: 16)
        else { return nil }
        for engine in matrices where engine.kind != .nv && kernels.has(engine.convolutionKernel(weight.dtype)) {
            let plan = MatrixPlan(
                engine, rows: operands.batch * operands.phaseGrid, outputs: operands.groupOutputs, channels: operands.rowElements,
                count: operands.groups * operands.phases
            ).withPowerOfTwoSplits(channels: operands.rowElements)
            if try convolutionPassesSelfCheck(plan, operands) { return plan }
        }
        return nil
    }

    /// A convolution with f16 products.
    func matrixConvolve(_ operands: ConvolutionOperands, _ plan: MatrixPlan, _ name: String) throws {
        let (pixels, outputs) = (operands.outputPixels, operands.outputChannels)
        let output = try place(of: operands.output, name)
        let sums = plan.splits > 1 ? try scratch(floats: plan.splits * pixels * outputs, name) : output
        let isTransposed = operands.vertical.isTransposed
        // A transposed convolution looks at the eights of each step for one that meets the phase.
        let looking = isTransposed ? plan.splitChannels / 32 * 5 : 0
        let launch = try launch(
            groups: plan.tile.count(rows: operands.batch * operands.phaseGrid, outputs: operands.groupOutputs) * operands.groups
                * operands.phases * plan.splits, of: (plan.engine.invocations(plan.tile), 1), iterations: plan.iterations + looking, name)
        try run(
            plan.engine.convolutionKernel(operands.weight.dtype), types: operands.types,
            constants: [isTransposed ? 1 : 0] + plan.constants + [UInt32(plan.splits)], usesFullSubgroups: true, launch,
            arguments(operands, result: sums, name), name)
        if plan.splits > 1 { try combine(operands, sums, splits: plan.splits, name) }
    }
}

extension VulkanBackend {
    /// Whether a kernel passes its check: a 3×3 kernel over an image with more pixels than a tile, or in steps of two over the result.
    private func convolutionPassesSelfCheck(_ plan: MatrixPlan, _ operands: ConvolutionOperands) throws -> Bool {
        guard let matrixChecks else { return true }
        let (engine, tile) = (plan.engine, plan.tile)
        let (activations, weight, type) = (operands.x.dtype, operands.weight.dtype, operands.output.dtype)
        let isTransposed = operands.vertical.isTransposed
        let kernel = engine.convolutionKernel(weight)
        let types = activations == type ? "\(activations)" : "\(activations) to \(type)"
        let name = "\(kernel) (\(tile), \(engine.fragment), \(types)\(isTransposed ? ", transposed" : ""))"
        return try passesSelfCheck(matrixChecks, name, code: kernels.code(kernel)) {
            let (width, inputs, outputs) = (12, 32, tile.outputs + 5)
            let height = tile.rows / width + 2
            var numbers = MatrixCheckInputs()
            let values = numbers.activations(height * width * inputs)
            let x =
                activations == .f16
                ? try upload(values.map { Float16($0) }, [1, height, width, inputs], .f16)
                : try upload(values, [1, height, width, inputs])
            let kernelWeight = try numbers.weights(rows: outputs, columns: 9 * inputs, weight).withUnsafeBytes {
                try upload($0, [outputs, 3, 3, inputs], weight)
            }
            func result(_ way: ProductMethod) throws -> [Float] {
                try computing(way) {
                    if isTransposed { return try floats(of: convTranspose2d(x, weight: kernelWeight, stride: 2, padding: 1, as: type)) }
                    return try floats(of: conv2d(x, weight: kernelWeight, padding: 1, as: type))
                }
            }
            let alone = MatrixPlan(engine, tile: tile, splits: 1, splitChannels: 9 * inputs)
            return (try result(.matrix(alone)), try result(.scalar))
        }
    }
}

extension MatrixPlan {
    /// As many splits as the next power of two below has: convolution/matrix.comp is compiled for their number.
    fileprivate func withPowerOfTwoSplits(channels: Int) -> MatrixPlan {
        let count = 1 << (Int.bitWidth - 1 - splits.leadingZeroBitCount)
        let each = ((channels + 31) / 32 + count - 1) / count * 32
        return MatrixPlan(engine, tile: tile, splits: count, splitChannels: count == 1 ? channels : each)
    }
}

extension MatrixEngine {
    func convolutionKernel(_ weight: DType) -> String { "convolution/matrix-\(kind.rawValue)-\(weight.rawValue)" }
}
