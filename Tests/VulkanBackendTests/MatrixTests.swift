import CPUBackend
import CrossCheck
import Foundation
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// The kernels for tensor cores, with their products emulated where the device has none.
@Suite struct MatrixTests {
    private static let options = MatrixOptions(.only(.emulated), inputs: .half)

    /// Everything around the products: tiles, staging, decoding, epilogue, splits of the channels; with f32 activations rounded to f16 too.
    @Test(arguments: [("linear", 132), ("attention", 48), ("conv2d", 48), ("convTranspose2d", 32)])
    func emulatedKernelsAgreeWithReference(name: String, cases: Int) throws {
        let backend = try TestBackend.make(family: .tiles, matrix: Self.options)
        #expect(backend.matrixInputs == .half)
        let operation = try #require(CrossCheck.operations.first { $0.name == name })
        let report = try CrossCheck.run(operation: operation, cases: cases, seed: 2, candidate: backend, reference: ReferenceBackend())
        for failure in report.failures { Issue.record("\(failure)") }
        #expect(backend.device.validationMessages == [])
    }

    /// Each tile of each table that fits the device, at sizes that are no multiple of it, whole and split.
    @Test func everyTileComputesTheSame() throws {
        let backend = try TestBackend.make(family: .tiles, matrix: Self.options)
        let engine = try #require(backend.matrices.first)
        let tables = [DeviceClass.nvidia, .amd, .intel, .other].flatMap { $0.matrixTiles.map(\.tile) }
        let tiles = Set(tables).filter { $0.refusal(on: backend.device.report, engine.fragment, lanes: engine.lanes) == nil }
        #expect(!tiles.isEmpty)
        let (rows, outputs, channels) = (37, 75, 200)
        var inputs = MatrixCheckInputs()
        let x = try backend.upload(inputs.activations(rows * channels), [rows, channels])
        let weight = try inputs.weights(rows: outputs, columns: channels, .f16).withUnsafeBytes {
            try backend.upload($0, [outputs, channels], .f16)
        }
        let plain = try TestBackend.make(family: .tiles)
        let expected = try plain.readFloats(
            plain.linear(
                plain.upload(backend.readFloats(x), x.shape), weight: copy(weight, from: backend, to: plain)))
        for tile in tiles {
            for splitChannels in [channels, 96] {
                let splits = (channels + splitChannels - 1) / splitChannels
                let plan = MatrixPlan(engine, tile: tile, splits: splits, splitChannels: splitChannels)
                let result = try backend.computing(.matrix(plan)) { try backend.linear(x, weight: weight) }
                // The inputs are exact in f16, so that only the order of the sums differs.
                for (value, truth) in zip(try backend.readFloats(result), expected) {
                    #expect(abs(value - truth) <= 1e-4, "\(tile), \(splits) splits")
                }
            }
        }
        #expect(backend.device.validationMessages == [])
    }

    private func copy(_ weight: Tensor, from source: VulkanBackend, to target: VulkanBackend) throws -> Tensor {
        var bytes = [UInt8](repeating: 0, count: weight.byteCount)
        try bytes.withUnsafeMutableBytes { try source.read(weight, into: $0) }
        return try bytes.withUnsafeBytes { try target.upload($0, weight.shape, weight.dtype) }
    }

    @Test func aKernelThatIsWrongIsFoundOutAndNotUsed() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let warnings = Warnings()
        var options = MatrixOptions(.only(.emulated), inputs: .half)
        options.checksKernels = true
        options.report = { warnings.append($0) }
        // bf16 and f16 have the same number of bytes.
        options.kernelSubstitutes = ["linear/matrix-emulated-f16": "linear/matrix-emulated-bf16"]

        func product(_ options: MatrixOptions) throws -> (fast: [Float], backend: VulkanBackend) {
            let backend = try TestBackend.make(family: .tiles, matrix: options, cacheFolder: folder)
            var inputs = MatrixCheckInputs()
            let x = try backend.upload(inputs.activations(20 * 64), [20, 64])
            let weight = try inputs.weights(rows: 24, columns: 64, .f16).withUnsafeBytes { try backend.upload($0, [24, 64], .f16) }
            return (try backend.readFloats(backend.linear(x, weight: weight)), backend)
        }
        let plain = try product(MatrixOptions(.only(.scalar))).fast
        let (result, backend) = try product(options)
        #expect(result == plain)
        #expect(warnings.all.count == 1)
        #expect(warnings.all.first?.hasPrefix("linear/matrix-emulated-f16") == true)
        let kept = MatrixVerdicts(backend.device.report, in: folder)
        #expect(kept.failures.count == 1)

        // The next process warns again, and does not check again: the kernel in its place would pass.
        #expect(try product(options).fast == plain)
        #expect(warnings.all.count == 2)

