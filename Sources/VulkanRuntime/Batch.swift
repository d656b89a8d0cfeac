import CVulkan

/// Commands that are submitted together: a command buffer that is recorded, submitted, waited for and used again.
final class Batch {
    let commands: VkCommandBuffer
    /// The value of the stream's semaphore when the batch is done.
    private(set) var serial: UInt64 = 0
    private(set) var commandCount = 0
    /// Whether recording has ended: the batch can be submitted and nothing more.
    private(set) var isEnded = false
    /// The dispatches of the batch's own.
    private var log: DispatchLog
    /// Stretches that are replayed, each after so many dispatches of the batch's own.
    private var replays: [(after: Int, segment: RecordedSegment)] = []
    /// The recordings that the batch needs until it is done.
    private var recordings: [Recording] = []
    private var isTimed = false
    /// How far the staging ring is filled when the batch is submitted.
    var stagingEnd = 0
    /// The same of the ring of arguments.
    var argumentsEnd = 0
    var stagedBytes = 0
    private var writer: CommandWriter

    private let context: DeviceContext
    private let pool: VkCommandPool
    private let capacity: Int
    private var queries: VkQueryPool?
    private var checks: CheckBlocks?

    init(_ context: DeviceContext, layout: VkPipelineLayout, capacity: Int) throws(VulkanError) {
        self.context = context
        self.capacity = capacity
        log = DispatchLog(capacity: capacity)
        let functions = context.functions
        var poolInfo = VkCommandPoolCreateInfo()
        poolInfo.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO
        poolInfo.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT.rawValue
        poolInfo.queueFamilyIndex = context.queueFamily
        var pool: VkCommandPool?
        try context.check(functions.createCommandPool(context.handle, &poolInfo, nil, &pool), "vkCreateCommandPool")
        var info = VkCommandBufferAllocateInfo()
        info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO
        info.commandPool = pool
        info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY
        info.commandBufferCount = 1
        var commands: VkCommandBuffer?
        let result = functions.allocateCommandBuffers(context.handle, &info, &commands)
        guard result == VK_SUCCESS, let pool, let commands else {
            functions.destroyCommandPool(context.handle, pool, nil)
            throw .callFailed(function: "vkAllocateCommandBuffers", code: result.rawValue)
        }
        self.pool = pool
        self.commands = commands
        writer = CommandWriter(context, layout: layout, commands: commands)
    }

    /// Starts recording.
    /// - Precondition: the device is done with what was recorded before.
    func begin(serial: UInt64, isProfiling: Bool, isChecked: Bool) throws(VulkanError) {
        let functions = context.functions
        // First what may find no memory: a batch that has its serial number is waited for.
        if isProfiling && queries == nil { queries = try makeQueries() }
        if isChecked && checks == nil { checks = try CheckBlocks(context, capacity: capacity) }
        try context.check(functions.resetCommandPool(context.handle, pool, 0), "vkResetCommandPool")
        var info = VkCommandBufferBeginInfo()
        info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO
        info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT.rawValue
        try context.check(functions.beginCommandBuffer(commands, &info), "vkBeginCommandBuffer")
        self.serial = serial
        commandCount = 0
        isEnded = false
        isTimed = isProfiling
        stagedBytes = 0
        writer.forget()
        log.removeAll()
        releaseRecordings()
        if isTimed { functions.cmdResetQueryPool(commands, queries, 0, UInt32(2 * capacity)) }
    }

    /// Ends recording.
    func end() throws(VulkanError) {
        try context.check(context.functions.endCommandBuffer(commands), "vkEndCommandBuffer")
        isEnded = true
    }

    var isFull: Bool { commandCount >= capacity }

    /// Counts a command that is not a dispatch.
    func recordedTransfer() { commandCount += 1 }

    func dispatch(
        _ pipeline: Pipeline, arguments: UnsafeRawBufferPointer, operands: some Collection<DispatchLog.Operand>, groups: (Int, Int, Int),
        label: String
    ) {
        let check = checks?.prepare(log.count, lengths: operands.lazy.map(\.byteCount))
        var query = UInt32(2 * log.count)
        writer.dispatch(pipeline, arguments: arguments, checks: check, groups: groups) {
            guard isTimed else { return }
            writeTimestamp(query)
            query += 1
        }
        log.append(pipeline, label: label, operands: operands)
        commandCount += 1
    }

