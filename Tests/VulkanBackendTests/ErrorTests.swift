import CPUBackend
import Tensors
import Testing
import VulkanBackend

/// Errors of the device arrive as those of operations.
@Suite struct ErrorTests {
    @Test func tensorOfAnotherBackendIsRefused() throws {
        let backend = try TestBackend.make()
        let here = try backend.upload([1, 2, 3] as [Float])
        let there = try ReferenceBackend().upload([1, 2, 3] as [Float])
        #expect {
            try backend.add(here, there)
        } throws: { error in
            guard case TensorError.wrongBackend("add", _) = error else { return false }
            return true
        }
        // Two devices do not share memory, even when they are the same machine's.
        #expect(throws: TensorError.self) { try TestBackend.make().readFloats(here) }
    }

    @Test func memoryRunsOut() throws {
        let backend = try TestBackend.make(memoryLimit: 1 << 20)
        #expect {
            try backend.allocate([1 << 20], .f32)
        } throws: { error in
            guard case TensorError.outOfMemory(_, requestedBytes: 1 << 22, _) = error else { return false }
            return true
        }
        // The device stays usable.
        let x = try backend.upload([1, 2] as [Float])
        #expect(try backend.readFloats(backend.add(x, x)) == [2, 4])
    }

    @Test func softwareDeviceRefusesLoopsThatItWouldLeave() throws {
        guard try TestBackend.report().isSoftware else { return }
        let backend = try TestBackend.make()
        let x = try backend.allocate([70_000, 1], .f32)
        let starts = try backend.upload([0] as [Int32])
        let counts = try backend.upload([70_000] as [Int32])
        #expect {
            try backend.pool(x, starts: starts, counts: counts, maximumCount: 70_000, pooling: .mean)
        } throws: { error in
            guard case TensorError.invalidOption("pool", _) = error else { return false }
            return true
        }
    }
}
