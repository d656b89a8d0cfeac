import CVulkan

/// What a stream collects while a stretch of it is recorded.
final class Recorder {
    let memory = RecordingMemory()
    /// Where the arguments are that push constants do not hold.
    let arguments: ArgumentArena
    private(set) var commands: [RecordedCommand] = []
    /// The blocks that the commands use.
    private(set) var blocks: [MemoryBlock] = []
    /// Buffers that were there before: the recording keeps them, so that their memory stays theirs.
    private(set) var buffers: [Buffer] = []
    private var knownBlocks: Set<ObjectIdentifier> = []
    private var knownBuffers: Set<ObjectIdentifier> = []

    init(_ context: DeviceContext) { arguments = ArgumentArena(context) }

    func dispatch(
        _ pipeline: Pipeline, arguments: UnsafeRawBufferPointer, uses: [BufferUse], groups: (Int, Int, Int), label: String
    ) {
        for use in uses { keep(use.buffer) }
        commands.append(
            RecordedCommand(
                work: .dispatch(
                    RecordedDispatch(
                        pipeline: pipeline, arguments: Array(arguments), operands: uses.map(\.operand), groups: groups, label: label)),
                uses: uses.map(\.range)))
    }

    func copy(from source: BufferUse, to destination: BufferUse) {
        for use in [source, destination] { keep(use.buffer) }
        let region = VkBufferCopy(
            srcOffset: VkDeviceSize(source.buffer.offset + source.byteOffset),
            dstOffset: VkDeviceSize(destination.buffer.offset + destination.byteOffset), size: VkDeviceSize(source.byteCount))
        commands.append(
            RecordedCommand(
                work: .copy(from: source.buffer.block.handle, to: destination.buffer.block.handle, region),
                uses: [source.range, destination.range]))
    }

    func fill(_ use: BufferUse, word: UInt32) {
        keep(use.buffer)
        commands.append(
            RecordedCommand(
                work: .fill(
                    use.buffer.block.handle, byteOffset: use.buffer.offset + use.byteOffset, byteCount: use.byteCount, word: word),
                uses: [use.range]))
    }

    /// Keeps what a command uses. A buffer of the recording's own memory may go, and its range be used by later commands.
    private func keep(_ buffer: Buffer) {
        if knownBlocks.insert(ObjectIdentifier(buffer.block)).inserted { blocks.append(buffer.block) }
        if buffer.owner !== memory, knownBuffers.insert(ObjectIdentifier(buffer)).inserted { buffers.append(buffer) }
    }
}