        // Another kernel of that name is checked anew, and used.
        options.kernelSubstitutes = [:]
        let right = try product(options)
        #expect(warnings.all.count == 2)
        #expect(MatrixVerdicts(right.backend.device.report, in: folder).failures.isEmpty)
        for (value, truth) in zip(right.fast, plain) { #expect(abs(value - truth) <= 1e-4) }
    }

    /// Which kernel multiplies is a matter of the types, of the precision asked for and of the number of rows.
    @Test func activationsAndTheirPrecisionChooseTheKernel() throws {
        for (inputs, rows, dtype, usesMatrix) in [
            (MatrixInputs.activations, 20, DType.f16, true), (.activations, 20, .f32, false), (.activations, 4, .f16, false),
            (.half, 20, .f32, true), (.single, 20, .f16, false),
        ] {
            let backend = try TestBackend.make(family: .tiles, matrix: MatrixOptions(.only(.emulated), inputs: inputs))
            let x = try backend.allocate([rows, 64], dtype)
            let weight = try backend.allocate([24, 64], .q8_0)
            try backend.stream.startProfiling(serialised: true)
            _ = try backend.linear(x, weight: weight)
            let kernels = try backend.stream.endProfiling().map(\.kernel)
            #expect(
                kernels.contains { $0.hasPrefix("linear/matrix-emulated-q8_0") } == usesMatrix,
                "\(inputs), \(rows) rows of \(dtype): \(kernels)")
        }
    }

    /// The way of a device with tensor cores: f16 activations, each kernel compared with the plain one before its first use.
    @Test func attentionIsCheckedBeforeItsFirstUse() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (rows, heads, channels, keys) = (20, 2, 40, 50)
        var inputs = MatrixCheckInputs()
        let numbers = [rows * heads, keys, keys].map { count in inputs.activations(count * channels).map { Float16($0) } }

        func result(_ options: MatrixOptions) throws -> [Float16] {
            let backend = try TestBackend.make(family: .tiles, matrix: options, cacheFolder: folder)
            let segments = Segments(
                queryStarts: try backend.upload([0, Int32(rows)]), keyLengths: try backend.upload([Int32(keys)]),
                slots: try backend.upload([0 as Int32]), maximumQueries: rows, maximumKeys: keys)
            let cache = try numbers.dropFirst().map { try backend.upload($0, [1, keys, 1, channels], .f16) }
            let output = try backend.attention(
                backend.upload(numbers[0], [rows, heads, channels], .f16), keys: cache[0], values: cache[1], segments: segments,
                scale: 0.15)
            var elements = [Float16](repeating: 0, count: output.shape.count)
            try elements.withUnsafeMutableBytes { try backend.read(output, into: $0) }
            #expect(backend.device.validationMessages == [])
            return elements
        }
        var options = MatrixOptions(.only(.emulated))
        options.checksKernels = true
        options.report = { Issue.record("a right kernel failed: \($0)") }
        let fast = try result(options)
        let verdicts = MatrixVerdicts(try TestBackend.report(), in: folder)
        #expect(verdicts.kernels.count == 1)
        #expect(verdicts.kernels.keys.first?.hasPrefix("attention/matrix-emulated") == true)
        // Values of at most 2: the weights' rounding to f16 and that of the result, 2⁻¹⁰ each.
        for (value, truth) in zip(fast, try result(MatrixOptions(.only(.scalar)))) { #expect(abs(value - truth) <= 0x1p-8) }
    }

    /// A transposed convolution is another specialisation of the kernel and has a check of its own.
    @Test func bothKindsOfConvolutionAreCheckedBeforeTheirFirstUse() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        var options = MatrixOptions(.only(.emulated))
        options.checksKernels = true
        options.report = { Issue.record("a right kernel failed: \($0)") }
        let backend = try TestBackend.make(family: .tiles, matrix: options, cacheFolder: folder)
        let x = try backend.upload([Float16](repeating: 1, count: 9 * 8), [1, 3, 3, 8], .f16)
        let weight = try backend.upload([Float16](repeating: 1, count: 9 * 8 * 8), [8, 3, 3, 8], .f16)
        func elements(_ tensor: Tensor) throws -> [Float16] {
            var elements = [Float16](repeating: 0, count: tensor.shape.count)
            try elements.withUnsafeMutableBytes { try backend.read(tensor, into: $0) }
            return elements
        }
        // The middle pixel sees all of the image.
        #expect(try elements(backend.conv2d(x, weight: weight, padding: 1))[4 * 8] == 72)
        // With a stride of 2 an even pixel of the result meets one tap of each axis, an odd one two.
        let upsampled = try elements(backend.convTranspose2d(x, weight: weight, stride: 2, padding: 1))
        #expect([0, 8, 6 * 8].map { upsampled[$0] } == [8, 16, 32])
        #expect(backend.device.validationMessages == [])
        let kernels = MatrixVerdicts(try TestBackend.report(), in: folder).kernels.keys
        #expect(kernels.count == 2 && kernels.allSatisfy { $0.hasPrefix("convolution/matrix-emulated-f16") })
        #expect(kernels.filter { $0.contains("transposed") }.count == 1)
    }

    @Test func aKernelThatCannotRunHasFailedAndALostDeviceSaysNothing() throws {
        let report = try TestBackend.report()
        let warnings = Warnings()
        let check = MatrixSelfCheck(report, folder: nil) { warnings.append($0) }
        let code = ShaderCode(name: "a/kernel", words: [1, 2, 3])
        #expect(throws: TensorError.self) {
            try check.passes("a", code: code) { throw TensorError.deviceLost(device: report.name, detail: "") }
        }
        #expect(warnings.all.isEmpty)
        #expect(try !check.passes("a", code: code) { throw TensorError.executionFailed(operation: "linear", detail: "no pipeline") })
        #expect(warnings.all.count == 1 && warnings.all[0].contains("no pipeline"))
        // Zeros, NaN and too few results are wrong, whatever they are compared with.
        for fast in [[0, 0, 0], [1, .nan, 3], [1, 2]] as [[Float]] {
            #expect(try !check.passes("\(fast)", code: code) { (fast, [1, 2, 3]) })
        }
        #expect(try check.passes("right", code: code) { ([1, 2.0005, 3], [1, 2, 3]) })
    }

    @Test func aForcedKindThatTheDeviceLacksIsAnError() throws {
        guard !(try TestBackend.report().features.contains(.cooperativeMatrix)) else { return }
        let error = try #require(throws: TensorError.self) { try TestBackend.make(matrix: MatrixOptions(.only(.khr))) }
        #expect(error.description.contains("VK_KHR_cooperative_matrix"))
        #expect(try TestBackend.make().matrixInputs == .single)
    }

    @Test func theEnvironmentChooses() throws {
        #expect(try MatrixChoice.fromEnvironment([:]) == .automatic)
        #expect(try MatrixChoice.fromEnvironment(["MONGE_MATRIX": "auto"]) == .automatic)
        #expect(try MatrixChoice.fromEnvironment(["MONGE_MATRIX": "scalar"]) == .only(.scalar))
        #expect(try MatrixChoice.fromEnvironment(["MONGE_MATRIX": "khr"]) == .only(.khr))
        #expect(throws: TensorError.self) { try MatrixChoice.fromEnvironment(["MONGE_MATRIX": "fast"]) }
        #expect(throws: TensorError.self) { try MatrixOptions.fromEnvironment(precision: .fast, ["MONGE_MATRIX": "fast"]) }
    }

    @Test func precisionSaysWhatTensorCoresMayRound() throws {
        #expect(try MatrixOptions.fromEnvironment([:]).inputs == .activations)
        #expect(try MatrixOptions.fromEnvironment(precision: .exact, [:]).inputs == .activations)
        let fast = try MatrixOptions.fromEnvironment(precision: .fast, ["MONGE_MATRIX": "emulated"])
        #expect(fast.inputs == .half && fast.choice == .only(.emulated))
        #expect(try TestBackend.make(family: .tiles, matrix: fast).matrixInputs == .half)
        // Without tensor cores there is nothing to round for them.
        let scalar = try TestBackend.make(family: .tiles, matrix: MatrixOptions(.only(.scalar), precision: .fast))
        #expect(scalar.matrixInputs == .single && scalar.precision == .fast)
    }
}

