import CVulkan

/// Commands for a device, in order. A command sees the memory as the commands before it left it; barriers are recorded only where that
/// needs one. Commands are submitted in batches while more are recorded, so errors of the device surface at a later call.
///
/// A stream is used from one thread at a time.
package final class Stream {
    /// Batches that can be under way at once while another is recorded.
    private static let batchCount = 4
    /// An idle device gets this many commands without waiting for a full batch.
    private static let earlyCommands = 16
    /// What a dispatch may store of arguments: little beside the ring, so that room can always be waited for.
    private static let mostStoredBytes = 4096

    let context: DeviceContext
    private let layout: VkPipelineLayout
    private let isChecked: Bool
    private let batchCapacity: Int
    private let batches: [Batch]
    private let semaphore: VkSemaphore
    private let barrier: FullBarrier
    private var hazards = HazardTracker()

    /// Barriers recorded so far. Each may leave part of the device without work.
    package private(set) var barrierCount = 0

    /// The batch that is being recorded.
    private var current: Batch?
    private var submitted: UInt64 = 0
    /// Submissions so far.
    package var submissionCount: Int { Int(submitted) }
    private var completed: UInt64 = 0
    /// What lost the commands of a batch, and with them what later ones would build on.
    private var fatal: VulkanError?
    /// What checked kernels found, until a call has thrown it.
    private var fault: VulkanError?
    private var profile: Profile?
    var staging = StagingBuffers()
    private let argumentRing: ArgumentRing
    /// Where commands go instead while a stretch is recorded.
    var recorder: Recorder?

    private struct Profile {
        let isSerialised: Bool
        var timings: [DispatchTiming] = []
    }

    init(_ context: DeviceContext, layout: VkPipelineLayout, options: DeviceOptions) throws(VulkanError) {
        self.context = context
        self.layout = layout
        isChecked = options.checked
        argumentRing = ArgumentRing(context)
        var batches: [Batch] = []
        batchCapacity = max(1, options.dispatchesPerBatch)
        for _ in 0..<Self.batchCount { batches.append(try Batch(context, layout: layout, capacity: batchCapacity)) }
        self.batches = batches
        barrier = FullBarrier()
        var semaphore: VkSemaphore?
        let chain = StructureChain()
        var type = VkSemaphoreTypeCreateInfo()
        type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO
        type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE
        chain.append(type)
        var info = VkSemaphoreCreateInfo()
        info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO
        info.pNext = UnsafeRawPointer(chain.first)
        try context.check(context.functions.createSemaphore(context.handle, &info, nil, &semaphore), "vkCreateSemaphore")
        withExtendedLifetime(chain) {}
        self.semaphore = semaphore!
        context.kernelsUnderWay = { [weak self] in self?.kernelsUnderWay ?? [] }
    }

    // MARK: Dispatches

    /// Runs a kernel.
    /// - Parameters:
    ///   - arguments: the kernel's push constants, at most 120 bytes and a multiple of 4.
    ///   - stored: what the kernel reads by an address among its push constants, at most 4096 bytes; nil where it reads nothing so.
    ///   - uses: the buffers behind the addresses in the arguments, in their order. What is not named here is not waited for.
    ///   - groups: work groups along x, y and z. With a zero among them nothing is run.
    ///   - label: what profiles and errors call this dispatch.
    package func dispatch(
        _ pipeline: Pipeline, arguments: UnsafeRawBufferPointer, stored: StoredArguments? = nil, uses: [BufferUse],
        groups: (Int, Int, Int), label: String
    ) throws {
        try throwPending()
        if groups.0 == 0 || groups.1 == 0 || groups.2 == 0 { return }
        try validate(pipeline, arguments, stored, uses, groups)
        guard let stored else { return try run(pipeline, arguments, uses, groups, label) }
        // Before the dispatch has its batch: for room, the batch may have to be waited for.
        let address = try address(of: stored.bytes)
        try withUnsafeTemporaryAllocation(byteCount: CheckBlocks.argumentOffset, alignment: 8) { copy in
            copy.copyMemory(from: arguments)
            copy.storeBytes(of: address, toByteOffset: stored.addressOffset, as: UInt64.self)
            try run(pipeline, UnsafeRawBufferPointer(rebasing: copy[..<arguments.count]), uses, groups, label)
        }
    }

    /// Puts arguments where the device reads them.
    private func address(of arguments: UnsafeRawBufferPointer) throws(VulkanError) -> UInt64 {
        let memory: any ArgumentMemory = recorder?.arguments ?? argumentRing
        while true {
            if let address = try memory.store(arguments) { return address }
            try waitForOldest()
        }
    }

    private func run(
        _ pipeline: Pipeline, _ arguments: UnsafeRawBufferPointer, _ uses: [BufferUse], _ groups: (Int, Int, Int), _ label: String
    ) throws {
        if let recorder { return recorder.dispatch(pipeline, arguments: arguments, uses: uses, groups: groups, label: label) }
        let batch = try begunBatch()
        recordBarrier(batch, ifNeededBy: uses.lazy.map(\.range), orAlways: profile?.isSerialised ?? false)
        for use in uses { use.buffer.block.lastUse = batch.serial }
        batch.dispatch(pipeline, arguments: arguments, operands: uses.lazy.map(\.operand), groups: groups, label: label)
        try submitIfDue(batch)
    }

    private func validate(
        _ pipeline: Pipeline, _ arguments: UnsafeRawBufferPointer, _ stored: StoredArguments?, _ uses: [BufferUse],
        _ groups: (Int, Int, Int)
    ) throws(VulkanError) {
        let most = context.report.limits.workGroupCount
        guard groups.0 > 0, groups.1 > 0, groups.2 > 0, groups.0 <= most[0], groups.1 <= most[1], groups.2 <= most[2] else {
            throw .invalidDispatch(
                kernel: pipeline.name, reason: "a grid of \(groups) work groups is not possible; \(context.report.name) allows \(most)")
        }
        guard arguments.count <= CheckBlocks.argumentOffset, arguments.count.isMultiple(of: 4) else {
            throw .invalidDispatch(
                kernel: pipeline.name, reason: "its arguments have \(arguments.count) bytes, not a multiple of 4 up to 120")
        }
        if let stored {
            guard stored.bytes.count <= Self.mostStoredBytes else {
                throw .invalidDispatch(
                    kernel: pipeline.name, reason: "it stores arguments of \(stored.bytes.count) bytes, more than \(Self.mostStoredBytes)")
            }
            let place = stored.addressOffset
            guard place >= 0, place.isMultiple(of: 8), place + 8 <= arguments.count else {
                throw .invalidDispatch(
                    kernel: pipeline.name,
                    reason: "the address of stored arguments at byte \(place) does not lie in its \(arguments.count) bytes of arguments")
            }
        }
        guard !isChecked || uses.count <= CheckBlocks.mostArguments else {
            throw .invalidDispatch(
                kernel: pipeline.name, reason: "it has \(uses.count) buffers and a checked kernel at most \(CheckBlocks.mostArguments)")
        }
    }

    // MARK: Waiting

    /// Waits until everything recorded so far is done.
    /// - Throws: what went wrong in it: ``VulkanError/outOfBounds(kernel:argument:index:length:)``,
    ///   ``VulkanError/deviceLost(device:kernels:)``.
    package func synchronize() throws {
        try requireLive("waiting for the device")
        try finish()
        try throwPending()
    }

    /// Hands what is recorded to the device without waiting for it.
    package func flush() throws {
        try throwPending()
        try requireLive("handing work to the device")
        try submit()
    }

    // MARK: Profiling

    /// Starts to time dispatches.
    /// - Parameter serialised: whether each dispatch waits for the one before, so that its time is its own.
    /// - Throws: ``VulkanError/unsupported(feature:device:)`` when the device has no timestamps.
    package func startProfiling(serialised: Bool) throws {
        try throwPending()
        try requireLive("the start of a profile")
        guard context.report.limits.timestampBits > 0 else {
            throw VulkanError.unsupported(feature: "timestamps", device: context.report.name)
        }
        // A batch is timed as a whole or not at all.
        try submit()
        profile = Profile(isSerialised: serialised)
    }

    /// Waits for all dispatches and gives the times of those since ``startProfiling(serialised:)``, in order.
    package func endProfiling() throws -> [DispatchTiming] {
        defer { profile = nil }
        try synchronize()
        return profile?.timings ?? []
    }

    // MARK: Batches

    /// The batch to add commands to, started if need be.
    func begunBatch() throws(VulkanError) -> Batch {
        if let current, !current.isEnded { return current }
        try submit()
        let serial = submitted + 1
        let batch = batches[Int(serial % UInt64(batches.count))]
        try wait(for: batch.serial)
        try batch.begin(serial: serial, isProfiling: profile != nil, isChecked: isChecked)
        current = batch
        return batch
    }

    /// Records a command that moves memory, behind a barrier if its uses need one.
    func transfer(_ uses: [HazardTracker.Use], _ record: (VkCommandBuffer) -> Void) throws(VulkanError) -> Batch {
        let batch = try begunBatch()
        recordBarrier(batch, ifNeededBy: uses)
        record(batch.commands)
        batch.recordedTransfer()
        return batch
    }

    func submitIfDue(_ batch: Batch) throws(VulkanError) {
        if batch.isFull || batch.stagedBytes >= StagingBuffers.chunk {
            try submit()
        } else if batch.commandCount == Self.earlyCommands {
            try submitIfIdle()
        }
    }

    /// Submits what there is if the device has nothing else to do.
    func submitIfIdle() throws(VulkanError) {
        try poll()
        if completed == submitted { try submit() }
    }

    func submit() throws(VulkanError) {
        guard let batch = current else { return }
        if !batch.isEnded { try end(batch) }
        var result = queueSubmit(batch)
        if result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY {
            // Nothing has changed then (Vulkan specification, vkQueueSubmit2), and what is under way gives memory back when it is done. If
            // that is too little, the batch is submitted before the next command.
            try wait(for: submitted)
            result = queueSubmit(batch)
        }
        do {
            try context.check(result, "vkQueueSubmit2")
        } catch {
            if case .memoryRefused = error { throw error }
            fatal = error
            throw error
        }
        submitted = batch.serial
        current = nil
    }

    private func end(_ batch: Batch) throws(VulkanError) {
        barrier.toHost.withInfo { context.functions.cmdPipelineBarrier2(batch.commands, $0) }
        batch.stagingEnd = staging.position
        batch.argumentsEnd = argumentRing.position
        do {
            try batch.end()
        } catch {
            fatal = error
            throw error
        }
    }

    private func queueSubmit(_ batch: Batch) -> VkResult {
        var commands = VkCommandBufferSubmitInfo()
        commands.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO
        commands.commandBuffer = batch.commands
        var signal = VkSemaphoreSubmitInfo()
        signal.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO
        signal.semaphore = semaphore
        signal.value = batch.serial
        signal.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT
        return withUnsafePointer(to: &commands) { commands in
            withUnsafePointer(to: &signal) { signal in
                var info = VkSubmitInfo2()
                info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2
                info.commandBufferInfoCount = 1
                info.pCommandBufferInfos = commands
                info.signalSemaphoreInfoCount = 1
                info.pSignalSemaphoreInfos = signal
                return context.functions.queueSubmit2(context.queue, 1, &info, nil)
            }
        }
    }

    /// Submits what is recorded and waits for it, leaving faults for later.
    func finish() throws(VulkanError) {
        try throwIfEnded()
        try submit()
        try wait(for: submitted)
    }

    /// Waits for the oldest batch under way, or for the one being recorded, so that its room in the rings is free.
    func waitForOldest() throws(VulkanError) {
        if completed == submitted { try submit() }
        if completed < submitted {
            try wait(for: completed + 1)
        } else {
            staging.release(upTo: staging.position)
            argumentRing.release(upTo: argumentRing.position)
        }
    }

    /// Whether the device may still use a block.
    func isBusy(_ block: MemoryBlock) throws(VulkanError) -> Bool {
        if block.lastUse <= completed { return false }
        if block.lastUse > submitted { return true }
        try poll()
        return block.lastUse > completed
    }

    private func throwIfEnded() throws(VulkanError) {
        try context.throwIfLost()
        if let fatal { throw fatal }
    }

    func throwPending() throws(VulkanError) {
        try throwIfEnded()
        if let fault {
            self.fault = nil
            throw fault
        }
    }

    private func wait(for serial: UInt64) throws(VulkanError) {
        guard serial > completed else { return }
        let result = withUnsafePointer(to: Optional(semaphore)) { semaphore in
            withUnsafePointer(to: serial) { value in
                var info = VkSemaphoreWaitInfo()
                info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO
                info.semaphoreCount = 1
                info.pSemaphores = semaphore
                info.pValues = value
                return context.functions.waitSemaphores(context.handle, &info, UInt64.max)
            }
        }
        try context.check(result, "vkWaitSemaphores")
        try retire(upTo: serial)
    }

    /// Learns what the device has finished, without waiting.
    private func poll() throws(VulkanError) {
        var value: UInt64 = 0
        try context.check(context.functions.getSemaphoreCounterValue(context.handle, semaphore, &value), "vkGetSemaphoreCounterValue")
        try retire(upTo: min(value, submitted))
    }

    private func retire(upTo serial: UInt64) throws(VulkanError) {
        while completed < serial {
            completed += 1
            let batch = batches[Int(completed % UInt64(batches.count))]
            staging.release(upTo: batch.stagingEnd)
            argumentRing.release(upTo: batch.argumentsEnd)
            if fault == nil { fault = batch.firstFault() }
            batch.releaseRecordings()
            if profile != nil { profile?.timings += try batch.timings() }
        }
    }

    /// Records a barrier where commands before are in conflict with one of these uses, which are noted.
    private func recordBarrier(_ batch: Batch, ifNeededBy uses: some Collection<HazardTracker.Use>, orAlways isWanted: Bool = false) {
        if isWanted || uses.contains(where: { hazards.conflicts($0) }) { recordBarrier(batch) }
        for use in uses { hazards.record(use) }
    }

    private func recordBarrier(_ batch: Batch) {
        barrier.betweenCommands.withInfo { context.functions.cmdPipelineBarrier2(batch.commands, $0) }
        hazards.barrier()
        barrierCount += 1
    }

    // MARK: Recordings

    var isProfiling: Bool { profile != nil }

    func finishRecording(_ recorder: Recorder, isBrief: Bool) throws(VulkanError) -> Recording {
        try Recording(
            context, recorder, layout: layout, barrier: barrier.betweenCommands,
            longestSegment: isBrief ? max(recorder.commands.count, 1) : batchCapacity, isChecked: isChecked)
    }

    /// Replays a segment.
    func run(_ segment: RecordedSegment, of recording: Recording) throws(VulkanError) {
        // A segment that is longer than a batch goes with what is before it: uploads, mostly.
        if let current, !current.isEnded, current.commandCount > 0, segment.commandCount <= batchCapacity,
            current.commandCount + segment.commandCount > batchCapacity
        {
            try submit()
        }
        let batch = try begunBatch()
        recordBarrier(batch, ifNeededBy: segment.head)
        if segment.lastUse <= completed { segment.clearFaults() }
        batch.replay(segment, of: recording)
        if segment.barrierCount > 0 {
            hazards.barrier()
            for use in segment.tail { hazards.record(use) }
            barrierCount += segment.barrierCount
        }
        for block in recording.blocks { block.lastUse = batch.serial }
        try submitIfDue(batch)
    }

    /// Runs a command of a recording as one of the stream's own.
    func run(_ command: RecordedCommand, of recording: Recording) throws(VulkanError) {
        let batch = try begunBatch()
        recordBarrier(batch, ifNeededBy: command.uses, orAlways: profile?.isSerialised ?? false)
        batch.run(command, of: recording)
        for block in recording.blocks { block.lastUse = batch.serial }
        try submitIfDue(batch)
    }

    /// The dispatches that are submitted and not known to be done, and those of the batch that is being submitted; each kind once.
    private var kernelsUnderWay: [String] {
        var known: Set<String> = []
        let underWay = completed < submitted ? (completed + 1...submitted).map { batches[Int($0 % UInt64(batches.count))] } : []
        let ending = current.map { $0.isEnded ? [$0] : [] } ?? []
        return (underWay + ending).flatMap(\.descriptions).filter { known.insert($0).inserted }
    }

    deinit {
        _ = context.functions.deviceWaitIdle(context.handle)
        context.functions.destroySemaphore(context.handle, semaphore, nil)
    }
}
