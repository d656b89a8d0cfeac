import Foundation
import Testing
import VulkanRuntime

/// With device memory that the host sees, and as on devices where all data goes through staging.
@Suite struct DeviceTests {
    @Test(arguments: [true, false]) func aKernelRuns(mapped: Bool) throws {
        let test = try TestDevice { $0.mapsDeviceMemory = mapped }
        let input = try test.buffer((0..<1000).map(Float.init))
        let output = try test.device.makeBuffer(byteCount: 4000)
        try test.scale(input, to: output, by: 3)
        #expect(try test.read(output) == (0..<1000).map { 3 * Float($0) })
        #expect(test.device.validationMessages == [])
    }

    @Test(arguments: [true, false]) func aChainOfDispatchesSeesEachOthersWrites(mapped: Bool) throws {
        let test = try TestDevice { $0.mapsDeviceMemory = mapped }
        let a = try test.buffer([Float](repeating: 1, count: 100))
        let b = try test.device.makeBuffer(byteCount: 400)
        // 2^100 and back is exact in Float. More dispatches than a batch holds, and than there are batches.
        for _ in 0..<100 {
            try test.scale(a, to: b, by: 2)
            try test.scale(b, to: a, by: 1)
        }
        for _ in 0..<100 {
            try test.scale(a, to: b, by: 0.5)
            try test.scale(b, to: a, by: 1)
        }
        #expect(try test.read(a) == [Float](repeating: 1, count: 100))
        #expect(test.device.validationMessages == [])
    }

    @Test(arguments: [true, false]) func freedMemoryIsUsedAgainInOrder(mapped: Bool) throws {
        let test = try TestDevice { $0.mapsDeviceMemory = mapped }
        let input = try test.buffer([1, 2, 3, 4])
        var sums: [Buffer] = []
        for round in 1...50 {
            // The temporary's memory is free for the next round while this round's dispatches still wait.
            let temporary = try test.device.makeBuffer(byteCount: 16)
            let result = try test.device.makeBuffer(byteCount: 16)
            try test.scale(input, to: temporary, by: Float(round))
            try test.scale(temporary, to: result, by: 10)
            sums.append(result)
        }
        for (index, result) in sums.enumerated() {
            #expect(try test.read(result) == [1, 2, 3, 4].map { $0 * Float(index + 1) * 10 })
        }
        #expect(test.device.validationMessages == [])
    }

    @Test(arguments: [true, false]) func transfersAreInOrderWithDispatches(mapped: Bool) throws {
        let test = try TestDevice { $0.mapsDeviceMemory = mapped }
        let stream = test.device.stream
        let a = try test.buffer([1, 2, 3, 4])
        let b = try test.device.makeBuffer(byteCount: 16)
        try test.scale(a, to: b, by: 2)
        try [Float(9)].withUnsafeBytes { try stream.upload($0, to: a, byteOffset: 4) }
        try stream.copy(from: a, byteOffset: 0, to: b, byteOffset: 8, byteCount: 8)
        try stream.fill(a, byteOffset: 12, byteCount: 4, word: Float(-1).bitPattern)
        #expect(try test.read(a) == [1, 9, 3, -1])
        #expect(try test.read(b) == [2, 4, 1, 9])
        #expect(test.device.validationMessages == [])
    }

    @Test(arguments: [true, false]) func largeUploadsToBusyMemoryGoThroughTheStagingRing(mapped: Bool) throws {
        let test = try TestDevice { $0.mapsDeviceMemory = mapped }
        // More than the ring of 16 MiB holds, behind a dispatch that uses the memory.
        let count = 5 << 20
        let buffer = try test.device.makeBuffer(byteCount: count * 4)
        try test.device.stream.fill(buffer, byteCount: count * 4, word: 0)
        var elements = (0..<5).flatMap { [Float](repeating: Float($0 + 1), count: 1 << 20) }
        try elements.withUnsafeBytes { try test.device.stream.upload($0, to: buffer) }
        try test.scale(buffer, to: buffer, by: 2, count: 1000)
        for index in 0..<1000 { elements[index] *= 2 }
        #expect(try test.read(buffer) == elements)
        #expect(test.device.validationMessages == [])
    }

    @Test func barriersAreRecordedOnlyForHazards() throws {
        let test = try TestDevice()
        let stream = test.device.stream
        let input = try test.buffer([1, 2, 3, 4])
        let outputs = try (0..<8).map { _ in try test.device.makeBuffer(byteCount: 16) }
        let before = stream.barrierCount
        for output in outputs { try test.scale(input, to: output, by: 2) }
        #expect(stream.barrierCount == before)
        for output in outputs { try test.scale(output, to: input, by: 1) }
        // The first read waits for its output; each later write of the input waits for the one before.
        #expect(stream.barrierCount == before + outputs.count)
        #expect(try test.read(input) == [2, 4, 6, 8])
    }
}