/// Which engine devices get, by what they report.
@Suite struct MatrixEngineTests {
    private func report(
        _ vendor: String, shapes: [DeviceReport.MatrixShape], subgroup: Int = 32, has: Bool = true, kind: DeviceReport.Kind = .discrete
    ) -> DeviceReport {
        var limits = DeviceReport.Limits()
        limits.subgroupSize = subgroup
        limits.smallestSubgroupSize = subgroup
        limits.largestSubgroupSize = subgroup
        limits.sharedMemory = 49_152
        let features = DeviceFeature.required.union(has ? [.cooperativeMatrix, .computeFullSubgroups] : [])
        return DeviceReport(
            index: 0, name: "a device", kind: kind, vendor: vendor, processors: 132, limits: limits, features: features,
            matrixShapes: shapes)
    }

    private func shape(_ rows: Int, _ columns: Int, _ depth: Int, _ input: String = "f16", _ sum: String = "f32", scope: Bool = true)
        -> DeviceReport.MatrixShape
    {
        DeviceReport.MatrixShape(
            rows: rows, columns: columns, depth: depth, a: input, b: input, c: sum, result: sum, isSubgroupScope: scope)
    }

    @Test func theLargestProductWithSumsInSinglePrecisionIsTaken() throws {
        let device = report(
            "NVIDIA",
            shapes: [shape(16, 8, 8), shape(16, 8, 16), shape(16, 16, 16), shape(16, 16, 16, "f16", "f16"), shape(16, 8, 32, "i8", "i32")])
        let engine = try #require(try MatrixEngine.all(.automatic, on: device).first)
        #expect(engine.kind == .khr)
        #expect(engine.fragment == MatrixFragment(rows: 16, columns: 16, depth: 16))
        #expect(engine.units == 132)
        #expect(engine.tiles.map(\.tile).contains(MatrixTile(128, 128, subgroup: 64, 64)))
        #expect(engine.tiles.best(rows: 4096, outputs: 4096, units: 132) == MatrixTile(128, 128, subgroup: 64, 64))
        #expect(engine.tiles.best(rows: 32, outputs: 4096, units: 132).rows == 32)
        #expect(engine.tiles.best(rows: 16, outputs: 4096, units: 132).rows == 16)
    }

