import ShaderCompilation
import Testing

@Suite struct ShaderVariantsTests {
    @Test func aShaderWithoutVariantsHasOneUnnamedVariant() throws {
        let variants = try ShaderVariants(source: "// adds numbers\n#version 460\nvoid main() {}\n", file: "a.comp")
        #expect(variants.product.map(\.suffix) == [""])
        #expect(variants.product[0].definitions.isEmpty)
    }

    @Test func severalLinesGiveTheirProduct() throws {
        let source = """
            // Multiplies.
            // variants: W = f32 f16 q4_0
            #version 460
            //variants:  GATED =0 1
            void main() {}
            """
        let variants = try ShaderVariants(source: source, file: "a.comp")
        #expect(variants.product.map(\.suffix) == ["-f32-0", "-f32-1", "-f16-0", "-f16-1", "-q4_0-0", "-q4_0-1"])
        #expect(
            variants.product[5].definitions
                == ["#define W_q4_0 1", "#define W q4_0", "#define GATED_1 1", "#define GATED 1"])
    }

    @Test(arguments: [
        ("// variants W = f32", 1, "reads"),
        ("// variant: W = f32", 1, "reads"),
        ("// variants: W f32", 1, "`=`"),
        ("// variants: W = f32, f16", 1, "`f32,` is not a value"),
        ("// variants: = f32", 1, "is not a name"),
        ("// variants: 4 = f32", 1, "is not a name"),
        ("// variants: W =", 1, "no values"),
        ("// variants: W = f32 f32", 1, "twice"),
        ("// variants: W = f32\n// variants: W = f16", 2, "twice"),
        ("#version 460\nvoid main() {}\n// variants: W = f32", 3, "head"),
    ])
    func malformedLinesAreErrorsWithTheirPlace(source: String, line: Int, reason: String) throws {
        let errors = try #require(throws: ShaderErrors.self) {
            try ShaderVariants(source: source, file: "Shaders/a.comp")
        }
        #expect(errors.diagnostics.count == 1)
        #expect(errors.diagnostics[0].line == line)
        #expect(errors.diagnostics[0].message.contains(reason))
        #expect(errors.description.hasPrefix("Shaders/a.comp:\(line): error: "))
    }

    @Test func proseAboutVariantsIsNotADeclaration() throws {
        let source = "// variants differ in how weights are decoded\n#version 460\n"
        #expect(try ShaderVariants(source: source, file: "a.comp").axes.isEmpty)
    }
}
