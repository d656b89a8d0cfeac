import Tensors
import VulkanRuntime

/// The push constants of a dispatch, appended in the order of the kernel's `Arguments` block: addresses of buffers, then numbers.
struct KernelArguments {
    private var words: [UInt32] = []
    /// What the kernel reads by an address, and where among the words that is.
    private var stored: (words: [UInt32], place: Int)?
    private(set) var uses: [BufferUse] = []

    init() {
        words.reserveCapacity(30)
        uses.reserveCapacity(8)
    }

    mutating func buffer(_ place: DevicePlace, _ access: BufferUse.Access) {
        words.append(UInt32(truncatingIfNeeded: place.address))
        words.append(UInt32(truncatingIfNeeded: place.address >> 32))
        uses.append(
            BufferUse(
                place.buffer, byteOffset: place.byteOffset, byteCount: place.byteCount, access: access, extents: place.shape?.dimensions))
    }

    /// Arguments that push constants have no room for: their address. Their buffers are counted behind those so far.
    /// - Precondition: There is one such block at most.
    mutating func store(_ arguments: KernelArguments) {
        precondition(stored == nil && arguments.stored == nil, "a kernel has one block of stored arguments")
        precondition(words.count.isMultiple(of: 2), "addresses come before numbers")
        stored = (arguments.words, words.count)
        words += [0, 0]
        uses += arguments.uses
    }

    mutating func number(_ value: UInt32) { words.append(value) }
    mutating func real(_ value: Float) { words.append(value.bitPattern) }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer, StoredArguments?) throws -> Result) rethrows -> Result {
        try words.withUnsafeBytes { pushed in
            guard let stored else { return try body(pushed, nil) }
            return try stored.words.withUnsafeBytes {
                try body(pushed, StoredArguments(bytes: $0, addressOffset: stored.place * MemoryLayout<UInt32>.stride))
            }
        }
    }
}

extension VulkanBackend {
    /// Records a kernel.
    /// - Parameters:
    ///   - name: Family, shader and variant.
    ///   - activations: The type of all activations, f32 or f16.
    ///   - constants: Specialization constants from 4 on.
    ///   - usesFullSubgroups: Whether every subgroup must have all its lanes.
    ///   - operation: The name in errors and profiles.
    func run(
        _ name: String, activations: DType = .f32, constants: [UInt32] = [], usesFullSubgroups: Bool = false, _ launch: Launch,
        _ arguments: KernelArguments, _ operation: String
    ) throws {
        try run(
            name, types: ActivationTypes(activations), constants: constants, usesFullSubgroups: usesFullSubgroups, launch, arguments,
            operation)
    }

    /// Records a kernel whose activations are of several types.
    func run(
        _ name: String, types: ActivationTypes, constants: [UInt32] = [], usesFullSubgroups: Bool = false, _ launch: Launch,
        _ arguments: KernelArguments, _ operation: String
    ) throws {
        try translatingErrors(operation) {
            let pipeline = try kernels.pipeline(
                name, groupSize: launch.groupSize, types: types, constants: constants, usesFullSubgroups: usesFullSubgroups)
            try arguments.withBytes {
                try stream.dispatch(
                    pipeline, arguments: $0, stored: $1, uses: arguments.uses, groups: launch.groups, label: operation)
            }
        }
    }

    /// A number of elements as kernels count them.
    /// - Throws: ``TensorError/invalidOption(operation:detail:)`` from 2³² on.
    func count(_ count: Int, _ operation: String) throws -> UInt32 {
        guard let number = UInt32(exactly: count), number < UInt32.max else {
            throw TensorError.invalidOption(
                operation: operation, detail: "\(count) elements are more than a kernel can index (2³² − 2); split the batch")
        }
        return number
    }

    /// The number of elements of a tensor.
    func count(_ tensor: Tensor, _ operation: String) throws -> UInt32 { try count(tensor.shape.count, operation) }
}