    @Test func devicesWithoutSuchProductsUsePlainArithmetic() throws {
        for device in [
            report("NVIDIA", shapes: [shape(16, 16, 16)], has: false), report("AMD", shapes: [shape(16, 16, 16, "f16", "f16")]),
            report("AMD", shapes: [shape(16, 16, 16, scope: false)]), report("Intel", shapes: [shape(8, 8, 16)], subgroup: 8),
        ] {
            #expect(try MatrixEngine.all(.automatic, on: device).isEmpty)
            #expect(throws: TensorError.self) { try MatrixEngine.all(.only(.khr), on: device) }
        }
        #expect(try MatrixEngine.all(.automatic, on: report("Intel", shapes: [shape(8, 16, 16)], subgroup: 16)).first?.fragment.rows == 8)
    }

    @Test func softwareDevicesUseTheirProductsOnlyWhenToldTo() throws {
        let device = report("Mesa", shapes: [shape(8, 8, 8)], subgroup: 8, kind: .cpu)
        #expect(try MatrixEngine.all(.automatic, on: device).isEmpty)
        #expect(MatrixSupport(device, cacheFolder: nil).detail.contains("CPU"))
        #expect(try MatrixEngine.all(.only(.khr), on: device).map(\.kind) == [.khr])
    }

    @Test func wholeWorkGroupsComeBeforeSubgroups() throws {
        var device = report("NVIDIA", shapes: [shape(16, 16, 16)])
        device.features.formUnion(DeviceFeature.workgroupMatrix)
        #expect(try MatrixEngine.all(.automatic, on: device).map(\.kind) == [.khr], "it names no product of work-groups")
        device.workgroupMatrixShapes = [128, 256, 512].map {
            DeviceReport.WorkgroupMatrixShape(
                rows: 32, columns: 32, depth: 16, a: "f16", b: "f16", c: "f32", result: "f32", invocations: $0)
        }
        let engines = try MatrixEngine.all(.automatic, on: device)
        #expect(engines.map(\.kind) == [.nv, .khr])
        #expect(engines[0].lanes == 256)
        let plan = MatrixPlan(engines[0], rows: 4096, outputs: 4096, channels: 4096)
        #expect(plan.splits == 1 && plan.constants == [128, 256, 64])
        device.features.remove(.cooperativeMatrixTensorAddressing)
        #expect(try MatrixEngine.all(.automatic, on: device).map(\.kind) == [.khr])
        #expect(throws: TensorError.self) { try MatrixEngine.all(.only(.nv), on: device) }
    }

    @Test func fewTilesShareTheirChannels() throws {
        let engine = try #require(try MatrixEngine.all(.automatic, on: report("NVIDIA", shapes: [shape(16, 16, 16)])).first)
        let few = MatrixPlan(engine, rows: 64, outputs: 256, channels: 4096)
        #expect(few.splits > 1)
        #expect(few.splits * few.splitChannels >= 4096 && (few.splits - 1) * few.splitChannels < 4096)
        #expect(few.splitChannels % 32 == 0)
        let many = MatrixPlan(engine, rows: 4096, outputs: 4096, channels: 4096)
        #expect(many.splits == 1 && many.splitChannels == 4096)
    }
}

private final class Warnings: @unchecked Sendable {
    private let lock = NSLock()
    private var messages: [String] = []

    func append(_ message: String) { lock.withLock { messages.append(message) } }
    var all: [String] { lock.withLock { messages } }
}
