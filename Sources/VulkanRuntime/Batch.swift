import CVulkan

/// Commands that are submitted together: a command buffer that is recorded, submitted, waited for and used again.
final class Batch {
    let commands: VkCommandBuffer
    /// The value of the stream's semaphore when the batch is done.
    private(set) var serial: UInt64 = 0
    private(set) var commandCount = 0
    /// Whether recording has ended: the batch can be submitted and nothing more.
    private(set) var isEnded = false
    /// The kernels in order of dispatch.
    private var kernels: ContiguousArray<Pipeline> = []
    /// What the dispatches are called.
    private var labels: ContiguousArray<String> = []
    /// What they read and wrote, one after another, and where those of each end. The buffers themselves are not kept: their memory may be
    /// used again.
    private var operands: ContiguousArray<Operand> = []
    private var operandEnds: ContiguousArray<Int> = []
    private var isTimed = false
    /// How far the staging ring is filled when the batch is submitted.
    var stagingEnd = 0
    /// The same of the ring of arguments.
    var argumentsEnd = 0
    var stagedBytes = 0
    /// The pipeline bound last, so that it is not bound again.
    private var bound: VkPipeline?

    private struct Operand {
        let address: UInt64
        let isWritten: Bool
        let byteCount: Int
        let extents: [Int]?

        var description: String { extents.map(String.init(describing:)) ?? "\(byteCount) bytes" }
    }

    private let context: DeviceContext
    private let pool: VkCommandPool
    private let capacity: Int
    private var queries: VkQueryPool?
    private var checks: CheckBlocks?

    init(_ context: DeviceContext, capacity: Int) throws(VulkanError) {
        self.context = context
        self.capacity = capacity
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
        kernels.reserveCapacity(capacity)
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
        bound = nil
        kernels.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        operands.removeAll(keepingCapacity: true)
        operandEnds.removeAll(keepingCapacity: true)
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
        _ pipeline: Pipeline, layout: VkPipelineLayout, arguments: UnsafeRawBufferPointer, uses: [BufferUse],
        groups: (Int, Int, Int), label: String
    ) {
        let functions = context.functions
        if bound != pipeline.handle {
            functions.cmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle)
            bound = pipeline.handle
        }
        let stage = VK_SHADER_STAGE_COMPUTE_BIT.rawValue
        if arguments.count > 0 {
            functions.cmdPushConstants(commands, layout, stage, 0, UInt32(arguments.count), arguments.baseAddress)
        }
        if let checks {
            var address = checks.prepare(kernels.count, uses: uses)
            functions.cmdPushConstants(commands, layout, stage, UInt32(CheckBlocks.argumentOffset), 8, &address)
        }
        let query = UInt32(2 * labels.count)
        if isTimed { writeTimestamp(query) }
        functions.cmdDispatch(commands, UInt32(groups.0), UInt32(groups.1), UInt32(groups.2))
        if isTimed { writeTimestamp(query + 1) }
        kernels.append(pipeline)
        labels.append(label)
        for use in uses {
            operands.append(
                Operand(
                    address: use.buffer.address + UInt64(use.byteOffset), isWritten: use.access != .read, byteCount: use.byteCount,
                    extents: use.extents))
        }
        operandEnds.append(operands.count)
        commandCount += 1
    }

    /// Each dispatch as `kernel (label: what it reads → what it writes)`.
    var descriptions: [String] {
        labels.indices.map { index in
            let all = operands[(index == 0 ? 0 : operandEnds[index - 1])..<operandEnds[index]]
            // Where a kernel has no use for an argument, another's address stands in.
            let read = all.indices.filter { place in
                !all[place].isWritten && !all[..<place].contains { $0.address == all[place].address }
            }
            let written = all.filter(\.isWritten).map(\.description)
            return "\(kernels[index].name) (\(labels[index]): \(read.map { all[$0].description }.joined(separator: ", "))"
                + " → \(written.joined(separator: ", ")))"
        }
    }

    /// What the checked kernels found out of bounds, once the device is done with the batch.
    func firstFault() -> VulkanError? {
        guard let checks else { return nil }
        for (index, kernel) in kernels.enumerated() {
            if let fault = checks.fault(index, kernel: kernel.name) { return fault }
        }
        return nil
    }

    /// How long each dispatch took, once the device is done with the batch.
    func timings() throws(VulkanError) -> [DispatchTiming] {
        guard isTimed, !labels.isEmpty else { return [] }
        var ticks = [UInt64](repeating: 0, count: 2 * labels.count)
        let result = ticks.withUnsafeMutableBytes { bytes in
            context.functions.getQueryPoolResults(
                context.handle, queries, 0, UInt32(2 * labels.count), bytes.count, bytes.baseAddress, 8,
                VK_QUERY_RESULT_64_BIT.rawValue | VK_QUERY_RESULT_WAIT_BIT.rawValue)
        }
        try context.check(result, "vkGetQueryPoolResults")
        let limits = context.report.limits
        let mask = limits.timestampBits >= 64 ? UInt64.max : (1 << UInt64(limits.timestampBits)) - 1
        return labels.indices.map { index in
            // Counters of fewer than 64 bits wrap around.
            let elapsed = (ticks[2 * index + 1] &- ticks[2 * index]) & mask
            return DispatchTiming(
                label: labels[index], kernel: kernels[index].name, nanoseconds: Double(elapsed) * limits.timestampPeriod)
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
public struct DispatchTiming: Sendable, Equatable {
    public let label: String
    public let kernel: String
    public let nanoseconds: Double
}
