/// Where the tensors of a GGUF file lie.
struct GGUFLayout {
    let file: MappedFile
    /// The byte after the last tensor's description.
    let headerEnd: Int
    let alignment: Int

    /// Places every tensor, and checks that it lies inside the file and apart from the others.
    func locate(_ infos: [GGUFReader.RawTensorInfo]) throws(ModelFileError) -> [GGUFTensorInfo] {
        // Both numbers are at most the file's size and 2³⁰: no overflow.
        let dataStart = (headerEnd + alignment - 1) / alignment * alignment
        var names: Set<String> = []
        names.reserveCapacity(infos.count)
        var located: [GGUFTensorInfo] = []
        located.reserveCapacity(infos.count)
        for info in infos {
            guard names.insert(info.name).inserted else { throw malformed("the tensor name '\(info.name)' occurs twice") }
            located.append(
                GGUFTensorInfo(
                    name: info.name, shape: info.shape, type: info.type, range: try range(of: info, dataStart: dataStart)))
        }
        try checkOverlaps(located)
        return located
    }

    private func malformed(_ detail: String) -> ModelFileError { .malformed(file: file.name, detail: detail) }

    private func range(of info: GGUFReader.RawTensorInfo, dataStart: Int) throws(ModelFileError) -> Range<Int>? {
        guard let offset = Int(exactly: info.offset), offset % alignment == 0 else {
            throw malformed("the offset \(info.offset) of tensor '\(info.name)' is not a multiple of \(alignment)")
        }
        let (start, startOverflow) = dataStart.addingReportingOverflow(offset)
        guard !startOverflow, start <= file.count || info.shape.count == 0 else {
            throw malformed("the tensor '\(info.name)' begins after the end of the file; the file is cut short or corrupted")
        }
        guard let block = info.type.block else { return nil }
        guard info.shape.channels % block.elements == 0, let length = info.type.byteCount(elements: info.shape.count) else {
            throw malformed("the tensor '\(info.name)' of shape \(info.shape) does not divide into blocks of \(info.type)")
        }
        guard length > 0 else { return 0..<0 }
        let (end, endOverflow) = start.addingReportingOverflow(length)
        guard !endOverflow, end <= file.count else {
            throw malformed(
                "the tensor '\(info.name)' needs \(length) bytes at \(start), but the file has \(file.count); it is cut short or corrupted")
        }
        return start..<end
    }

    private func checkOverlaps(_ tensors: [GGUFTensorInfo]) throws(ModelFileError) {
        let placed = tensors.compactMap { tensor in tensor.range.map { (name: tensor.name, range: $0) } }
            .filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (first, second) in zip(placed, placed.dropFirst()) where first.range.upperBound > second.range.lowerBound {
            throw malformed("the tensors '\(first.name)' and '\(second.name)' overlap")
        }
    }
}
