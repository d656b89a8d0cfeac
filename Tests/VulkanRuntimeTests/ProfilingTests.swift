import Testing
import VulkanRuntime

@Suite struct ProfilingTests {
    @Test(arguments: [true, false]) func everyDispatchIsTimed(serialised: Bool) throws {
        let test = try TestDevice()
        try #require(test.device.report.limits.timestampBits > 0)
        let input = try test.buffer([Float](repeating: 1, count: 4096))
        let output = try test.device.makeBuffer(byteCount: 4096 * 4)
        let stream = test.device.stream
        try test.scale(input, to: output, by: 2, label: "before")
        try stream.startProfiling(serialised: serialised)
        // More than one batch.
        for index in 0..<100 { try test.scale(input, to: output, by: 2, label: "step \(index)") }
        let timings = try stream.endProfiling()
        #expect(timings.map(\.label) == (0..<100).map { "step \($0)" })
        #expect(timings.allSatisfy { $0.kernel == "kernels/scale" })
        // Each scales 16 KiB, on any device more than a nanosecond and less than a second.
        #expect(timings.allSatisfy { $0.nanoseconds > 0 && $0.nanoseconds < 1e9 })
        try test.scale(input, to: output, by: 2, label: "after")
        #expect(try stream.endProfiling().isEmpty)
        #expect(test.device.validationMessages == [])
    }
}
