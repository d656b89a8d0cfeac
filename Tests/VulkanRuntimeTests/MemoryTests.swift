import Testing
import VulkanRuntime

@Suite struct MemoryTests {
    @Test func buffersAreCutFromBlocks() throws {
        let test = try TestDevice { $0.blockSize = 1 << 20 }
        let device = test.device
        let first = try device.makeBuffer(byteCount: 1000)
        let second = try device.makeBuffer(byteCount: 5)
        #expect(device.memory.allocated == 1 << 20)
        #expect(device.memory.inUse == 1024 + 256)
        #expect(first.address.isMultiple(of: 256) && second.address.isMultiple(of: 256))
        #expect(second.address >= first.address + 1024 || second.address + 256 <= first.address)
        // Too large to share a block.
        let large = try device.makeBuffer(byteCount: 3 << 20)
        #expect(device.memory.allocated == 4 << 20)
        #expect(large.byteCount == 3 << 20)
        #expect(device.validationMessages == [])
    }

    @Test func freedMemoryIsCountedAndUsedAgain() throws {
        let test = try TestDevice { $0.blockSize = 1 << 20 }
        let device = test.device
        var buffer: Buffer? = try device.makeBuffer(byteCount: 4096)
        let address = buffer?.address
        buffer = nil
        #expect(device.memory.inUse == 0)
        #expect(device.memory.highWater == 4096)
        buffer = try device.makeBuffer(byteCount: 4096)
        #expect(buffer?.address == address)
        #expect(device.memory.allocated == 1 << 20)
        buffer = nil
        try device.trimMemory()
        #expect(device.memory.allocated == 0)
    }

    @Test func outOfMemoryNamesTheSizesAndLeavesTheDeviceUsable() throws {
        let limit = 4 << 20
        let test = try TestDevice {
            $0.memoryLimit = limit
            $0.blockSize = 1 << 20
        }
        let device = test.device
        var held = try (0..<3).map { _ in try device.makeBuffer(byteCount: 1 << 20) }
        let expected = VulkanError.outOfMemory(
            device: device.report.name, requested: 2 << 20, inUse: 3 << 20, allocated: 3 << 20, budget: limit)
        #expect(throws: expected) { try device.makeBuffer(byteCount: 2 << 20) }
        #expect(expected.description.contains("a buffer of 2 MiB was asked for while buffers hold 3 MiB"))
        let input = try test.buffer([1, 2, 3])
        let output = try test.buffer([0, 0, 0])
        try test.scale(input, to: output, by: 2)
        #expect(try test.read(output) == [2, 4, 6])
        // An optimised build would let go of them after their last use.
        withExtendedLifetime(held) {}
        // Blocks of another size, unused by now, are given back to make room.
        held.removeAll()
        #expect(try device.makeBuffer(byteCount: 3 << 20).byteCount == 3 << 20)
        #expect(device.memory.allocated <= limit)
        #expect(device.validationMessages == [])
    }

    @Test func aBufferBeyondTheDevicesLargestIsAnError() throws {
        let test = try TestDevice()
        let limits = test.device.report.limits
        let largest = min(limits.largestAllocation, limits.largestBuffer)
        #expect(throws: VulkanError.bufferTooLarge(device: test.device.report.name, requested: largest + 1, largest: largest)) {
            try test.device.makeBuffer(byteCount: largest + 1)
        }
    }

    @Test func anEmptyBufferIsABuffer() throws {
        let test = try TestDevice()
        let buffer = try test.device.makeBuffer(byteCount: 0)
        #expect(buffer.byteCount == 0 && buffer.address != 0)
        #expect(try test.read(buffer) == [])
    }

    @Test func aBufferMayOutliveItsDevice() throws {
        func makeBuffer() throws -> Buffer { try TestDevice().device.makeBuffer(byteCount: 16) }
        #expect(try makeBuffer().byteCount == 16)
    }
}
