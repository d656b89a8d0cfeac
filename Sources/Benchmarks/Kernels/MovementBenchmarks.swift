import Tensors

extension KernelBenchmark {
    /// Movements and elementwise functions of diffusion models, in f16 as they run, and what decoders have besides.
    static let movementBenchmarks: [KernelBenchmark] = imageBenchmarks + tokenBenchmarks + decoderMovements

    private static let halfBytes = MemoryLayout<Float16>.size

    /// The U-Net of SDXL: skips, resampling, padding, and its timestep.
    private static let imageBenchmarks: [KernelBenchmark] = [
        KernelBenchmark(
            "concat", .stableDiffusionXL, "[2, 64, 64, 640] f16 twice along the channels", bytes: 4 * 2 * 64 * 64 * 640 * halfBytes,
            operations: 0
        ) { inputs in
            let shape: Shape = [2, 64, 64, 640]
            let (a, b) = (try inputs.floats(shape, .f16), try inputs.floats(shape, .f16))
            let output = try inputs.output([2, 64, 64, 1280], .f16)
            return { _ = try inputs.backend.concat([a, b], axis: -1, into: output) }
        },
        KernelBenchmark(
            "upsample", .stableDiffusionXL, "[2, 64, 64, 640] f16 to 128 × 128, nearest", bytes: 5 * 2 * 64 * 64 * 640 * halfBytes,
            operations: 0
        ) { inputs in
            let x = try inputs.floats([2, 64, 64, 640], .f16)
            let output = try inputs.output([2, 128, 128, 640], .f16)
            return { _ = try inputs.backend.upsample(x, height: 128, width: 128, .nearest, into: output) }
        },
        KernelBenchmark(
            "upsample", .stableDiffusionXL, "[1, 128, 128, 512] f32 to 256 × 256, bilinear", bytes: 5 * 128 * 128 * 512 * floatBytes,
            operations: 9 * 4 * 128 * 128 * 512
        ) { inputs in
            let x = try inputs.floats([1, 128, 128, 512])
            let output = try inputs.output([1, 256, 256, 512])
            return { _ = try inputs.backend.upsample(x, height: 256, width: 256, .bilinear(alignCorners: false), into: output) }
        },
        KernelBenchmark(
            "pad", .stableDiffusionXL, "[1, 512, 512, 128] f16, a row below and a column to the right",
            bytes: (512 * 512 + 513 * 513) * 128 * halfBytes, operations: 0
        ) { inputs in
            let x = try inputs.floats([1, 512, 512, 128], .f16)
            let output = try inputs.output([1, 513, 513, 128], .f16)
            return { _ = try inputs.backend.pad(x, [(0, 1), (0, 1), (0, 0)], into: output) }
        },
        KernelBenchmark(
            "add", .stableDiffusionXL, "[2, 64, 64, 640] and [2, 1, 1, 640] f16", bytes: 2 * 2 * (64 * 64 + 1) * 640 * halfBytes,
            operations: 2 * 64 * 64 * 640
        ) { inputs in
            let (x, embedding) = (try inputs.floats([2, 64, 64, 640], .f16), try inputs.floats([2, 1, 1, 640], .f16))
            let output = try inputs.output([2, 64, 64, 640], .f16)
            return { _ = try inputs.backend.add(x, embedding, into: output) }
        },
        KernelBenchmark(
            "gatedProduct", .stableDiffusionXL, "packed [2, 4096, 5120] f16, gelu", bytes: 3 * 2 * 4096 * 2560 * halfBytes,
            operations: 20 * 2 * 4096 * 2560
        ) { inputs in
            let x = try inputs.floats([2, 4096, 5120], .f16)
            let output = try inputs.output([2, 4096, 2560], .f16)
            return { _ = try inputs.backend.gatedProduct(packed: x, gate: .second, activation: .gelu, into: output) }
        },
        KernelBenchmark(
            "timestepEmbedding", .stableDiffusionXL, "2 timesteps, 320 channels", bytes: (2 + 2 * 320) * floatBytes,
            operations: 2 * 320 * 20
        ) { inputs in
            let (timesteps, output) = (try inputs.floats([2]), try inputs.output([2, 320]))
            return { _ = try inputs.backend.timestepEmbedding(timesteps, TimestepFrequencies(channels: 320), into: output) }
        },
        KernelBenchmark(
            "permute", .stableDiffusionXL, "[2, 4, 128, 128] f32 to channels last", bytes: 2 * 2 * 4 * 128 * 128 * floatBytes, operations: 0
        ) { inputs in
            let (x, output) = (try inputs.floats([2, 4, 128, 128]), try inputs.output([2, 128, 128, 4]))
            return { _ = try inputs.backend.permute(x, [0, 2, 3, 1], into: output) }
        },
        KernelBenchmark(
            "permute", .stableDiffusionXL, "[1, 1024, 1024, 128] f32 to channels first", bytes: 2 * 1024 * 1024 * 128 * floatBytes,
            operations: 0
        ) { inputs in
            let (x, output) = (try inputs.floats([1, 1024, 1024, 128]), try inputs.output([1, 128, 1024, 1024]))
            return { _ = try inputs.backend.permute(x, [0, 3, 1, 2], into: output) }
        },
        KernelBenchmark(
            "clamp", .stableDiffusionXL, "[1, 1024, 1024, 3] f32", bytes: 2 * 1024 * 1024 * 3 * floatBytes, operations: 2 * 1024 * 1024 * 3
        ) { inputs in
            let (x, output) = (try inputs.floats([1, 1024, 1024, 3]), try inputs.output([1, 1024, 1024, 3]))
            return { _ = try inputs.backend.clamp(x, from: -1, to: 1, into: output) }
        },
    ]

