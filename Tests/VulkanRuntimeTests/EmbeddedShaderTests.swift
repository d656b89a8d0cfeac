import Testing

@Suite struct EmbeddedShaderTests {
    @Test func thePluginEmbedsThisTargetsShaders() {
        #expect(
            Set(CompiledShaders.all.keys) == ["kernels/polynomial", "kernels/polynomial+checked", "kernels/scale", "kernels/scale+checked"])
    }
}
