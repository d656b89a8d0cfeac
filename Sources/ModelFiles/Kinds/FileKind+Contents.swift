import Foundation

extension FileKind {
    /// What the file at a path is.
    public init(path: String) throws(ModelFileError) { self.init(try MappedFile(path: path)) }

    /// What a file is, by all that its headers say.
    public init(_ file: MappedFile) {
        let kind = FileKind(beginningOf: file)
        switch kind {
        case .gguf: self = FileKind(gguf: file)
        case .safetensors: self = FileKind(safetensors: file)
        case .json: self = FileKind(json: file)
        default: self = kind
        }
    }

    /// As many bytes as are looked at for marks and for text.
    private static let beginning = 1 << 16

    /// What a file is by its first bytes.
    init(beginningOf file: MappedFile) {
        self = withExtendedLifetime(file) {
            FileKind.marked(file) ?? FileKind.text(UnsafeRawBufferPointer(rebasing: file.bytes.prefix(FileKind.beginning)))
        }
    }

    /// Whether a file begins as a GGUF file does.
    public static func isGGUF(_ file: MappedFile) -> Bool { withExtendedLifetime(file) { file.bytes.starts(with: "GGUF".utf8) } }

    /// Whether a file begins as a safetensors file does: with the length of a header in JSON, which lies within it.
    public static func mayBeSafetensors(_ file: MappedFile) -> Bool {
        withExtendedLifetime(file) {
            guard file.count >= 9 else { return false }
            let length = UInt64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            // Text that begins with eight characters and a brace gives a length that no file has.
            return length < 1 << 40 && file.bytes[8] == UInt8(ascii: "{")
        }
    }

    /// The kinds that begin with a mark of their own.
    private static let marks: [(mark: [UInt8], kind: FileKind)] = [
        (Array("lmgg".utf8), .oldGGML), (Array("tjgg".utf8), .oldGGML), (Array("fmgg".utf8), .oldGGML),
        ([0x89] + Array("PNG\r\n".utf8), .png), ([0xFF, 0xD8, 0xFF], .jpeg), (Array("GIF8".utf8), .gif), (Array("%PDF-".utf8), .pdf),
        ([0x1F, 0x8B], .gzip), ([0x28, 0xB5, 0x2F, 0xFD], .zstandard), ([0xFD] + Array("7zXZ".utf8), .xz), (Array("BZh".utf8), .bzip2),
        ([0xFF, 0xFE], .utf16), ([0xFE, 0xFF], .utf16), ([0x93] + Array("NUMPY".utf8), .numpy), ([0x89] + Array("HDF\r\n".utf8), .hdf5),
        (Array("version https://git-lfs.github.com/spec/v1".utf8), .pointer),
    ]

    private static func marked(_ file: MappedFile) -> FileKind? {
        let bytes = file.bytes
        guard !bytes.isEmpty else { return .empty }
        if isGGUF(file) {
            guard bytes.count >= 8 else { return .gguf }
            let version = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            return version & 0xFFFF == 0 && version != 0 ? .bigEndianGGUF : .gguf
        }
        for (mark, kind) in marks where bytes.starts(with: mark) { return kind }
        if mayBeSafetensors(file) { return .safetensors }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            // PyTorch's archives begin with the pickle of the state, `NAME/data.pkl`.
            return contains("/data.pkl", bytes) ? .torch : .zip
        }
        if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
            // The number that PyTorch wrote at the beginning of its files before it made archives.
            return bytes.starts(with: [0x80, bytes[1], 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20]) ? .torch : .pickle
        }
        if bytes.starts(with: "RIFF".utf8), bytes.count > 12, bytes[8..<12].elementsEqual("WEBP".utf8) { return .webP }
        if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) { return .tar }
        return nil
    }

    private static func contains(_ text: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
        Data(bytes.prefix(beginning)).range(of: Data(text.utf8)) != nil
    }

    /// - Parameter bytes: The beginning of a file; the last character may be cut off.
    private static func text(_ bytes: UnsafeRawBufferPointer) -> FileKind {
        let isCut = bytes.count == beginning
        let whole = isCut ? (0..<4).lazy.map { bytes.dropLast($0) }.first { String(validating: $0, as: UTF8.self) != nil } : bytes[...]
        guard let whole, let text = String(validating: whole, as: UTF8.self), !text.utf8.contains(0) else { return .unknown }
        let start = text.drop { $0 == "\u{FEFF}" || $0.isWhitespace }
        if start.first == "{" || start.first == "[" { return .json }
        let opening = start.prefix(15).lowercased()
        return opening.hasPrefix("<!doctype html") || opening.hasPrefix("<html") ? .webPage : .text
    }
}

extension FileKind {
    private init(gguf file: MappedFile) {
        guard let part = try? GGUFPart(file) else {
            self = .gguf
            return
        }
        self.init(part.metadata)
    }

    /// What the metadata of a GGUF file says that it is.
    init(_ metadata: [String: GGUFValue]) {
        switch (metadata["general.type"]?.string, metadata["general.architecture"]?.string) {
        case (_, "controlvector"): self = .controlVector
        case ("adapter", _): self = .ggufAdapter
        case ("mmproj", _), (_, "clip"): self = .projector
        case ("imatrix", _), (_, "imatrix"): self = .importanceMatrix
        default: self = .ggufModel
        }
    }

    private init(safetensors file: MappedFile) {
        guard let file = try? SafetensorsFile(file) else {
            self = .safetensors
            return
        }
        self.init(file)
    }

    /// What a safetensors file is by its metadata and the names of its tensors.
    public init(_ file: SafetensorsFile) {
        switch file.metadata["format"] {
        case "monge-transport": self = .map
        case "monge-activations": self = .activations
        default:
            if file.tensorNames.contains(where: { $0.contains(".lora_A.") || $0.contains(".lora_down.") || $0.contains(".lora.down.") }) {
                self = .peftAdapter
            } else if Set(file.tensorNames) == ["logits", "token_ids"] {
                self = .logits
            } else {
                self = file.tensorNames.contains { $0.hasSuffix(".weight") } ? .weights : .safetensors
            }
        }
    }

    private init(json file: MappedFile) {
        let value = withExtendedLifetime(file) { try? JSONParser.parse(file.bytes, file: file.name) }
        guard let value else {
            self = FileKind.isJSONLines(file) ? .jsonLines : .json
            return
        }
        func has(_ key: String) -> Bool { value[key] != nil }
        let kinds: [(Bool, FileKind)] = [
            (has("peft_type"), .adapterConfiguration), (has("weight_map"), .weightIndex), (has("_class_name"), .pipeline),
            (has("added_tokens") && has("model"), .tokenizer), (has("model_type") || has("architectures"), .configuration),
            (has("kernels") && has("ceilings"), .kernelReport), (value.array?.first?["role"] != nil, .messages),
        ]
        self = kinds.first { $0.0 }?.1 ?? .json
    }

    /// Whether the first line is an object by itself.
    private static func isJSONLines(_ file: MappedFile) -> Bool {
        withExtendedLifetime(file) {
            guard let end = file.bytes.firstIndex(of: UInt8(ascii: "\n")) else { return false }
            let line = UnsafeRawBufferPointer(rebasing: file.bytes[..<end])
            return (try? JSONParser.parse(line, file: file.name))?.object != nil
        }
    }
}
