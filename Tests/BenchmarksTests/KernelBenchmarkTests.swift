import Benchmarks
import CPUBackend
import CrossCheck
import Tensors
import Testing

@Suite struct BenchmarkTests {
    /// Operations of language models at both sizes of them, the others at sizes of a diffusion model.
    @Test func everyOperationHasSizesOfModels() {
        for operation in CrossCheck.operations {
            let models = Set(KernelBenchmark.all.filter { $0.operation == operation.name }.map(\.model))
            let isMeasured =
                models.isSuperset(of: [.language135M, .language8B])
                || !models.isDisjoint(with: [.stableDiffusion15, .stableDiffusionXL, .flux])
            #expect(isMeasured, "\(operation.name): \(models)")
        }
        let known = Set(CrossCheck.operations.map(\.name))
        #expect(KernelBenchmark.all.allSatisfy { known.contains($0.operation) })
        #expect(KernelBenchmark.all.allSatisfy { $0.bytes > 0 && $0.operations >= 0 && $0.memory > 0 })
    }

    /// Results of two runs are matched by these.
    @Test func benchmarksAreToldApart() {
        let names = KernelBenchmark.all.map { "\($0.operation), \($0.model), \($0.shapes)" }
        #expect(Set(names).count == names.count)
    }

    /// A matrix of 1536 rows of 576 elements in blocks of 20 bytes, an input and an output row.
    @Test func bytesAndOperationsAreThoseOfTheShapes() throws {
        let linear = try #require(
            KernelBenchmark.all.first { $0.shapes == "x [1, 576], weight [1536, 576] q4_1" })
        #expect(linear.bytes == 1536 * 576 / 32 * 20 + (576 + 1536) * 4)
        #expect(linear.operations == 2 * 1536 * 576)
        // Queries see 1 + 2 + … + 512 keys.
        let attention = try #require(
            KernelBenchmark.all.first {
                $0.operation == "attention" && $0.model == .language135M && $0.shapes.contains("512 queries")
            })
        #expect(attention.operations == 4 * (512 * 513 / 2) * 9 * 64)
    }

    /// What they prepare, the backend runs: those that take a moment.
    @Test func theSmallOnesRun() throws {
        let backend = ReferenceBackend()
        let small = KernelBenchmark.all.filter { $0.operations < 1 << 19 && $0.memory < 1 << 22 }
        #expect(Set(small.map(\.operation)).count >= 9)
        for benchmark in small {
            let runs = try benchmark.prepare(on: backend, copies: 2)
            #expect(runs.count == 2)
            for run in runs { try run() }
        }
    }
}
