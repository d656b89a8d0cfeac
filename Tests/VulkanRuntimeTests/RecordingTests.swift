import Testing
import VulkanRuntime

/// Stretches of a stream that are recorded once and replayed.
@Suite struct RecordingTests {
    /// x ← 2x, through a buffer that is made in the recording.
    private func doubling(_ test: TestDevice, _ x: Buffer, checked: Bool = false) throws -> Recording {
        try test.device.stream.record {
            let half = try test.device.makeBuffer(byteCount: x.byteCount)
            try test.scale(x, to: half, by: 4, checked: checked, label: "quadruple")
            try test.scale(half, to: x, by: 0.5, checked: checked, label: "halve")
        }
    }

    @Test(arguments: [true, false]) func aReplayRunsWhatWasRecorded(mapsDeviceMemory: Bool) throws {
        let test = try TestDevice { $0.mapsDeviceMemory = mapsDeviceMemory }
        let x = try test.buffer([1, 2, 3])
        let recording = try doubling(test, x)
        #expect(recording.commandCount == 2)
        // Recorded, and not run.
        #expect(try test.read(x) == [1, 2, 3])
        for _ in 0..<10 { try test.device.stream.replay(recording) }
        #expect(try test.read(x) == [1024, 2048, 3072])
        #expect(test.device.validationMessages == [])
    }

