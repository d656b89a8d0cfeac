import Foundation
import Testing
import VulkanRuntime

@Suite struct PipelineTests {
    @Test func pipelinesAreCompiledOnceForEachSpecialization() throws {
        let device = try TestDevice().device
        let code = try TestDevice.library.code("kernels/scale")
        let first = try device.pipeline(code, specialization: [64, 1, 1])
        #expect(try device.pipeline(code, specialization: [64, 1, 1]) === first)
        let other = try device.pipeline(code, specialization: [32, 2, 1])
        #expect(other !== first)
        #expect(other.workGroupSize == (32, 2, 1))
        #expect(device.validationMessages == [])
    }

    @Test func aWorkGroupBeyondTheLimitsIsAnError() throws {
        let device = try TestDevice().device
        let code = try TestDevice.library.code("kernels/scale")
        let most = UInt32(device.report.limits.workGroupInvocations)
        for specialization in [[most + 1, 1, 1], [most, 2, 1], [0, 1, 1]] {
            let error = try #require(throws: VulkanError.self) { try device.pipeline(code, specialization: specialization) }
            #expect(error.description.contains("kernels/scale"))
        }
    }

    @Test func aSubgroupSizeTheDeviceLacksIsAnError() throws {
        let device = try TestDevice().device
        let code = try TestDevice.library.code("kernels/scale")
        let size = device.report.limits.largestSubgroupSize * 2
        let error = try #require(throws: VulkanError.self) {
            try device.pipeline(code, specialization: [64, 1, 1], subgroupSize: size)
        }
        #expect(error.description.contains("subgroups of \(size)"))
        let own = device.report.limits.subgroupSize
        #expect(try device.pipeline(code, specialization: [64, 1, 1], subgroupSize: own).name == "kernels/scale")
        #expect(device.validationMessages == [])
    }

    @Test func aKernelThatIsNotThereIsAnError() {
        #expect(throws: VulkanError.kernelMissing(name: "kernels/absent")) { try TestDevice.library.code("kernels/absent") }
    }

    @Test func dispatchesThatCannotBeAreErrors() throws {
        let test = try TestDevice()
        let device = test.device
        let pipeline = try device.pipeline(TestDevice.library.code("kernels/scale"), specialization: [64, 1, 1])
        let most = device.report.limits.workGroupCount[1]
        let arguments = [UInt32](repeating: 0, count: 31)
        try arguments.withUnsafeBytes { bytes in
            let some = UnsafeRawBufferPointer(rebasing: bytes[..<24])
            for groups in [(1, most + 1, 1), (-1, 1, 1)] {
                #expect(throws: VulkanError.self) {
                    try device.stream.dispatch(pipeline, arguments: some, uses: [], groups: groups, label: "")
                }
            }
            for size in [124, 22] {
                let error = try #require(throws: VulkanError.self) {
                    try device.stream.dispatch(
                        pipeline, arguments: UnsafeRawBufferPointer(rebasing: bytes[..<size]), uses: [], groups: (1, 1, 1), label: "")
                }
                #expect(error.description.contains("\(size) bytes"))
            }
            // Nothing to do is not an error, and nothing is done: the addresses are not valid.
            try device.stream.dispatch(pipeline, arguments: some, uses: [], groups: (1, 0, 1), label: "")
        }
        try device.stream.synchronize()
        #expect(device.validationMessages == [])
    }

    @Test func compiledPipelinesAreKeptOnDisk() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pipelines-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let code = try TestDevice.library.code("kernels/scale")
        func open() throws -> Device {
            let device = try TestDevice { $0.pipelineCacheFolder = folder }.device
            _ = try device.pipeline(code, specialization: [64, 1, 1])
            #expect(device.validationMessages == [])
            return device
        }
        let device = try open()
        let file = PipelineCacheFile(folder: folder, driverUUID: device.report.driverUUID)
        #expect(file.read() == nil)
        device.savePipelines()
        let kept = try #require(file.read())
        // The header that every driver's data starts with (specification, "Pipeline Cache Header").
        #expect(kept.count >= 32)
        _ = try open()
        #expect(file.read() != nil)
        // Damaged data is not used and is replaced.
        var damaged = try Data(contentsOf: file.url)
        damaged[damaged.count - 1] ^= 1
        try damaged.write(to: file.url)
        #expect(file.read() == nil)
        try open().savePipelines()
        #expect(file.read() != nil)
    }
}
