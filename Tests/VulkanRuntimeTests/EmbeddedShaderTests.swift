import Testing

import VulkanRuntime

@Suite struct EmbeddedShaderTests {
    @Test func thePluginEmbedsThisTargetsShaders() {
        #expect(
            Set(CompiledShaders.all.keys) == ["kernels/polynomial", "kernels/polynomial+checked", "kernels/scale", "kernels/scale+checked"])
    }

    /// In SPIR-V 1.5 a subgroup has the device's default size; whether a module is one of 1.5 the shader compiler has checked.
    @Test func aModuleIsDeclaredOldWhereSubgroupsVary() throws {
        let code = try TestDevice.library.code("kernels/scale")
        #expect(code.words[1] == 0x0001_0600)
        #expect(code.withFixedSubgroupSize[1] == 0x0001_0500)
        #expect(code.withFixedSubgroupSize.count == code.words.count && zip(code.withFixedSubgroupSize, code.words).count { $0 != $1 } == 1)
    }
}
