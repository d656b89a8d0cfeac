import Tensors

extension KernelBenchmark {
    static let linearBenchmarks: [KernelBenchmark] =
        DecoderSizes.all.flatMap(decoderLinears) + otherTypes + diffusionLinears

    /// Projections of a block at one token of one request, at those of a batch, and at a prompt of 512 tokens; and the output head.
    private static func decoderLinears(_ sizes: DecoderSizes) -> [KernelBenchmark] {
        let (model, channels, wide) = (sizes.model, sizes.channels, sizes.feedForward)
        let block: [(inputs: Int, outputs: Int, x: DType, weight: DType)] = [
            (channels, wide, .f32, .f32), (channels, wide, .f32, .f16), (channels, wide, .f16, .f16),
            (channels, wide, .f32, channels % 256 == 0 ? .q4_K : .q4_1),
            (wide, channels, .f32, .q8_0),
        ]
        let blocks = [1, 8, 512].flatMap { rows in
            block.map { linear(model, rows: rows, inputs: $0.inputs, outputs: $0.outputs, x: $0.x, $0.weight).ofDecode(rows <= 8) }
        }
        return blocks + [linear(model, rows: 1, inputs: channels, outputs: sizes.vocabulary, x: .f32, .q8_0).ofDecode(true)]
    }

    /// A token times a matrix in the types that ``decoderLinears(_:)`` leaves out.
    private static let otherTypes: [KernelBenchmark] = [DType.bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q5_K, .q6_K].map { type in
        let sizes = DecoderSizes.large
        return linear(sizes.model, rows: 1, inputs: sizes.feedForward, outputs: sizes.channels, x: .f32, type).ofDecode(true)
    }

    /// Projections of the transformer blocks at each resolution, for one image.
    private static let diffusionLinears: [KernelBenchmark] = {
        let sizes: [(ModelClass, rows: Int, inputs: Int, outputs: Int)] = [
            // Queries at 64 × 64 and at 16 × 16, keys of the prompt's 77 tokens, the gated feed-forward at 32 × 32.
            (.stableDiffusion15, 4096, 320, 320), (.stableDiffusion15, 256, 1280, 1280), (.stableDiffusion15, 77, 768, 320),
            (.stableDiffusion15, 1024, 640, 5120),
            // The same at 64 × 64 and 32 × 32, with keys of 2048 channels.
            (.stableDiffusionXL, 4096, 640, 640), (.stableDiffusionXL, 1024, 1280, 10_240), (.stableDiffusionXL, 77, 2048, 1280),
            // Queries, keys and values of image and prompt together; the feed-forward's two matrices.
            (.flux, 4608, 3072, 9216), (.flux, 4096, 3072, 12_288), (.flux, 4096, 12_288, 3072),
        ]
        return sizes.flatMap { model, rows, inputs, outputs in
            [DType.f32, .f16].map { linear(model, rows: rows, inputs: inputs, outputs: outputs, x: $0, $0) }
        }
    }()

    private static func linear(
        _ model: ModelClass, rows: Int, inputs inputChannels: Int, outputs: Int, x xType: DType, _ dtype: DType
    ) -> KernelBenchmark {
        KernelBenchmark(
            "linear", model,
            "x [\(rows), \(inputChannels)]\(xType == .f32 ? "" : " \(xType)"), weight [\(outputs), \(inputChannels)] \(dtype)",
            sizes: ["rows": rows, "inputs": inputChannels, "outputs": outputs], types: ["x": xType, "weight": dtype],
            bytes: dtype.byteCount(elements: inputChannels * outputs)! + rows * (inputChannels + outputs) * xType.blockBytes,
            operations: 2 * rows * inputChannels * outputs
        ) { inputs in
            let x = try inputs.floats([rows, inputChannels], xType)
            let weight = try inputs.weight(outputs, inputChannels, dtype)
            let output = try inputs.output([rows, outputs], xType)
            return { _ = try inputs.backend.linear(x, weight: weight, into: output) }
        }
    }
}