    /// The blocks of FLUX: modulation, gated residuals, rotations, and the two streams that become one.
    private static let tokenBenchmarks: [KernelBenchmark] = [
        KernelBenchmark(
            "multiplyAdd", .flux, "x [1, 4608, 3072], scale and shift [1, 1, 3072] f16", bytes: 2 * (4608 + 1) * 3072 * halfBytes,
            operations: 3 * 4608 * 3072
        ) { inputs in
            let (x, scale) = (try inputs.floats([1, 4608, 3072], .f16), try inputs.floats([1, 1, 3072], .f16))
            let (shift, output) = (try inputs.floats([1, 1, 3072], .f16), try inputs.output([1, 4608, 3072], .f16))
            return { _ = try inputs.backend.modulate(x, scale: scale, shift: shift, into: output) }
        },
        KernelBenchmark(
            "multiplyAdd", .flux, "x [1, 4608, 3072], gate [1, 1, 3072], residual f16", bytes: (3 * 4608 + 1) * 3072 * halfBytes,
            operations: 2 * 4608 * 3072
        ) { inputs in
            let (x, gate) = (try inputs.floats([1, 4608, 3072], .f16), try inputs.floats([1, 1, 3072], .f16))
            let (residual, output) = (try inputs.floats([1, 4608, 3072], .f16), try inputs.output([1, 4608, 3072], .f16))
            return { _ = try inputs.backend.multiplyAdd(x, by: gate, plus: residual, into: output) }
        },
        KernelBenchmark(
            "multiply", .flux, "[1, 4608, 3072] and [1, 1, 3072] f16", bytes: (2 * 4608 + 1) * 3072 * halfBytes, operations: 4608 * 3072
        ) { inputs in
            let (x, scale) = (try inputs.floats([1, 4608, 3072], .f16), try inputs.floats([1, 1, 3072], .f16))
            let output = try inputs.output([1, 4608, 3072], .f16)
            return { _ = try inputs.backend.multiply(x, scale, into: output) }
        },
        KernelBenchmark(
            "activation", .flux, "[1, 4608, 12288] f16, geluTanh", bytes: 2 * 4608 * 12288 * halfBytes, operations: 15 * 4608 * 12288
        ) { inputs in
            let (x, output) = (try inputs.floats([1, 4608, 12288], .f16), try inputs.output([1, 4608, 12288], .f16))
            return { _ = try inputs.backend.activation(x, .geluTanh, into: output) }
        },
        KernelBenchmark(
            "rotation", .flux, "x [4608, 24, 128] f16, interleaved", bytes: 2 * 4608 * 24 * 128 * halfBytes + 2 * 4608 * 64 * floatBytes,
            operations: 3 * 4608 * 24 * 128
        ) { inputs in
            let (x, cosines) = (try inputs.floats([4608, 24, 128], .f16), try inputs.floats([4608, 64]))
            let (sines, output) = (try inputs.floats([4608, 64]), try inputs.output([4608, 24, 128], .f16))
            return { _ = try inputs.backend.rope(x, cosines: cosines, sines: sines, layout: .interleaved, into: output) }
        },
        KernelBenchmark(
            "concat", .flux, "[1, 512, 3072] and [1, 4096, 3072] f16 along the tokens", bytes: 2 * 4608 * 3072 * halfBytes, operations: 0
        ) { inputs in
            let (text, image) = (try inputs.floats([1, 512, 3072], .f16), try inputs.floats([1, 4096, 3072], .f16))
            let output = try inputs.output([1, 4608, 3072], .f16)
            return { _ = try inputs.backend.concat([text, image], axis: 1, into: output) }
        },
        KernelBenchmark(
            "slice", .flux, "the first 9216 of [1, 4608, 21504] f16", bytes: 2 * 4608 * 9216 * halfBytes, operations: 0,
            memory: 4608 * (21504 + 9216) * halfBytes
        ) { inputs in
            let (x, output) = (try inputs.floats([1, 4608, 21504], .f16), try inputs.output([1, 4608, 9216], .f16))
            return { _ = try inputs.backend.slice(x, axis: -1, 0..<9216, into: output) }
        },
        KernelBenchmark(
            "permute", .flux, "[1, 64, 2, 64, 2, 16] f16 to tokens of 2 × 2 pixels", bytes: 2 * 128 * 128 * 16 * halfBytes, operations: 0
        ) { inputs in
            let (x, output) = (try inputs.floats([1, 64, 2, 64, 2, 16], .f16), try inputs.output([1, 64, 64, 2, 2, 16], .f16))
            return { _ = try inputs.backend.permute(x, [0, 1, 3, 2, 4, 5], into: output) }
        },
        KernelBenchmark(
            "broadcast", .flux, "[1, 512, 3072] f16 to [2, 512, 3072]", bytes: 3 * 512 * 3072 * halfBytes, operations: 0
        ) { inputs in
            let (x, output) = (try inputs.floats([1, 512, 3072], .f16), try inputs.output([2, 512, 3072], .f16))
            return { _ = try inputs.backend.broadcast(x, to: [2, 512, 3072], into: output) }
        },
        KernelBenchmark(
            "subtract", .flux, "[1, 4096, 64] f32 twice", bytes: 3 * 4096 * 64 * floatBytes, operations: 4096 * 64
        ) { inputs in
            let (a, b) = (try inputs.floats([1, 4096, 64]), try inputs.floats([1, 4096, 64]))
            let output = try inputs.output([1, 4096, 64])
            return { _ = try inputs.backend.subtract(a, b, into: output) }
        },
        KernelBenchmark(
            "scale", .flux, "[1, 4096, 64] f32", bytes: 2 * 4096 * 64 * floatBytes, operations: 2 * 4096 * 64
        ) { inputs in
            let (x, output) = (try inputs.floats([1, 4096, 64]), try inputs.output([1, 4096, 64]))
            return { _ = try inputs.backend.scale(x, by: 0.5, into: output) }
        },
    ]

