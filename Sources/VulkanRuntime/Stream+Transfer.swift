import CVulkan

extension Stream {
    /// Copies bytes of the host to a buffer, in order with the commands around it. The bytes may go when the call returns.
    package func upload(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer, byteOffset: Int = 0) throws {
        try throwPending()
        try requireLive("an upload")
        precondition(byteOffset >= 0 && byteOffset + bytes.count <= buffer.byteCount, "an upload reaches beyond its buffer")
        guard bytes.count > 0 else { return }
        if let mapped = buffer.mapped, try !isBusy(buffer.block) {
            UnsafeMutableRawBufferPointer(start: mapped + byteOffset, count: bytes.count).copyMemory(from: bytes)
            return
        }
        let (block, host) = try staging.upload(context)
        var done = 0
        while done < bytes.count {
            let count = min(StagingBuffers.chunk, bytes.count - done)
            let place = try reserve(count)
            UnsafeMutableRawBufferPointer(start: host + place, count: count).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
            // The ring's own hazards are settled by waiting for batches before a place is used again.
            let batch = try copy(from: block, place, to: buffer.block, buffer.offset + byteOffset + done, count, hazards: .destination)
            batch.stagedBytes += count
            try submitIfDue(batch)
            done += count
        }
    }

    /// Copies between buffers. The ranges do not overlap.
    package func copy(from source: Buffer, byteOffset sourceOffset: Int, to destination: Buffer, byteOffset: Int, byteCount: Int) throws {
        try throwPending()
        precondition(sourceOffset >= 0 && sourceOffset + byteCount <= source.byteCount, "a copy reaches beyond its source")
        precondition(byteOffset >= 0 && byteOffset + byteCount <= destination.byteCount, "a copy reaches beyond its destination")
        guard byteCount > 0 else { return }
        if let recorder {
            return recorder.copy(
                from: BufferUse(source, byteOffset: sourceOffset, byteCount: byteCount, access: .read),
                to: BufferUse(destination, byteOffset: byteOffset, byteCount: byteCount, access: .write))
        }
        let batch = try copy(
            from: source.block, source.offset + sourceOffset, to: destination.block, destination.offset + byteOffset, byteCount,
            hazards: .both)
        try submitIfDue(batch)
    }

    /// Fills a range of a buffer with copies of a word. Offset and count are multiples of 4.
    package func fill(_ buffer: Buffer, byteOffset: Int = 0, byteCount: Int, word: UInt32) throws {
        try throwPending()
        precondition(byteOffset >= 0 && byteOffset + byteCount <= buffer.byteCount, "a fill reaches beyond its buffer")
        precondition(byteOffset.isMultiple(of: 4) && byteCount.isMultiple(of: 4), "a fill is not of whole words")
        guard byteCount > 0 else { return }
        if let recorder {
            return recorder.fill(BufferUse(buffer, byteOffset: byteOffset, byteCount: byteCount, access: .write), word: word)
        }
        let batch = try transfer([use(buffer.block, buffer.offset + byteOffset, byteCount, .write)]) { commands in
            context.functions.cmdFillBuffer(
                commands, buffer.block.handle, VkDeviceSize(buffer.offset + byteOffset), VkDeviceSize(byteCount), word)
        }
        buffer.block.lastUse = batch.serial
        try submitIfDue(batch)
    }

    /// Waits for the commands so far and copies bytes of a buffer to the host.
    package func read(_ buffer: Buffer, byteOffset: Int = 0, into bytes: UnsafeMutableRawBufferPointer) throws {
        try throwPending()
        try requireLive("a read")
        precondition(byteOffset >= 0 && byteOffset + bytes.count <= buffer.byteCount, "a read reaches beyond its buffer")
        guard bytes.count > 0 else { return try synchronize() }
        if let mapped = buffer.mapped, buffer.block.isCached {
            try synchronize()
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: mapped + byteOffset, count: bytes.count))
            return
        }
        let (block, host) = try staging.readback(context)
        var done = 0
        while done < bytes.count {
            let count = min(StagingBuffers.chunk, bytes.count - done)
            _ = try copy(from: buffer.block, buffer.offset + byteOffset + done, to: block, 0, count, hazards: .both)
            try finish()
            UnsafeMutableRawBufferPointer(rebasing: bytes[done..<done + count]).copyMemory(
                from: UnsafeRawBufferPointer(start: host, count: count))
            done += count
        }
        try throwPending()
    }

    private enum TrackedHazards {
        case both
        case destination
    }

    private func copy(
        from source: MemoryBlock, _ sourceOffset: Int, to destination: MemoryBlock, _ offset: Int, _ byteCount: Int,
        hazards: TrackedHazards
    ) throws -> Batch {
        var uses = [use(destination, offset, byteCount, .write)]
        if hazards == .both { uses.append(use(source, sourceOffset, byteCount, .read)) }
        let batch = try transfer(uses) { commands in
            var region = VkBufferCopy(
                srcOffset: VkDeviceSize(sourceOffset), dstOffset: VkDeviceSize(offset), size: VkDeviceSize(byteCount))
            context.functions.cmdCopyBuffer(commands, source.handle, destination.handle, 1, &region)
        }
        source.lastUse = batch.serial
        destination.lastUse = batch.serial
        return batch
    }

    private func use(_ block: MemoryBlock, _ offset: Int, _ byteCount: Int, _ access: HazardTracker.Access) -> HazardTracker.Use {
        let start = block.address + UInt64(offset)
        return HazardTracker.Use(start: start, end: start + UInt64(byteCount), access: access)
    }

    /// Room in the staging ring, waiting for the device to be done with enough of it.
    private func reserve(_ byteCount: Int) throws -> Int {
        while true {
            if let place = staging.reserve(byteCount) { return place }
            try waitForOldest()
        }
    }
}
