import Testing

import VulkanRuntime

@Suite struct DeviceChoiceTests {
    private func report(
        _ index: Int, _ name: String, _ kind: DeviceReport.Kind, memory: Int = 8 << 30, change: (inout DeviceReport) -> Void = { _ in }
    ) -> DeviceReport {
        var report = DeviceReport(
            index: index, name: name, kind: kind, heaps: [.init(byteCount: memory, isDeviceLocal: true, budget: nil)])
        change(&report)
        return report
    }

    @Test func discreteComesBeforeIntegratedBeforeVirtual() throws {
        let llvmpipe = report(0, "llvmpipe", .cpu)
        let virtual = report(1, "Virtio-GPU", .virtual)
        let integrated = report(2, "Intel UHD", .integrated, memory: 64 << 30)
        let discrete = report(3, "Radeon", .discrete)
        #expect(try VulkanSystem.choose(.best, from: [llvmpipe, virtual, integrated, discrete]) == 3)
        #expect(try VulkanSystem.choose(.best, from: [llvmpipe, virtual, integrated]) == 2)
        #expect(try VulkanSystem.choose(.best, from: [llvmpipe, virtual]) == 1)
    }

    @Test func amongEqualsMoreMemoryWinsThenTheFirst() throws {
        let small = report(0, "Small", .discrete, memory: 8 << 30)
        let large = report(1, "Large", .discrete, memory: 24 << 30)
        let twin = report(2, "Large", .discrete, memory: 24 << 30)
        #expect(try VulkanSystem.choose(.best, from: [small, large, twin]) == 1)
    }

    @Test func softwareIsUsedOnlyWhenAskedFor() throws {
        let llvmpipe = report(0, "llvmpipe (LLVM 15)", .cpu)
        #expect(llvmpipe.isSoftware)
        #expect(try VulkanSystem.choose(.index(0), from: [llvmpipe]) == 0)
        #expect(try VulkanSystem.choose(.name("LLVMpipe"), from: [llvmpipe]) == 0)
        let error = try #require(throws: VulkanError.self) { try VulkanSystem.choose(.best, from: [llvmpipe]) }
        #expect(error.description.contains("0 (llvmpipe (LLVM 15)): it computes on the CPU"))
    }

    @Test func eachRefusalHasItsReasons() throws {
        let old = report(0, "Old", .discrete) { $0.apiVersion = .init(major: 1, minor: 2, patch: 131) }
        let poor = report(1, "Poor", .discrete) { $0.features.subtract([.shaderFloat16, .bufferDeviceAddress]) }
        let narrow = report(2, "Narrow", .integrated) {
            $0.limits.pushConstants = 64
            $0.canCompute = false
        }
        let expected = [
            DeviceRefusal(index: 0, name: "Old", reasons: ["it has Vulkan 1.2.131 and 1.3 is needed"]),
            DeviceRefusal(index: 1, name: "Poor", reasons: ["it lacks bufferDeviceAddress, shaderFloat16"]),
            DeviceRefusal(
                index: 2, name: "Narrow",
                reasons: ["it has no queue for compute", "it has 64 bytes of push constants and 128 are needed"]),
        ]
        #expect(throws: VulkanError.noDevice(expected)) { try VulkanSystem.choose(.best, from: [old, poor, narrow]) }
        // Asking for a device does not make it usable.
        #expect(throws: VulkanError.self) { try VulkanSystem.choose(.index(1), from: [old, poor, narrow]) }
        let good = report(3, "Good", .virtual)
        #expect(try VulkanSystem.choose(.best, from: [old, poor, narrow, good]) == 3)
    }

    @Test func absentDevicesAreRefused() throws {
        #expect(throws: VulkanError.noDevice([])) { try VulkanSystem.choose(.best, from: []) }
        let error = try #require(throws: VulkanError.self) {
            try VulkanSystem.choose(.index(4), from: [report(0, "Radeon", .discrete)])
        }
        #expect(error.description == "No Vulkan device can be used: 0 (Radeon): device 4 was asked for.")
        #expect(throws: VulkanError.self) { try VulkanSystem.choose(.name("GeForce"), from: [report(0, "Radeon", .discrete)]) }
    }

    @Test func aMachineWithoutTheLoaderSaysSo() throws {
        let error = try #require(throws: VulkanError.self) { try VulkanSystem.reports(library: "libvulkan-absent.so.1") }
        guard case .loaderMissing(let library, _) = error else { throw error }
        #expect(library == "libvulkan-absent.so.1")
    }

    @Test func theFirstLibraryThatIsThereIsTheLoader() throws {
        #expect(throws: Never.self) { try Loader(libraries: ["libvulkan-absent.so.1"] + Loader.libraries) }
    }

    @Test func aLibraryThatIsNotTheLoaderIsRefused() throws {
        let error = try #require(throws: VulkanError.self) { try VulkanSystem.reports(library: "libc.so.6") }
        #expect(error == .loaderMissing(library: "libc.so.6", reason: "it has no vkGetInstanceProcAddr"))
    }

    @Test func anIndexWithoutDeviceCannotBeOpened() throws {
        let count = try VulkanSystem.reports().count
        #expect(throws: VulkanError.self) { try Device(index: count) }
        #expect(throws: VulkanError.self) { try Device(index: -1) }
    }

    @Test func reportsDescribeThisMachinesDevices() throws {
        for (index, report) in try VulkanSystem.reports().enumerated() {
            #expect(report.index == index)
            #expect(!report.name.isEmpty)
            guard report.refusals.isEmpty else { continue }
            #expect(!report.driverName.isEmpty)
            #expect(report.driverUUID.count == 32)
            #expect(report.deviceMemory > 0)
            // The least that Vulkan 1.3 allows (specification, "Required Limits").
            #expect(report.limits.sharedMemory >= 16384)
            #expect(report.limits.workGroupInvocations >= 128)
            #expect(report.limits.workGroupCount.allSatisfy { $0 >= 65535 })
            #expect(report.limits.largestAllocation >= 1 << 30)
            let limits = report.limits
            #expect((limits.smallestSubgroupSize...limits.largestSubgroupSize).contains(limits.subgroupSize))
        }
    }
}
