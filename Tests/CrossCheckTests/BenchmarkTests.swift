import CPUBackend
import CrossCheck
import Tensors
import Testing

@Suite struct BenchmarkTests {
    @Test func everyOperationHasSizesOfBothModels() {
        for operation in CrossCheck.operations {
            let models = CrossCheck.benchmarks.filter { $0.operation == operation.name }.map(\.model.name)
            #expect(Set(models) == ["135M", "8B"], "\(operation.name)")
        }
        #expect(CrossCheck.benchmarks.allSatisfy { $0.bytes > 0 && $0.operations >= 0 })
    }

    /// A matrix of 1536 rows of 576 elements in blocks of 20 bytes, an input and an output row.
    @Test func bytesAndOperationsAreThoseOfTheShapes() throws {
        let linear = try #require(
            CrossCheck.benchmarks.first { $0.shapes == "x [1, 576], weight [1536, 576] q4_1" })
        #expect(linear.bytes == 1536 * 576 / 32 * 20 + (576 + 1536) * 4)
        #expect(linear.operations == 2 * 1536 * 576)
        // Queries see 1 + 2 + … + 512 keys.
        let attention = try #require(
            CrossCheck.benchmarks.first { $0.operation == "attention" && $0.model == .small && $0.shapes.contains("512 queries") })
        #expect(attention.operations == 4 * (512 * 513 / 2) * 9 * 64)
    }

    /// What they prepare, the backend runs: those that take a moment.
    @Test func theSmallOnesRun() throws {
        let backend = ReferenceBackend()
        let small = CrossCheck.benchmarks.filter { $0.model == .small && $0.operations < 1 << 19 && $0.operation != "embedding" }
        #expect(Set(small.map(\.operation)).count >= 9)
        for benchmark in small { try benchmark.prepare(on: backend)() }
    }
}
