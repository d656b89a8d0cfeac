import Foundations

/// A hash table from byte strings to numbers, for lookups by a slice of a buffer without making a key.
///
/// Swift's own dictionaries of strings compare by canonical equivalence, which is slower and would hold distinct tokens for equal.
package struct ByteStringTable: Sendable {
    private var arena: [UInt8] = []
    private var entries: [Entry] = []
    /// Indices into `entries`, -1 for free; its size is a power of two and at least twice the number of entries.
    private var slots: [Int32]

    private struct Entry {
        let start: Int
        let length: Int
        let hash: UInt64
        let value: Int32
    }

    package init(minimumCapacity: Int = 16) {
        var size = 32
        while size < minimumCapacity * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        entries.reserveCapacity(minimumCapacity)
    }

    /// The number of strings.
    package var count: Int { entries.count }

    /// The number of a string, nil when it is not in the table.
    package func find(_ key: UnsafeRawBufferPointer) -> Int32? {
        let slot = slot(of: key, hash: ByteStringTable.hash(key))
        return slots[slot] < 0 ? nil : entries[Int(slots[slot])].value
    }

    package func find(_ key: [UInt8]) -> Int32? { key.withUnsafeBytes { find($0) } }

    package func find(_ key: String) -> Int32? {
        var key = key
        return key.withUTF8 { find(UnsafeRawBufferPointer($0)) }
    }

    /// Adds a string, unless it is already there: then its number is returned and nothing changes.
    package mutating func insert(_ key: UnsafeRawBufferPointer, _ value: Int32) -> Int32? {
        let hash = ByteStringTable.hash(key)
        let slot = slot(of: key, hash: hash)
        if slots[slot] >= 0 { return entries[Int(slots[slot])].value }
        slots[slot] = Int32(entries.count)
        entries.append(Entry(start: arena.count, length: key.count, hash: hash, value: value))
        arena.append(contentsOf: key)
        if entries.count * 2 > slots.count { grow() }
        return nil
    }

    package mutating func insert(_ key: String, _ value: Int32) -> Int32? {
        var key = key
        return key.withUTF8 { insert(UnsafeRawBufferPointer($0), value) }
    }

    /// The slot that holds a key, or the free slot where it would go.
    private func slot(of key: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, entry.length == key.count, matches(entry, key) { return slot }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private func matches(_ entry: Entry, _ key: UnsafeRawBufferPointer) -> Bool {
        arena.withUnsafeBytes { arena in
            for index in 0..<key.count where arena[entry.start + index] != key[index] { return false }
            return true
        }
    }

    private mutating func grow() {
        let mask = slots.count * 2 - 1
        slots = [Int32](repeating: -1, count: slots.count * 2)
        for (index, entry) in entries.enumerated() {
            var slot = Int(truncatingIfNeeded: entry.hash) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(index)
        }
    }

    /// FNV-1a, its bits mixed so that the low ones depend on all (the finaliser of MurmurHash3).
    private static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var hash = FNVHash(key).value
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        return hash ^ (hash >> 33)
    }
}