    /// What is written before a replay is what it reads, and what is read after it is what it wrote, whatever else is under way.
    @Test(arguments: [true, false], [1, 2, 64]) func commandsAroundAReplayKeepTheirOrder(mapsDeviceMemory: Bool, batch: Int) throws {
        let test = try TestDevice {
            $0.mapsDeviceMemory = mapsDeviceMemory
            $0.dispatchesPerBatch = batch
        }
        let (x, y) = (try test.buffer([0, 0]), try test.buffer([0, 0]))
        let recording = try doubling(test, x)
        for round in 0..<50 {
            let value = Float(round)
            try [value, -value].withUnsafeBytes { try test.device.stream.upload($0, to: x) }
            try test.device.stream.replay(recording)
            try test.scale(x, to: y, by: 3)
            try test.device.stream.replay(recording)
            if round % 7 == 0 { #expect(try test.read(y) == [6 * value, -6 * value]) }
        }
        #expect(try test.read(x) == [196, -196])
        #expect(try test.read(y) == [294, -294])
        #expect(test.device.validationMessages == [])
    }

    /// What is brief is one submission with each replay, with what was uploaded for it; other recordings are handed over batch by batch, behind what was uploaded.
    @Test func briefRecordingsAreSubmittedAsAWhole() throws {
        let test = try TestDevice {
            $0.mapsDeviceMemory = false
            $0.dispatchesPerBatch = 4
        }
        let stream = test.device.stream
        let x = try test.buffer([1, 2])
        for (isBrief, submissions) in [(true, 1), (false, 1 + 3)] {
            let recording = try stream.record(isBrief: isBrief) {
                for _ in 0..<5 {
                    try test.scale(x, to: x, by: 4)
                    try test.scale(x, to: x, by: 0.5)
                }
            }
            try stream.synchronize()
            let before = stream.submissionCount
            try [Float(3), 5].withUnsafeBytes { try stream.upload($0, to: x) }
            try stream.replay(recording)
            try stream.flush()
            #expect(stream.submissionCount - before == submissions)
            #expect(try test.read(x) == [96, 160])
        }
        #expect(test.device.validationMessages == [])
    }

    /// A barrier stands between a replay and what it is in conflict with, and nowhere else.
    @Test func barriersStandWhereHazardsAre() throws {
        let test = try TestDevice()
        let stream = test.device.stream
        let buffers = try (0..<4).map { try test.buffer([Float($0), 1]) }
        let recording = try stream.record { try test.scale(buffers[0], to: buffers[1], by: 2) }
        try stream.synchronize()
        let before = stream.barrierCount
        try stream.replay(recording)
        // Another input, another output.
        try test.scale(buffers[2], to: buffers[3], by: 2)
        #expect(stream.barrierCount == before)
        // It writes what the replay wrote.
        try stream.replay(recording)
        #expect(stream.barrierCount == before + 1)
        // It reads what the replay wrote.
        try test.scale(buffers[1], to: buffers[2], by: 2)
        #expect(stream.barrierCount == before + 2)
        #expect(try test.read(buffers[2]) == [0, 4])
        // A barrier of its own between its two commands.
        let doubling = try doubling(test, buffers[0])
        try stream.synchronize()
        let barriers = stream.barrierCount
        try stream.replay(doubling)
        #expect(stream.barrierCount == barriers + 1)
        // Let go earlier, their memory would be used again, behind barriers.
        withExtendedLifetime(buffers) {}
    }

    /// Longer than a batch, with copies and fills: 200 additions of 1 in powers of two.
    @Test(arguments: [3, 64]) func aRecordingMayBeLongerThanABatch(batch: Int) throws {
        let test = try TestDevice { $0.dispatchesPerBatch = batch }
        let stream = test.device.stream
        let (x, y) = (try test.buffer([1, 3]), try test.buffer([0, 0, 0, 0]))
        let recording = try stream.record {
            for _ in 0..<100 {
                try test.scale(x, to: x, by: 2)
                try test.scale(x, to: x, by: 0.5)
            }
            try test.scale(x, to: x, by: 2)
            try stream.copy(from: x, byteOffset: 4, to: y, byteOffset: 8, byteCount: 4)
            try stream.fill(y, byteOffset: 12, byteCount: 4, word: Float(7).bitPattern)
        }
        for _ in 0..<3 { try stream.replay(recording) }
        #expect(try test.read(x) == [8, 24])
        #expect(try test.read(y) == [0, 0, 24, 7])
        #expect(test.device.validationMessages == [])
    }

    /// Temporaries of a recording share memory among themselves and with nobody else.
    @Test func temporariesAreTheRecordingsOwn() throws {
        let test = try TestDevice { $0.blockSize = 4 << 20 }
        let device = test.device
        let x = try test.buffer([Float](repeating: 1, count: 16384))
        var recording: Recording? = try device.stream.record {
            var last = x
            for _ in 0..<40 {
                let next = try device.makeBuffer(byteCount: x.byteCount)
                try test.scale(last, to: next, by: 2)
                last = next
            }
            try test.scale(last, to: x, by: 0x1p-39)
        }
        // 64 KiB each: two at a time.
        #expect(recording!.ownBytes == 256 << 10)
        let inUse = device.memory.inUse
        // What is made afterwards is elsewhere: it is not written by replays, and does not disturb them.
        let others = try (0..<20).map { _ in try test.buffer([Float](repeating: 5, count: 16384)) }
        for _ in 0..<3 {
            try device.stream.replay(recording!)
            for other in others { try test.scale(other, to: other, by: 1) }
        }
        #expect(try test.read(x).allSatisfy { $0 == 8 })
        for other in others { #expect(try test.read(other).allSatisfy { $0 == 5 }) }
        // They are given back with the recording.
        recording = nil
        try device.stream.synchronize()
        #expect(device.memory.inUse == inUse + 20 * (64 << 10) - (256 << 10))
        withExtendedLifetime((x, others)) {}
        #expect(device.validationMessages == [])
    }

    /// A buffer that is made in a recording and outlives it holds what the last replay wrote; those from before it are kept.
    @Test func buffersMayOutliveARecordingAndARecordingThem() throws {
        let test = try TestDevice()
        let device = test.device
        var x: Buffer? = try test.buffer([1, 2])
        weak let weakly = x
        var result: Buffer?
        var recording: Recording? = try device.stream.record {
            try test.scale(x!, to: x!, by: 2)
            result = try device.makeBuffer(byteCount: 8)
            try test.scale(x!, to: result!, by: 10)
        }
        x = nil
        #expect(weakly != nil)
        try device.stream.replay(recording!)
        #expect(try test.read(result!) == [20, 40])
        try device.stream.replay(recording!)
        // Dropped while it is under way.
        recording = nil
        #expect(try test.read(result!) == [40, 80])
        let others = try (0..<4).map { _ in try test.buffer([9, 9]) }
        #expect(try test.read(result!) == [40, 80])
        withExtendedLifetime(others) {}
        #expect(weakly == nil)
        #expect(device.validationMessages == [])
    }

    @Test func checkedKernelsReportFromAReplay() throws {
        let test = try TestDevice { $0.checked = true }
        let stream = test.device.stream
        let (x, y) = (try test.buffer([1, 2, 3, 4]), try test.buffer([0, 0, 0, 0]))
        let fault = VulkanError.outOfBounds(kernel: "kernels/scale+checked", argument: 0, index: 4, length: 4)
        let faulty = try stream.record {
            try test.scale(x, to: y, by: 2, checked: true)
            try test.scale(x, to: y, by: 2, count: 5, checked: true)
        }
        let sound = try doubling(test, x, checked: true)
        for _ in 0..<2 {
            try stream.replay(faulty)
            #expect(throws: fault) { try stream.synchronize() }
            // It is thrown once.
            try stream.replay(sound)
            try stream.synchronize()
        }
        #expect(try test.read(x) == [4, 8, 12, 16])
        #expect(test.device.validationMessages == [])
    }

    @Test(arguments: [true, false]) func replaysAreTimed(serialised: Bool) throws {
        let test = try TestDevice()
        let stream = test.device.stream
        let x = try test.buffer([Float](repeating: 1, count: 4096))
        let recording = try doubling(test, x)
        try stream.replay(recording)
        try stream.startProfiling(serialised: serialised)
        try test.scale(x, to: x, by: 1, label: "between")
        for _ in 0..<50 { try stream.replay(recording) }
        let timings = try stream.endProfiling()
        #expect(timings.map(\.label) == ["between"] + (0..<50).flatMap { _ in ["quadruple", "halve"] })
        #expect(timings.allSatisfy { $0.nanoseconds > 0 && $0.nanoseconds < 1e9 })
        try stream.replay(recording)
        #expect(try test.read(x).allSatisfy { $0 == 0x1p52 })
        #expect(test.device.validationMessages == [])
    }

    @Test func whatConcernsTheHostIsRefused() throws {
        let test = try TestDevice()
        let stream = test.device.stream
        let x = try test.buffer([1])
        let recording = try doubling(test, x)
        let refused: [(String, () throws -> Void)] = [
            ("upload", { try [Float(1)].withUnsafeBytes { try stream.upload($0, to: x) } }), ("read", { _ = try test.read(x) }),
            ("synchronize", { try stream.synchronize() }), ("flush", { try stream.flush() }),
            ("profile", { try stream.startProfiling(serialised: false) }), ("record", { _ = try doubling(test, x) }),
            ("replay", { try stream.replay(recording) }),
        ]
        for (name, use) in refused {
            let error = try #require(throws: VulkanError.self, "\(name)") { _ = try stream.record(use) }
            guard case .invalidRecording = error else { throw error }
        }
        // Another device's.
        #expect(throws: VulkanError.self) { try TestDevice().device.stream.replay(recording) }
        // The stream is as it was.
        try stream.replay(recording)
        #expect(try test.read(x) == [2])
    }

    /// Outside the recording that is being made.
    @Test func aRecordingCanBeSuspended() throws {
        let test = try TestDevice()
        let stream = test.device.stream
        let x = try test.buffer([1, 2])
        var constant: Buffer?
        let recording = try stream.record {
            constant = try stream.suspendingRecording { try test.buffer([3, 5]) }
            try test.scale(constant!, to: x, by: 2)
        }
        #expect(try test.read(constant!) == [3, 5])
        try stream.replay(recording)
        #expect(try test.read(x) == [6, 10])
    }
}
