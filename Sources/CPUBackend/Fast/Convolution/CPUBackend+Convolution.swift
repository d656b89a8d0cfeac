import CSimd
import Tensors

extension CPUBackend {
    public func conv2d(_ operation: Conv2dOperation) throws {
        try requireRepetition()
        let name = "conv2d"
        try convolve(operation.operands, name) { operands, x, product in
            try convolve(operands, x, TapPositions(operands.vertical), TapPositions(operands.horizontal), product)
        }
    }

    /// Outputs that leave the same remainders when divided by the strides meet the same taps: they are a convolution with a part of the
    /// kernel, and no product with the zeros between the inputs is ever computed.
    public func convTranspose2d(_ operation: ConvTranspose2dOperation) throws {
        try requireRepetition()
        let name = "convTranspose2d"
        try convolve(operation.operands, name) { operands, x, product in
            let (vertical, horizontal) = (operands.vertical, operands.horizontal)
            if operands.isDepthwise || vertical.stride * horizontal.stride == 1 {
                return try convolve(operands, x, TapPositions(vertical), TapPositions(horizontal), product)
            }
            for row in 0..<min(vertical.stride, vertical.outputs) {
                let rows = TapPositions(vertical, phase: row)
                for column in 0..<min(horizontal.stride, horizontal.outputs) {
                    let columns = TapPositions(horizontal, phase: column)
                    try convolvePhase(operands, x, rows, columns, product)
                }
            }
        }
    }

    /// The product of all patches with the weights, but for `x` and `rows`, which the patches give.
    private func convolve(
        _ operands: ConvolutionOperands, _ name: String, _ body: (ConvolutionOperands, UnsafePointer<Float>, monge_linear) throws -> Void
    ) throws {
        var floats = self.operands(name)
        let x = try floats.input(operands.x)
        var product = monge_linear()
        product.rows = operands.outputPixels
        product.inputs = operands.rowElements
        product.type = operands.weight.dtype.kernelType
        product.weight = UnsafePointer(try operands.weight.hostElements(UInt8.self, name))
        product.weight_row_bytes = operands.weight.dtype.byteCount(elements: operands.rowElements)!
        product.epilogue.bias = try operands.bias.map { UnsafePointer(try $0.hostFloats(name)) }
        product.epilogue.activation = operands.activation.kernelActivation
        product.epilogue.transport = try monge_transport(operands.transport, on: operands.output.shape, name)
        product.epilogue.residual = try operands.residual.map { UnsafePointer(try floats.input($0)) }
        product.epilogue.output = try floats.output(operands.output)
        product.epilogue.channels = operands.outputChannels
        try body(operands, x, product)
        try floats.finish()
    }

    /// A part of a transposed convolution: some of the outputs, with some of the taps, whose weights are brought together.
    private func convolvePhase(
        _ operands: ConvolutionOperands, _ x: UnsafePointer<Float>, _ rows: TapPositions, _ columns: TapPositions, _ whole: monge_linear
    ) throws {
        let (vertical, horizontal) = (operands.vertical, operands.horizontal)
        let tapBytes = operands.weight.dtype.byteCount(elements: operands.groupInputs)!
        var product = whole
        product.rows = operands.batch * rows.outputs.count * columns.outputs.count
        product.inputs = rows.taps.count * columns.taps.count * operands.groupInputs
        product.weight_row_bytes = rows.taps.count * columns.taps.count * tapBytes
        let channels = operands.outputChannels
        let weights = try weightScratch.take(channels * product.weight_row_bytes, of: UInt8.self)
        workers.ranges(channels, cost: product.weight_row_bytes / 4) { range, _ in
            for channel in range {
                var next = weights + channel * product.weight_row_bytes
                let row = whole.weight! + channel * whole.weight_row_bytes
                for verticalTap in rows.taps {
                    for horizontalTap in columns.taps {
                        next.update(from: row + (verticalTap * horizontal.taps + horizontalTap) * tapBytes, count: tapBytes)
                        next += tapBytes
                    }
                }
            }
        }
        product.weight = UnsafePointer(weights)
        let places = (0..<operands.batch).flatMap { image in
            rows.outputs.flatMap { row in
                columns.outputs.map { Int32((image * vertical.outputs + row) * horizontal.outputs + $0) }
            }
        }
        try places.withUnsafeBufferPointer {
            product.result_rows = $0.baseAddress
            try convolve(operands, x, rows, columns, product)
        }
    }

    /// The product of the patches at some outputs and taps.
    private func convolve(
        _ operands: ConvolutionOperands, _ x: UnsafePointer<Float>, _ rows: TapPositions, _ columns: TapPositions,
        _ product: monge_linear
    ) throws {
        try rows.inputs.withUnsafeBufferPointer { rowInputs in
            try columns.inputs.withUnsafeBufferPointer { columnInputs in
                var patches = monge_patches()
                patches.x = x
                patches.height = operands.vertical.inputs
                patches.width = operands.horizontal.inputs
                patches.channels = operands.inputChannels
                patches.inputs = operands.groupInputs
                patches.vertical_taps = rows.taps.count
                patches.horizontal_taps = columns.taps.count
                patches.output_height = rows.outputs.count
                patches.output_width = columns.outputs.count
                patches.rows = rowInputs.baseAddress
                patches.columns = columnInputs.baseAddress
                patches.regular_first = columns.regular.lowerBound
                patches.regular_end = columns.regular.upperBound
                if operands.isDepthwise {
                    try depthwise(product, patches, images: operands.batch)
                } else if product.rows >= Self.pixelsOfDirectConvolution && product.inputs > 0 {
                    try direct(product, patches, groups: operands.groups)
                } else {
                    try withUnsafePointer(to: patches) { patches in
                        try matrixProduct(product, groups: operands.groups) { part, firstPixel, group, panel, packed in
                            kernels.pointee.pack_patches(patches, group, firstPixel, part.pointee.rows, panel, packed)
                        }
                    }
                }
            }
        }
    }
}
