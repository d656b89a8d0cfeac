import Testing

@Suite struct EmbeddedShaderTests {
    @Test func thePluginEmbedsThisTargetsShaders() {
        #expect(Set(CompiledShaders.all.keys) == ["kernels/scale", "kernels/scale+checked"])
    }
}
