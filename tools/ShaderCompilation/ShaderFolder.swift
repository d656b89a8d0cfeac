import Foundation

/// A folder of shaders, `<family>/<name>.comp`, and the modules it compiles to.
public struct ShaderFolder: Sendable {
    /// A compiled variant.
    public struct Module: Sendable {
        /// `<family>/<name>`, the variant's values, and `+checked` for the build that tests every index: `linear/matvec-q4_0+checked`.
        public let name: String
        public let words: [UInt32]
    }

    public let path: String

    public init(path: String) {
        self.path = (path as NSString).standardizingPath
    }

    /// The shaders of the folder, without extension and sorted: `linear/matvec`.
    public func shaders() throws -> [String] {
        guard let files = FileManager.default.enumerator(atPath: path) else {
            throw ShaderErrors([Diagnostic(file: path, line: 0, "there is no such folder")])
        }
        return files.compactMap { $0 as? String }.filter { $0.hasSuffix(".comp") }.map { String($0.dropLast(".comp".count)) }.sorted()
    }

    /// Compiles every variant of every shader, plain and checked.
    /// - Parameter cache: a folder that keeps modules with the text they were compiled from, so that only what changed is compiled.
    /// - Returns: the modules sorted by name, and warnings.
    /// - Throws: ``ShaderErrors`` with everything that is wrong, each message once however many variants share it.
    public func compile(cache: ModuleCache? = nil) throws -> (modules: [Module], warnings: [Diagnostic]) {
        var jobs: [Job] = []
        var diagnostics: [Diagnostic] = []
        for shader in try shaders() {
            do {
                jobs += try self.jobs(shader)
            } catch let errors as ShaderErrors {
                diagnostics += errors.diagnostics
            }
        }
        let outcomes = Outcomes(count: jobs.count)
        let work = jobs
        DispatchQueue.concurrentPerform(iterations: work.count) { index in
            outcomes.set(index, Swift.Result { try work[index].run(cache: cache) })
        }
        var modules: [Module] = []
        var warnings: [Diagnostic] = []
        for (job, outcome) in zip(jobs, outcomes.all()) {
            do {
                let result = try outcome.get()
                modules.append(Module(name: job.name, words: result.words))
                warnings += result.warnings
            } catch let errors as ShaderErrors {
                diagnostics += errors.diagnostics
            }
        }
        guard diagnostics.isEmpty else { throw ShaderErrors(unique(diagnostics)) }
        return (modules.sorted { $0.name < $1.name }, unique(warnings))
    }

    /// A shader and its variants, which stand in the shader itself, not in what it includes.
    func read(_ shader: String) throws -> (source: ShaderSource, variants: ShaderVariants) {
        let file = (path as NSString).appendingPathComponent(shader + ".comp")
        return (
            try ShaderSource(path: file, root: path),
            try ShaderVariants(source: String(contentsOfFile: file, encoding: .utf8), file: file)
        )
    }

    private func jobs(_ shader: String) throws -> [Job] {
        let (source, variants) = try read(shader)
        return try variants.product.flatMap { variant in
            let plain = try source.defining(variant.definitions)
            let checked = try source.defining(variant.definitions + ["#define CHECKED 1"])
            let name = shader + variant.suffix
            return [
                Job(name: name, text: plain, files: source.files),
                Job(name: name + "+checked", text: checked, files: source.files),
            ]
        }
    }

    /// One message per line of a file: what variants say of the same line differs in little but the types they print.
    private func unique(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        var seen: Set<String> = []
        return diagnostics.filter { seen.insert($0.line > 0 ? "\($0.file):\($0.line)" : $0.description).inserted }
    }

    private struct Job: Sendable {
        let name: String
        let text: String
        let files: [String]

        func run(cache: ModuleCache?) throws -> GLSLCompiler.Result {
            if let words = cache?.words(name: name, text: text) { return GLSLCompiler.Result(words: words, warnings: []) }
            let result = try GLSLCompiler.compile(text, files: files)
            // A module with warnings is compiled anew each time, so that they are seen until they are dealt with.
            if result.warnings.isEmpty { cache?.keep(result.words, name: name, text: text) }
            return result
        }
    }

    /// The results of concurrent jobs.
    private final class Outcomes: @unchecked Sendable {
        private let lock = NSLock()
        private var results: [Swift.Result<GLSLCompiler.Result, any Error>?]

        init(count: Int) { results = Array(repeating: nil, count: count) }

        func set(_ index: Int, _ result: Swift.Result<GLSLCompiler.Result, any Error>) {
            lock.withLock { results[index] = result }
        }

        func all() -> [Swift.Result<GLSLCompiler.Result, any Error>] { lock.withLock { results.map { $0! } } }
    }
}
