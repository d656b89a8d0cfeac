import Testing
import VulkanRuntime

/// The names under which Mesa 26.2's drivers count.
@Suite struct PipelineDescriptionTests {
    private func description(_ statistics: KeyValuePairs<String, Double>) -> PipelineDescription {
        PipelineDescription(
            kernel: "linear/matvec-q4_0", constants: [128, 1, 1], subgroupSize: 32, compileSeconds: 0.1,
            statistics: statistics.map { PipelineDescription.Statistic(name: $0.key, value: $0.value) })
    }

    @Test func countsOfAMDAreFound() {
        let radv = description([
            "SGPRs": 108, "VGPRs": 48, "Spilled SGPRs": 2, "Spilled VGPRs": 3, "Code size": 3844, "LDS size": 1024, "Scratch size": 0,
            "Subgroups per SIMD": 32, "Instructions": 749,
        ])
        #expect(radv.registers == 48 && radv.spills == 5 && radv.sharedMemory == 1024 && radv.occupancy == 32 && radv.instructions == 749)
    }

    @Test func countsOfNVIDIAAreFound() {
        let nvk = description([
            "Instruction count": 730, "Max warps/SM": 32, "Spills to memory": 0, "Spills to reg": 1, "Code size": 11680,
            "Number of GPRs": 64,
            "SLM size": 0,
        ])
        #expect(nvk.registers == 64 && nvk.spills == 0 && nvk.sharedMemory == nil && nvk.occupancy == 32 && nvk.instructions == 730)
    }

    @Test func countsOfIntelAndAppleAreFound() {
        let anv = description([
            "Instructions": 788, "Spills": 7, "Fills": 9, "Scratch Memory Size": 0, "Max dispatch width": 32, "Max live registers": 226,
            "Workgroup Memory Size": 64,
        ])
        #expect(anv.registers == 226 && anv.spills == 7 && anv.sharedMemory == 64 && anv.occupancy == 32 && anv.instructions == 788)
        let honeykrisp = description(["Instructions": 434, "GPRs": 55, "Scratch": 0, "Threads": 1024, "Spills": 0])
        #expect(honeykrisp.registers == 55 && honeykrisp.spills == 0 && honeykrisp.occupancy == 1024 && honeykrisp.instructions == 434)
    }

    @Test func whatADriverDoesNotCountIsUnknown() {
        let silent = description([:])
        #expect(silent.registers == nil && silent.spills == nil && silent.instructions == nil && silent.occupancy == nil)
    }
}