    private static let decoderMovements: [KernelBenchmark] = DecoderSizes.all.flatMap { sizes -> [KernelBenchmark] in
        let (model, channels, vocabulary, heads) = (sizes.model, sizes.channels, sizes.vocabulary, sizes.heads)
        return [
            KernelBenchmark(
                "cast", model, "[512, \(channels)] f32 to f16", bytes: 512 * channels * (floatBytes + halfBytes), operations: 0
            ) { inputs in
                let (x, output) = (try inputs.floats([512, channels]), try inputs.output([512, channels], .f16))
                return { _ = try inputs.backend.cast(x, to: .f16, into: output) }
            },
            KernelBenchmark(
                "gatherRows", model, "8 of [512, \(channels)] f32", bytes: 2 * 8 * channels * floatBytes, operations: 0,
                memory: 520 * channels * floatBytes
            ) { inputs in
                let (x, output) = (try inputs.floats([512, channels]), try inputs.output([8, channels]))
                let indices = try inputs.integers((0..<8).map { Int32($0 * 64 + 63) })
                return { _ = try inputs.backend.gatherRows(x, at: indices, into: output) }
            },
            KernelBenchmark(
                "softmax", model, "[8, \(vocabulary)] f32", bytes: 2 * 8 * vocabulary * floatBytes, operations: 10 * 8 * vocabulary
            ) { inputs in
                let (x, output) = (try inputs.floats([8, vocabulary]), try inputs.output([8, vocabulary]))
                return { _ = try inputs.backend.softmax(x, into: output) }
            },
            KernelBenchmark(
                "softmax", model, "[\(heads * 512), 512] f32", bytes: 2 * heads * 512 * 512 * floatBytes, operations: 10 * heads * 512 * 512
            ) { inputs in
                let (x, output) = (try inputs.floats([heads * 512, 512]), try inputs.output([heads * 512, 512]))
                return { _ = try inputs.backend.softmax(x, into: output) }
            },
        ]
    }
}
