import Tensors

/// One file of a GGUF model, which may be split into several.
struct GGUFPart {
    let file: MappedFile
    let version: Int
    let alignment: Int
    /// In the order of the file.
    let keys: [String]
    let metadata: [String: GGUFValue]
    /// In the order of the file.
    let tensors: [GGUFTensorInfo]

    init(_ file: MappedFile) throws(ModelFileError) {
        var reader = GGUFReader(file)
        let header = try reader.header()
        (keys, metadata) = try reader.metadata(count: header.metadataCount)
        alignment = try GGUFPart.alignment(metadata, file)
        let infos = try reader.tensorInfos(count: header.tensorCount)
        tensors = try GGUFLayout(file: file, headerEnd: reader.offset, alignment: alignment).locate(infos)
        version = header.version
        self.file = file
    }

    /// `general.alignment`, 32 when absent.
    private static func alignment(_ metadata: [String: GGUFValue], _ file: MappedFile) throws(ModelFileError) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard let alignment = value.integer, alignment > 0, alignment <= 1 << 30, alignment.nonzeroBitCount == 1 else {
            throw .malformed(file: file.name, detail: "general.alignment is not a power of two up to 2³⁰")
        }
        return alignment
    }
}
