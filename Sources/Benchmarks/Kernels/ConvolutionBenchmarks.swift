import Tensors

extension KernelBenchmark {
    /// Layers of U-Nets and of the autoencoder for one image, and what a doubling of the size takes without upsampling first.
    static let convolutionBenchmarks: [KernelBenchmark] = layers.flatMap { layer in
        [DType.f32, .f16].map { convolution(layer, $0) }
    }

    private struct Layer {
        let model: ModelClass
        /// Of the image before any upsampling, which is square.
        let extent: Int
        let inputs, outputs: Int
        var kernel = 3
        var stride = 1
        var upsampling = 1
        var groups = 1
        var isTransposed = false

        /// Half the kernel on each side, but for a transposed kernel of 4, which doubles the size with 1.
        var padding: Int { (kernel - 1) / 2 }
        var outputExtent: Int { isTransposed ? extent * stride : (extent * upsampling + 2 * padding - kernel) / stride + 1 }
        var weightShape: Shape { [outputs, kernel, kernel, inputs / groups] }
    }

    private static let layers: [Layer] = [
        // The first layer, a block at each resolution, a step down, a step up, and the last layer.
        Layer(model: .stableDiffusion15, extent: 64, inputs: 4, outputs: 320),
        Layer(model: .stableDiffusion15, extent: 64, inputs: 320, outputs: 320),
        Layer(model: .stableDiffusion15, extent: 32, inputs: 640, outputs: 640),
        Layer(model: .stableDiffusion15, extent: 16, inputs: 1280, outputs: 1280),
        Layer(model: .stableDiffusion15, extent: 8, inputs: 1280, outputs: 1280),
        Layer(model: .stableDiffusion15, extent: 64, inputs: 320, outputs: 320, stride: 2),
        Layer(model: .stableDiffusion15, extent: 32, inputs: 320, outputs: 640, kernel: 1),
        Layer(model: .stableDiffusion15, extent: 32, inputs: 640, outputs: 640, upsampling: 2),
        Layer(model: .stableDiffusion15, extent: 64, inputs: 320, outputs: 4),
        // A kernel of each channel at the size of the first blocks, and a transposed kernel in the place of the step up: no layer of these
        // models, but of others that generate images.
        Layer(model: .stableDiffusion15, extent: 64, inputs: 320, outputs: 320, groups: 320),
        Layer(model: .stableDiffusion15, extent: 32, inputs: 640, outputs: 640, kernel: 4, stride: 2, isTransposed: true),
        Layer(model: .stableDiffusionXL, extent: 128, inputs: 320, outputs: 320),
        Layer(model: .stableDiffusionXL, extent: 64, inputs: 640, outputs: 640),
        Layer(model: .stableDiffusionXL, extent: 32, inputs: 2560, outputs: 1280),
        // The autoencoder's decoder: from the latents, at the middle, up to the image, and the last layer.
        Layer(model: .stableDiffusion15, extent: 64, inputs: 4, outputs: 512),
        Layer(model: .stableDiffusion15, extent: 128, inputs: 512, outputs: 512),
        Layer(model: .stableDiffusion15, extent: 256, inputs: 256, outputs: 256, upsampling: 2),
        Layer(model: .stableDiffusion15, extent: 512, inputs: 128, outputs: 3),
    ]

    private static func convolution(_ layer: Layer, _ dtype: DType) -> KernelBenchmark {
        let (extent, result) = (layer.extent, layer.outputExtent)
        let elements = extent * extent * layer.inputs + result * result * layer.outputs + layer.weightShape.count
        // Each output of a transposed convolution meets the taps of its phase only.
        let taps = layer.isTransposed ? layer.kernel * layer.kernel / (layer.stride * layer.stride) : layer.kernel * layer.kernel
        let x: Shape = [1, extent, extent, layer.inputs]
        var sizes = [
            "images": 1, "height": extent, "width": extent, "inputs": layer.inputs, "outputs": layer.outputs,
            "kernelHeight": layer.kernel, "kernelWidth": layer.kernel, "stride": layer.stride, "padding": layer.padding,
        ]
        if layer.groups > 1 { sizes["groups"] = layer.groups }
        return KernelBenchmark(
            layer.isTransposed ? "convTranspose2d" : "conv2d", layer.model,
            "x \(x) \(dtype), weight \(layer.weightShape) \(dtype)" + (layer.stride > 1 ? ", stride \(layer.stride)" : "")
                + (layer.upsampling > 1 ? ", upsampling \(layer.upsampling)" : ""),
            // No other library is asked to upsample, or to transpose, in the same operation.
            sizes: layer.isTransposed || layer.upsampling > 1 ? [:] : sizes, types: ["x": dtype, "weight": dtype],
            bytes: elements * dtype.blockBytes,
            operations: 2 * result * result * layer.outputs * layer.inputs / layer.groups * taps
        ) { inputs in
            let image = try inputs.floats(x, dtype)
            let (rows, columns) = (layer.outputs, layer.weightShape.count / layer.outputs)
            let weight = try inputs.weight(rows, columns, dtype).reshaped(layer.weightShape)
            let output = try inputs.output([1, result, result, layer.outputs], dtype)
            let (stride, padding) = (Extent2D(integerLiteral: layer.stride), ConvolutionPadding(integerLiteral: layer.padding))
            return {
                if layer.isTransposed {
                    _ = try inputs.backend.convTranspose2d(image, weight: weight, stride: stride, padding: padding, into: output)
                } else {
                    _ = try inputs.backend.conv2d(
                        image, weight: weight, stride: stride, padding: padding, groups: layer.groups, upsampling: layer.upsampling,
                        into: output)
                }
            }
        }
    }
}
