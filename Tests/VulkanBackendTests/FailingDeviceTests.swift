import CVulkan
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// What becomes of a device that its driver reports lost, or without memory. Such a report can come from any call that waits, submits or
/// allocates.
@Suite(.serialized) struct FailingDeviceTests {
    /// Gives a backend with a failing driver to `body`, and expects that all it makes is destroyed as the validation layer wants it.
    private func withBackend(
        _ change: (inout DeviceOptions) -> Void = { _ in }, _ body: (VulkanBackend) throws -> Void
    ) throws {
        weak var closed: Device?
        var log: ValidationLog?
        do {
            let device = try FailingDriver.open(change)
            (closed, log) = (device, device.validationLog)
            try body(VulkanBackend(device: device, matrix: MatrixOptions(.only(.scalar))))
        }
        #expect(closed == nil)
        #expect(log?.messages == [])
    }

    /// Sums of 32 products of 1 and 2.
    private func product(_ backend: VulkanBackend) throws -> Tensor {
        let x = try backend.upload([Float](repeating: 1, count: 192), [2, 3, 32])
        return try backend.linear(x, weight: backend.upload([Float](repeating: 2, count: 160), [5, 32]))
    }

    private func expectWorks(_ backend: VulkanBackend) throws {
        #expect(try backend.readFloats(product(backend)) == [Float](repeating: 64, count: 30))
    }