    /// Runs one command of a recording as the batch's own. The recording is kept, with the memory that the command uses.
    func run(_ command: RecordedCommand, of recording: Recording) {
        switch command.work {
        case .dispatch(let work):
            work.arguments.withUnsafeBytes {
                dispatch(work.pipeline, arguments: $0, operands: work.operands, groups: work.groups, label: work.label)
            }
        case .copy(let source, let destination, let region):
            writer.copy(from: source, to: destination, region)
            recordedTransfer()
        case .fill(let buffer, let offset, let count, let word):
            writer.fill(buffer, byteOffset: offset, byteCount: count, word: word)
            recordedTransfer()
        }
        if recordings.last !== recording { recordings.append(recording) }
    }

    /// Runs a segment of a recording, which is kept until the batch is done.
    func replay(_ segment: RecordedSegment, of recording: Recording) {
        var secondary: VkCommandBuffer? = segment.commands
        context.functions.cmdExecuteCommands(commands, 1, &secondary)
        // A secondary command buffer leaves nothing bound (Vulkan specification, "Secondary Command Buffer Execution").
        writer.forget()
        replays.append((log.count, segment))
        if recordings.last !== recording { recordings.append(recording) }
        segment.lastUse = serial
        commandCount += segment.commandCount
    }

    /// The device is done with the batch: recordings that it alone kept may go.
    func releaseRecordings() {
        replays.removeAll(keepingCapacity: true)
        recordings.removeAll(keepingCapacity: true)
    }

    /// Each dispatch as `kernel (label: what it reads → what it writes)`.
    var descriptions: [String] {
        var (all, place) = ([String](), 0)
        for replay in replays {
            all += (place..<replay.after).map(log.description)
            all += (0..<replay.segment.log.count).map(replay.segment.log.description)
            place = replay.after
        }
        return all + (place..<log.count).map(log.description)
    }

    /// What the checked kernels found out of bounds, once the device is done with the batch.
    func firstFault() -> VulkanError? {
        if let fault = checks?.firstFault(log.kernels) { return fault }
        return replays.lazy.compactMap { $0.segment.firstFault() }.first
    }

    /// How long each dispatch took, once the device is done with the batch.
    func timings() throws(VulkanError) -> [DispatchTiming] {
        guard isTimed, log.count > 0 else { return [] }
        var ticks = [UInt64](repeating: 0, count: 2 * log.count)
        let result = ticks.withUnsafeMutableBytes { bytes in
            context.functions.getQueryPoolResults(
                context.handle, queries, 0, UInt32(2 * log.count), bytes.count, bytes.baseAddress, 8,
                VK_QUERY_RESULT_64_BIT.rawValue | VK_QUERY_RESULT_WAIT_BIT.rawValue)
        }
        try context.check(result, "vkGetQueryPoolResults")
        let limits = context.report.limits
        let mask = limits.timestampBits >= 64 ? UInt64.max : (1 << UInt64(limits.timestampBits)) - 1
        return (0..<log.count).map { index in
            // Counters of fewer than 64 bits wrap around.
            let elapsed = (ticks[2 * index + 1] &- ticks[2 * index]) & mask
            return DispatchTiming(
                label: log.labels[index], kernel: log.kernels[index].name, nanoseconds: Double(elapsed) * limits.timestampPeriod)
        }
    }

    /// Notes when the commands before have finished computing.
    private func writeTimestamp(_ query: UInt32) {
        context.functions.cmdWriteTimestamp2(commands, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, queries, query)
    }

    private func makeQueries() throws(VulkanError) -> VkQueryPool? {
        var info = VkQueryPoolCreateInfo()
        info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO
        info.queryType = VK_QUERY_TYPE_TIMESTAMP
        info.queryCount = UInt32(2 * capacity)
        var queries: VkQueryPool?
        try context.check(context.functions.createQueryPool(context.handle, &info, nil, &queries), "vkCreateQueryPool")
        return queries
    }

    deinit {
        context.functions.destroyQueryPool(context.handle, queries, nil)
        context.functions.destroyCommandPool(context.handle, pool, nil)
    }
}

/// How long a dispatch took on the device: from the end of the work before it to its own end.
package struct DispatchTiming: Sendable, Equatable {
    package let label: String
    package let kernel: String
    package let nanoseconds: Double
}
