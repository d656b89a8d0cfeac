import Tensors

extension KernelBenchmark {
    /// The choice of a token.
    static let selectionBenchmarks: [KernelBenchmark] = DecoderSizes.all.flatMap { sizes in
        [1, 8].flatMap { rows in
            let vocabulary = sizes.vocabulary
            let (bytes, operations) = (rows * vocabulary * floatBytes, rows * vocabulary)
            return [
                KernelBenchmark("argmax", sizes.model, "x [\(rows), \(vocabulary)]", bytes: bytes, operations: operations) { inputs in
                    let (x, output) = (try inputs.floats([rows, vocabulary]), try inputs.output([rows], .i32))
                    return { _ = try inputs.backend.argmax(x, into: output) }
                },
                KernelBenchmark(
                    "sample", sizes.model, "x [\(rows), \(vocabulary)], topK 64, topP 0.9", bytes: bytes, operations: 10 * operations
                ) { inputs in
                    let (x, uniforms) = (try inputs.floats([rows, vocabulary]), try inputs.floats([rows]))
                    let output = try inputs.output([rows], .i32)
                    let row = try SamplingOptions(topK: 64, topP: 0.9).row()
                    let options = try inputs.backend.upload((0..<rows).flatMap { _ in row }, [rows, row.count])
                    return { _ = try inputs.backend.sample(x, uniforms: uniforms, options: options, into: output) }
                },
                KernelBenchmark("topK", sizes.model, "x [\(rows), \(vocabulary)], count 64", bytes: bytes, operations: operations) {
                    inputs in
                    let x = try inputs.floats([rows, vocabulary])
                    return { _ = try inputs.backend.topK(x, count: 64) }
                },
            ].map { $0.ofDecode(true) }
        }
    }
}
