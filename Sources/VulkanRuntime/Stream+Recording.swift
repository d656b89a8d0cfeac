import CVulkan

extension Stream {
    /// Records what `body` asks for without running it.
    ///
    /// Dispatches, copies and fills become the recording's; buffers that are made meanwhile get memory of its own. What concerns the
    /// host is refused: an upload would be made once and not with each replay, and a read would wait for what has not run.
    ///
    /// - Parameter isBrief: Whether a replay is submitted as a whole, however many commands it has, rather than in parts of a batch each.
    /// - Throws: What `body` throws, and ``VulkanError/invalidRecording(reason:)`` for what cannot be recorded.
    package func record(isBrief: Bool = false, _ body: () throws -> Void) throws -> Recording {
        try throwPending()
        guard recorder == nil else { throw VulkanError.invalidRecording(reason: "another recording is being made") }
        let recorder = Recorder(context)
        self.recorder = recorder
        defer { self.recorder = nil }
        try body()
        return try finishRecording(recorder, isBrief: isBrief)
    }

    /// Runs what was recorded, in order with the commands before and after.
    /// - Throws: What ``dispatch(_:arguments:uses:groups:label:)`` throws.
    package func replay(_ recording: Recording) throws {
        try throwPending()
        try requireLive("a replay")
        guard recording.context === context else {
            throw VulkanError.invalidRecording(reason: "it was made on another device, \(recording.context.report.name)")
        }
        if isProfiling {
            for command in recording.commands { try run(command, of: recording) }
            return
        }
        for segment in recording.segments { try run(segment, of: recording) }
        try submitIfIdle()
    }

    /// Runs `body` outside the recording that is being made, if any: its commands run at once and its buffers are ordinary ones. For what
    /// a recording needs and does not repeat, as constants that are made when they are first asked for.
    package func suspendingRecording<Result>(_ body: () throws -> Result) rethrows -> Result {
        let suspended = recorder
        recorder = nil
        defer { recorder = suspended }
        return try body()
    }

    /// - Throws: ``VulkanError/invalidRecording(reason:)`` while a recording is being made.
    func requireLive(_ what: String) throws(VulkanError) {
        if recorder != nil { throw .invalidRecording(reason: "\(what) cannot be part of it") }
    }
}
