extension KernelBenchmark {
    /// Sizes of real models for every operation. Each family of operations has a file of its own.
    public static let all: [KernelBenchmark] =
        attentionBenchmarks
        + captureBenchmarks
        + convolutionBenchmarks
        + linearBenchmarks
        + linearGroupBenchmarks
        + movementBenchmarks
        + normBenchmarks
        + rowBenchmarks
        + selectionBenchmarks

    static let floatBytes = MemoryLayout<Float>.size
}