    /// Everything that a lost backend is asked to do throws the same error, at once.
    private func expectLost(_ backend: VulkanBackend, _ lost: TensorError, _ x: Tensor) throws {
        let failures = FailingDriver.failureCount
        let uses: [(String, () throws -> Void)] = [
            ("read", { _ = try backend.readFloats(x) }), ("synchronize", { try backend.synchronize() }),
            ("allocate", { _ = try backend.allocate([1], .f32) }),
            ("write", { try [Float](repeating: 0, count: 30).withUnsafeBytes { try backend.write($0, to: x) } }),
            ("add", { _ = try backend.add(x, x) }), ("add in place", { _ = try backend.add(x, x, into: x) }),
            ("softmax in place", { _ = try backend.softmax(x, into: x) }),
        ]
        for (name, use) in uses { #expect(throws: lost, "\(name)") { try use() } }
        let ofDevice: [() throws -> Void] = [
            { try backend.stream.flush() }, { try backend.stream.startProfiling(serialised: false) },
            { _ = try backend.stream.endProfiling() }, { try backend.device.trimMemory() },
        ]
        for use in ofDevice {
            let error = try #require(throws: VulkanError.self) { try use() }
            #expect(TensorError(error, operation: "") == lost)
        }
        #expect(FailingDriver.failureCount == failures)
    }

    @Test(arguments: [FailingDriver.Function.queueSubmit2, .waitSemaphores])
    func aLostDeviceNamesOperationsAndShapes(_ function: FailingDriver.Function) throws {
        try withBackend { backend in
            let y = try product(backend)
            let image = try backend.upload([Float](repeating: 1, count: 75), [1, 5, 5, 3])
            _ = try backend.conv2d(image, weight: backend.upload([Float](repeating: 1, count: 54), [2, 3, 3, 3]))
            FailingDriver.fail(function, with: VK_ERROR_DEVICE_LOST)
            let lost = try #require(throws: TensorError.self) { try backend.readFloats(y) }
            guard case .deviceLost(backend.name, let detail) = lost else { throw lost }
            #expect(detail.contains("linear/") && detail.contains("(linear: [2, 3, 32], [5, 32] → [2, 3, 5])"), "\(detail)")
            #expect(detail.contains("(conv2d: [1, 5, 5, 3], [2, 3, 3, 3] → [1, 3, 3, 2])"), "\(detail)")
            #expect(detail.contains("restart the program"))
            try expectLost(backend, lost, y)
        }
        // The loss is that of one device.
        try expectWorks(TestBackend.make(isChecked: false))
    }

    /// The dispatches of a recording are named as the stream's own are, in their order, and a lost device refuses its replays.
    @Test func aLostDeviceNamesWhatWasReplayed() throws {
        try withBackend { backend in
            let x = try backend.upload([Float](repeating: 1, count: 192), [2, 3, 32])
            let weight = try backend.upload([Float](repeating: 2, count: 160), [5, 32])
            let y = try backend.allocate([2, 3, 5], .f32)
            let recording = try backend.record {
                _ = try backend.linear(x, weight: weight, into: y)
                _ = try backend.softmax(y, into: y)
            }
            _ = try backend.add(x, x)
            try recording.replay()
            FailingDriver.fail(.waitSemaphores, with: VK_ERROR_DEVICE_LOST)
            let lost = try #require(throws: TensorError.self) { try backend.readFloats(y) }
            guard case .deviceLost(backend.name, let detail) = lost else { throw lost }
            let places = ["(add: [2, 3, 32]", "(linear: [2, 3, 32], [5, 32] → [2, 3, 5])", "(softmax: [2, 3, 5]"].map {
                detail.range(of: $0)?.lowerBound
            }
            #expect(!places.contains(nil) && places.compactMap { $0 } == places.compactMap { $0 }.sorted(), "\(detail)")
            #expect(throws: lost) { try recording.replay() }
            #expect(throws: lost) { _ = try backend.record { _ = try backend.softmax(y, into: y) } }
            try expectLost(backend, lost, y)
        }
    }

    /// What needs the host at each replay cannot be recorded, and says so.
    @Test func whatCannotBeRecordedIsRefused() throws {
        let backend = try TestBackend.make()
        let x = try backend.upload([1, 2] as [Float])
        for use: () throws -> Void in [
            { _ = try backend.readFloats(x) }, { try backend.write([3, 4] as [Float], to: x) }, { try backend.synchronize() },
        ] {
            let error = try #require(throws: TensorError.self) { _ = try backend.record(use) }
            guard case .executionFailed(_, let detail) = error else { throw error }
            #expect(detail.contains("cannot be part of it"), "\(detail)")
        }
        // A constant may be uploaded: it is there before the first replay and stays.
        let y = try backend.allocate([2], .f32)
        let recording = try backend.record { _ = try backend.multiply(x, backend.upload([10, 100] as [Float]), into: y) }
        for factor in [1, 2] as [Float] {
            try backend.write([factor, factor], to: x)
            try recording.replay()
            #expect(try backend.readFloats(y) == [10 * factor, 100 * factor])
        }
    }

    /// A device can be lost to calls that neither submit nor wait.
    @Test func anyCallCanTellOfTheLoss() throws {
        let losses: [(FailingDriver.Function, (VulkanBackend, Tensor) throws -> Void)] = [
            // Asked while commands are recorded.
            (.getSemaphoreCounterValue, { backend, x in for _ in 0..<20 { _ = try backend.add(x, x, into: x) } }),
            (.allocateMemory, { backend, _ in _ = try backend.allocate([1 << 20], .f32) }),
            (.mapMemory, { backend, _ in _ = try backend.allocate([1 << 20], .f32) }),
            (
                .getQueryPoolResults,
                { backend, x in
                    try backend.stream.startProfiling(serialised: true)
                    _ = try backend.add(x, x)
                    try backend.synchronize()
                }
            ),
        ]
        for (function, use) in losses {
            try withBackend {
                $0.blockSize = 1 << 20
            } _: { backend in
                let y = try product(backend)
                FailingDriver.fail(function, with: VK_ERROR_DEVICE_LOST)
                // Not every device has memory that the host sees.
                if function == .mapMemory, !backend.device.hasUnifiedMemory { return }
                let lost = try #require(throws: TensorError.self, "\(function)") { try use(backend, y) }
                guard case .deviceLost = lost else { throw lost }
                try expectLost(backend, lost, y)
            }
        }
    }

    @Test func manyKernelsAreNamedInPart() {
        let error = VulkanError.deviceLost(device: "one", kernels: (0..<11).map { "kernel \($0)" })
        #expect(error.description.contains("kernel 7 and 3 more; restart"))
    }

    /// Memory that the driver refuses, for tensors, for what data passes through and for what checked kernels report to, is an error of
    /// the operation that asked for it. What there is works on.
    @Test func refusedMemoryLeavesTheStreamUsable() throws {
        try withBackend {
            $0.blockSize = 1 << 20
        } _: { backend in
            let y = try product(backend)
            for function in [FailingDriver.Function.allocateMemory, .mapMemory] {
                if function == .mapMemory, !backend.device.hasUnifiedMemory { break }
                try backend.device.trimMemory()
                let code = function == .mapMemory ? VK_ERROR_MEMORY_MAP_FAILED : VK_ERROR_OUT_OF_DEVICE_MEMORY
                FailingDriver.fail(function, with: code)
                let error = try #require(throws: TensorError.self) { try backend.allocate([1 << 20], .f32) }
                guard case .outOfMemory(backend.name, requestedBytes: 1 << 22, _) = error else { throw error }
                #expect(try backend.readFloats(y) == [Float](repeating: 64, count: 30))
                FailingDriver.fail(function, with: code, times: 0)
                #expect(try backend.allocate([1 << 20], .f32).byteCount == 1 << 22)
            }
        }
        let changes: [(inout DeviceOptions) -> Void] = [{ $0.checked = true }, { $0.mapsDeviceMemory = false }]
        for change in changes {
            try withBackend(change) { backend in
                let x = try backend.allocate([4], .f32)
                FailingDriver.fail(.allocateMemory, with: VK_ERROR_OUT_OF_DEVICE_MEMORY)
                for _ in 0..<2 {
                    let error = try #require(throws: TensorError.self) {
                        try [1, 2, 3, 4 as Float].withUnsafeBytes { try backend.write($0, to: x) }
                        _ = try backend.add(x, x)
                    }
                    guard case .outOfMemory(backend.name, requestedBytes: nil, let detail) = error else { throw error }
                    #expect(detail.contains("vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY"))
                }
                FailingDriver.fail(.allocateMemory, with: VK_ERROR_OUT_OF_DEVICE_MEMORY, times: 0)
                try expectWorks(backend)
            }
        }
    }

    /// A submission without memory is made again, first when what was under way is done and then with the next command. Nothing of what
    /// it holds is lost.
    @Test(arguments: [1, 3]) func refusedSubmissionsAreMadeAgain(_ times: Int) throws {
        try withBackend { backend in
            let y = try product(backend)
            FailingDriver.fail(.queueSubmit2, with: VK_ERROR_OUT_OF_DEVICE_MEMORY, times: times)
            if times > 1 {
                let error = try #require(throws: TensorError.self) { try backend.readFloats(y) }
                guard case .outOfMemory(backend.name, requestedBytes: nil, let detail) = error else { throw error }
                #expect(detail.contains("vkQueueSubmit2"))
            }
            #expect(try backend.readFloats(backend.add(y, y)) == [Float](repeating: 128, count: 30))
            #expect(FailingDriver.failureCount == times)
        }
    }
}
