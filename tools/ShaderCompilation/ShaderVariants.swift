/// The variants that a shader declares at its head, as data:
///
/// ```glsl
/// // variants: W = f32 f16 q4_0
/// // variants: GATED = 0 1
/// #version 460
/// ```
///
/// The shader is compiled once for each member of the product of the lines. Within a variant each axis is a macro with the value
/// (`#define W f16`) and a flag named after both (`#define W_f16 1`), so that a shader may paste the value into names or test it.
///
/// Values that the compiler of a build does not know are declared apart, and compiled ahead (``ShaderFolder/prebuiltModules()``):
///
/// ```glsl
/// // prebuilt: MATRIX = khr
/// ```
///
/// They stand beside the other values of the axis; an axis without others makes a shader that no build compiles.
public struct ShaderVariants: Equatable, Sendable {
    public struct Axis: Equatable, Sendable {
        public let name: String
        public let values: [String]
        /// The values that are compiled ahead.
        public let prebuilt: [String]

        public init(name: String, values: [String], prebuilt: [String] = []) {
            self.name = name
            self.values = values
            self.prebuilt = prebuilt
        }
    }

    /// One member of the product: a value for each axis, in the order of the axes.
    public struct Variant: Equatable, Sendable {
        public let choices: [Choice]

        /// The values joined by `-` with a leading `-`, or nothing for a shader without variants: `-f16-1`.
        public var suffix: String { choices.map { "-" + $0.value }.joined() }

        /// The macros that the variant is compiled with.
        public var definitions: [String] {
            choices.flatMap { ["#define \($0.name)_\($0.value) 1", "#define \($0.name) \($0.value)"] }
        }
    }

    public struct Choice: Equatable, Sendable {
        public let name: String
        public let value: String
    }

    public let axes: [Axis]

    public init(axes: [Axis]) {
        self.axes = axes
    }

    /// Reads the variant lines from the head of a shader: its comments and empty lines before the first code after `#version`.
    /// - Throws: ``ShaderErrors`` with one entry for every malformed line, name or value given twice, or variant line after the head.
    public init(source: String, file: String) throws {
        var axes: [Axis] = []
        var diagnostics: [Diagnostic] = []
        var isHead = true
        for (index, line) in source.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let text = line.trimmed
            guard let declaration = Self.declaration(in: text) else {
                if !(text.isEmpty || text.hasPrefix("//") || text.hasPrefix("#version")) { isHead = false }
                continue
            }
            do throws(Malformed) {
                guard isHead else { throw Malformed("variants are declared at the head of a shader, before its first code") }
                let axis = try Self.axis(declaration)
                guard let known = axes.firstIndex(where: { $0.name == axis.name }) else {
                    axes.append(axis)
                    continue
                }
                guard axes[known].values.isEmpty || axis.values.isEmpty, axes[known].prebuilt.isEmpty || axis.prebuilt.isEmpty else {
                    throw Malformed("variants of \(axis.name) are declared twice")
                }
                axes[known] = Axis(
                    name: axis.name, values: axes[known].values + axis.values, prebuilt: axes[known].prebuilt + axis.prebuilt)
            } catch {
                diagnostics.append(Diagnostic(file: file, line: index + 1, error.message))
            }
        }
        guard diagnostics.isEmpty else { throw ShaderErrors(diagnostics) }
        self.axes = axes
    }

    /// Every combination of the axes, the last axis changing fastest. One without choices for a shader without variants.
    public var product: [Variant] { Self.product(axes.map { ($0.name, $0.values) }) }

    /// The combinations that are compiled ahead: those of the prebuilt values, with all values of the axes that have none.
    public var prebuiltProduct: [Variant] {
        guard axes.contains(where: { !$0.prebuilt.isEmpty }) else { return [] }
        return Self.product(axes.map { ($0.name, $0.prebuilt.isEmpty ? $0.values : $0.prebuilt) })
    }

    private static func product(_ axes: [(name: String, values: [String])]) -> [Variant] {
        var variants = [Variant(choices: [])]
        for axis in axes {
            variants = variants.flatMap { variant in
                axis.values.map { Variant(choices: variant.choices + [Choice(name: axis.name, value: $0)]) }
            }
        }
        return variants
    }

    private struct Malformed: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }

    /// What follows `variants` in a comment that starts with that word, or nil. `// variant: …` and `// variants W = …` are taken for
    /// attempts at a declaration, so that a slip is an error and not a shader without variants.
    private static func declaration(in line: Substring) -> Substring? {
        guard line.hasPrefix("//") else { return nil }
        let comment = line.drop { $0 == "/" }.trimmed
        let isDeclaration = ["variant", Self.prebuiltPrefix].contains { comment.lowercased().hasPrefix($0) }
        guard isDeclaration, comment.contains("=") || comment.contains(":") else { return nil }
        return comment
    }

    private static let prebuiltPrefix = "prebuilt:"

    private static func axis(_ declaration: Substring) throws(Malformed) -> Axis {
        let form = "a variant line reads `// variants: NAME = value value …`"
        let isPrebuilt = declaration.hasPrefix(prebuiltPrefix)
        let prefix = isPrebuilt ? prebuiltPrefix : "variants:"
        guard declaration.hasPrefix(prefix) else { throw Malformed("\(form); this one reads `\(declaration)`") }
        let parts = declaration.dropFirst(prefix.count).split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Malformed("\(form); this one has \(parts.count - 1) `=`") }
        let name = parts[0].trimmed
        guard let first = name.first, first.isLetter, isWord(name) else {
            throw Malformed("\(form); `\(name)` is not a name")
        }
        let values = parts[1].split(whereSeparator: \.isWhitespace)
        guard !values.isEmpty else { throw Malformed("variants of \(name) have no values") }
        for value in values where !isWord(value) {
            throw Malformed("\(form); `\(value)` is not a value (letters, digits and `_`)")
        }
        guard Set(values).count == values.count else { throw Malformed("a value of \(name) is given twice") }
        return Axis(
            name: String(name), values: isPrebuilt ? [] : values.map(String.init), prebuilt: isPrebuilt ? values.map(String.init) : [])
    }

    private static func isWord(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
    }
}

extension Substring {
    /// Without white space at either end.
    var trimmed: Substring {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return start }
        return start[...last]
    }
}
