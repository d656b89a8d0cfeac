import Tensors

extension KernelBenchmark {
    /// Norms of image models, with the map of a site and the activation behind it.
    static let normBenchmarks: [KernelBenchmark] = groupNorms + layerNorms + channelMeans

    /// An activation of an image model: two images where guidance doubles the batch.
    private struct ImageSize {
        let model: ModelClass
        let images, height, width, channels: Int

        var shape: Shape { [images, height, width, channels] }

        static let all = [
            // The first, a middle and the innermost blocks of the U-Net.
            ImageSize(model: .stableDiffusion15, images: 2, height: 64, width: 64, channels: 320),
            ImageSize(model: .stableDiffusion15, images: 2, height: 16, width: 16, channels: 1280),
            ImageSize(model: .stableDiffusion15, images: 2, height: 8, width: 8, channels: 1280),
            ImageSize(model: .stableDiffusionXL, images: 2, height: 128, width: 128, channels: 320),
            ImageSize(model: .stableDiffusionXL, images: 2, height: 32, width: 32, channels: 1280),
            // The last block of the autoencoder's decoder.
            ImageSize(model: .stableDiffusion15, images: 1, height: 512, width: 512, channels: 128),
        ]
    }

    /// Each input read once and each output written once, as for a group that fits on the chip.
    private static let groupNorms: [KernelBenchmark] = ImageSize.all.flatMap { size in
        [DType.f32, .f16].flatMap { dtype in
            [nil, SpatialMode.channelMean, .pointwise].map { spatial in
                let (shape, channels) = (size.shape, size.channels)
                let parameters = (2 + (spatial == nil ? 0 : 4 * min(size.images, BenchmarkInputs.maps))) * channels * floatBytes
                return KernelBenchmark(
                    "groupNorm", size.model,
                    "x \(shape) \(dtype), 32 groups" + (spatial.map { ", \($0.rawValue) transport" } ?? "") + ", silu",
                    sizes: [
                        "images": size.images, "height": size.height, "width": size.width, "channels": channels, "groups": 32,
                        "transports": spatial == nil ? 0 : 1,
                    ],
                    types: ["x": dtype], bytes: 2 * dtype.byteCount(elements: shape.count)! + parameters,
                    operations: 16 * shape.count
                ) { inputs in
                    let (x, output) = (try inputs.floats(shape, dtype), try inputs.output(shape, dtype))
                    let (gain, bias) = (try inputs.floats([channels]), try inputs.floats([channels]))
                    let maps = try spatial.map { [try inputs.transport(size.images, channels, $0)] } ?? []
                    let epilogue = Epilogue(activation: .silu)
                    return {
                        _ = try inputs.backend.groupNorm(
                            x, groups: 32, gain: gain, bias: bias, epsilon: 1e-5, transports: maps, epilogue: epilogue, into: output)
                    }
                }
            }
        }
    }

    /// The norms of transformer blocks over the pixels of an image; FLUX's have neither gain nor bias.
    private static let layerNorms: [KernelBenchmark] = [
        (ModelClass.stableDiffusion15, 2 * 4096, 320, true), (.stableDiffusionXL, 2 * 1024, 1280, true), (.flux, 4608, 3072, false),
    ].flatMap { model, rows, channels, isAffine in
        [DType.f32, .f16].map { dtype in
            KernelBenchmark(
                "layerNorm", model, "x [\(rows), \(channels)] \(dtype)" + (isAffine ? "" : ", without gain and bias"),
                sizes: ["rows": rows, "channels": channels, "affine": isAffine ? 1 : 0], types: ["x": dtype],
                bytes: 2 * dtype.byteCount(elements: rows * channels)! + (isAffine ? 2 * channels * floatBytes : 0),
                operations: 7 * rows * channels
            ) { inputs in
                let (x, output) = (try inputs.floats([rows, channels], dtype), try inputs.output([rows, channels], dtype))
                let (gain, bias) = isAffine ? (try inputs.floats([channels]), try inputs.floats([channels])) : (nil, nil)
                return { _ = try inputs.backend.layerNorm(x, gain: gain, bias: bias, epsilon: 1e-5, into: output) }
            }
        }
    }

    /// A map by channel means at a site that no norm stands before.
    private static let channelMeans: [KernelBenchmark] = ImageSize.all.filter { $0.model == .stableDiffusionXL }.map { size in
        KernelBenchmark(
            "transport", size.model, "x \(size.shape), channelMean", bytes: 2 * size.shape.count * floatBytes,
            operations: 2 * size.shape.count
        ) { inputs in
            let (x, output) = (try inputs.floats(size.shape), try inputs.output(size.shape))
            let map = try inputs.transport(size.images, size.channels, .channelMean)
            return { _ = try inputs.backend.transport(x, by: map, into: output) }
        }
    }
}
