import CGlslang

/// GLSL compute shaders to SPIR-V: Vulkan 1.3, SPIR-V 1.6, optimised for speed, without debug names, checked by the SPIR-V validator.
public enum GLSLCompiler {
    /// What compiles, for caches: another version may compile otherwise.
    public static let version = "glslang \(GLSLANG_VERSION_MAJOR).\(GLSLANG_VERSION_MINOR).\(GLSLANG_VERSION_PATCH)"

    /// A module and what the compiler had to say about it.
    public struct Result: Sendable {
        public let words: [UInt32]
        public let warnings: [Diagnostic]
    }

    /// Compiles one variant.
    /// - Parameters:
    ///   - text: GLSL without includes, as ``ShaderSource/defining(_:)`` gives it.
    ///   - files: the files that the numbers in the text's `#line` directives stand for.
    /// - Throws: ``ShaderErrors``.
    public static func compile(_ text: String, files: [String]) throws -> Result {
        guard isInitialized else { throw failure(files, "glslang does not start") }
        let messages = GLSLANG_MSG_SPV_RULES_BIT.rawValue | GLSLANG_MSG_VULKAN_RULES_BIT.rawValue
        return try text.withCString { code in
            var input = glslang_input_t()
            input.language = GLSLANG_SOURCE_GLSL
            input.stage = GLSLANG_STAGE_COMPUTE
            input.client = GLSLANG_CLIENT_VULKAN
            input.client_version = GLSLANG_TARGET_VULKAN_1_3
            input.target_language = GLSLANG_TARGET_SPV
            input.target_language_version = GLSLANG_TARGET_SPV_1_6
            input.code = code
            input.default_version = 460
            input.default_profile = GLSLANG_NO_PROFILE
            input.messages = glslang_messages_t(rawValue: messages)
            // Without these limits every local_size is "too large".
            input.resource = glslang_default_resource()

            guard let shader = glslang_shader_create(&input) else { throw failure(files, "glslang refuses the input") }
            defer { glslang_shader_delete(shader) }
            guard glslang_shader_preprocess(shader, &input) != 0, glslang_shader_parse(shader, &input) != 0 else {
                throw ShaderErrors(CompilerLog.errors(in: string(glslang_shader_get_info_log(shader)), files: files))
            }
            var warnings = CompilerLog.diagnostics(in: string(glslang_shader_get_info_log(shader)), files: files)

            guard let program = glslang_program_create() else { throw failure(files, "glslang is out of memory") }
            defer { glslang_program_delete(program) }
            glslang_program_add_shader(program, shader)
            guard glslang_program_link(program, Int32(messages)) != 0 else {
                throw ShaderErrors(CompilerLog.errors(in: string(glslang_program_get_info_log(program)), files: files))
            }
            var options = glslang_spv_options_t()
            options.strip_debug_info = true
            glslang_program_SPIRV_generate_with_options(program, GLSLANG_STAGE_COMPUTE, &options)
            let generation = CompilerLog.diagnostics(in: string(glslang_program_SPIRV_get_messages(program)), files: files)
            warnings += generation.filter { $0.severity == .warning }
            let count = glslang_program_SPIRV_get_size(program)
            guard count > 0, generation.allSatisfy({ $0.severity == .warning }) else {
                throw ShaderErrors(generation.isEmpty ? [Diagnostic(file: files[0], line: 0, "no SPIR-V was generated")] : generation)
            }
            let words = [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
                glslang_program_SPIRV_get(program, buffer.baseAddress)
                initialized = count
            }
            try validate(words, files: files)
            // Devices on which no subgroup size can be asked for are given the module as SPIR-V 1.5, in which the size is a fixed one.
            try validate([words[0], 0x0001_0500] + words.dropFirst(2), files: files)
            return Result(words: words, warnings: warnings)
        }
    }

    /// Holds a module to the rules of SPIR-V in Vulkan 1.3 with scalar block layout.
    private static func validate(_ words: [UInt32], files: [String]) throws {
        let context = spvContextCreate(SPV_ENV_VULKAN_1_3)
        defer { spvContextDestroy(context) }
        let options = spvValidatorOptionsCreate()
        defer { spvValidatorOptionsDestroy(options) }
        spvValidatorOptionsSetScalarBlockLayout(options, true)
        try words.withUnsafeBufferPointer { buffer in
            var binary = spv_const_binary_t(code: buffer.baseAddress, wordCount: buffer.count)
            var diagnostic: spv_diagnostic?
            defer { spvDiagnosticDestroy(diagnostic) }
            guard spvValidateWithOptions(context, options, &binary, &diagnostic) != SPV_SUCCESS else { return }
            let message = diagnostic.flatMap { $0.pointee.error }.map { String(cString: $0) } ?? "no reason given"
            throw failure(files, "the generated SPIR-V is invalid: \(message)")
        }
    }

    private static let isInitialized = glslang_initialize_process() != 0

    private static func failure(_ files: [String], _ message: String) -> ShaderErrors {
        ShaderErrors([Diagnostic(file: files[0], line: 0, message)])
    }

    private static func string(_ pointer: UnsafePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }
}
