import Testing
import VulkanRuntime

@Suite struct ValidationTests {
    /// Shows that messages do arrive: regions of a copy must not overlap (VUID-vkCmdCopyBuffer-pRegions-00117).
    @Test func theLayersMessagesAreCollected() throws {
        let test = try TestDevice()
        let buffer = try test.buffer([1, 2, 3, 4])
        try test.device.stream.copy(from: buffer, byteOffset: 0, to: buffer, byteOffset: 4, byteCount: 8)
        try test.device.stream.synchronize()
        #expect(test.device.validationMessages.contains { $0.contains("VUID-vkCmdCopyBuffer-pRegions-00117") })
    }

    @Test func withoutValidationThereAreNoMessages() throws {
        let test = try TestDevice { $0.validation = false }
        #expect(try test.read(test.buffer([1, 2])) == [1, 2])
        #expect(test.device.validationMessages == [])
    }
}
