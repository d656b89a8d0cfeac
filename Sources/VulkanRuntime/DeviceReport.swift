/// What a device is and can do, and why it cannot be used if it cannot.
public struct DeviceReport: Sendable, Codable, Equatable {
    public enum Kind: String, Sendable, Codable {
        case discrete
        case integrated
        case virtual
        /// A driver that computes on the CPU, such as llvmpipe.
        case cpu
        case other
    }

    public struct Version: Sendable, Codable, Equatable, Comparable, CustomStringConvertible {
        public let major, minor, patch: Int

        public init(major: Int, minor: Int, patch: Int) {
            (self.major, self.minor, self.patch) = (major, minor, patch)
        }

        /// From the packed form (Vulkan specification, "Version Numbers").
        init(packed: UInt32) {
            self.init(major: Int(packed >> 22 & 0x7F), minor: Int(packed >> 12 & 0x3FF), patch: Int(packed & 0xFFF))
        }

        var packed: UInt32 { UInt32(major) << 22 | UInt32(minor) << 12 | UInt32(patch) }

        public static func < (a: Version, b: Version) -> Bool { (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch) }

        public var description: String { "\(major).\(minor).\(patch)" }
    }

    public struct Heap: Sendable, Codable, Equatable {
        public let byteCount: Int
        public let isDeviceLocal: Bool
        /// What this process may use of it, in bytes, when the driver tells.
        public let budget: Int?

        public init(byteCount: Int, isDeviceLocal: Bool, budget: Int?) {
            (self.byteCount, self.isDeviceLocal, self.budget) = (byteCount, isDeviceLocal, budget)
        }
    }

    /// Limits that matter to kernels. Sizes in bytes, times in nanoseconds.
    public struct Limits: Sendable, Codable, Equatable {
        public var subgroupSize = 32
        public var smallestSubgroupSize = 32
        public var largestSubgroupSize = 32
        /// Whether compute pipelines may ask for one of these sizes.
        public var canRequestSubgroupSize = false
        public var sharedMemory = 32768
        public var workGroupInvocations = 1024
        public var workGroupSize = [1024, 1024, 64]
        public var workGroupCount = [65535, 65535, 65535]
        public var pushConstants = 128
        public var timestampPeriod = 1.0
        /// Valid bits of a timestamp on the compute queue; 0 when it has none.
        public var timestampBits = 64
        public var largestAllocation = 1 << 30
        public var largestBuffer = 1 << 30

        public init() {}
    }

    /// A product that tensor cores do: a (rows × depth) · b (depth × columns) + c, by one subgroup.
    public struct MatrixShape: Sendable, Codable, Equatable {
        public let rows, columns, depth: Int
        /// Component types, as `f16`, `f32`, `i8`, `u32`.
        public let a, b, c, result: String
        /// The whole subgroup, or another scope of invocations, works together.
        public let isSubgroupScope: Bool

        public init(rows: Int, columns: Int, depth: Int, a: String, b: String, c: String, result: String, isSubgroupScope: Bool) {
            (self.rows, self.columns, self.depth) = (rows, columns, depth)
            (self.a, self.b, self.c, self.result) = (a, b, c, result)
            self.isSubgroupScope = isSubgroupScope
        }
    }

    /// A product that tensor cores do by a whole work-group: rows, columns and depth are multiples of these.
    public struct WorkgroupMatrixShape: Sendable, Codable, Equatable {
        public let rows, columns, depth: Int
        /// Component types, as those of ``MatrixShape``.
        public let a, b, c, result: String
        /// The invocations of the work-group.
        public let invocations: Int

        public init(rows: Int, columns: Int, depth: Int, a: String, b: String, c: String, result: String, invocations: Int) {
            (self.rows, self.columns, self.depth) = (rows, columns, depth)
            (self.a, self.b, self.c, self.result) = (a, b, c, result)
            self.invocations = invocations
        }
    }

    /// The place in the list of devices, which `vulkan:N` names.
    public var index: Int
    public var name: String
    public var kind: Kind
    public var vendor: String
    public var driverName: String
    public var driverVersion: String
    /// Identifies the driver's build, in hexadecimal: caches of compiled pipelines depend on it.
    public var driverUUID: String
    /// Identifies the device, in hexadecimal.
    public var deviceUUID: String
    /// Processors that work-groups are dealt out to (streaming multiprocessors, compute units), where the driver tells.
    public var processors: Int?
    public var apiVersion: Version
    public var limits: Limits
    public var heaps: [Heap]
    public var features: Set<DeviceFeature>
    public var matrixShapes: [MatrixShape]
    public var workgroupMatrixShapes: [WorkgroupMatrixShape]
    /// Whether a queue family can compute.
    public var canCompute: Bool

    public init(
        index: Int, name: String, kind: Kind, vendor: String = "", driverName: String = "", driverVersion: String = "",
        driverUUID: String = "", deviceUUID: String = "", processors: Int? = nil,
        apiVersion: Version = Version(major: 1, minor: 3, patch: 0), limits: Limits = Limits(),
        heaps: [Heap] = [], features: Set<DeviceFeature> = DeviceFeature.required, matrixShapes: [MatrixShape] = [],
        workgroupMatrixShapes: [WorkgroupMatrixShape] = [],
        canCompute: Bool = true
    ) {
        self.index = index
        self.name = name
        self.kind = kind
        self.vendor = vendor
        self.driverName = driverName
        self.driverVersion = driverVersion
        self.driverUUID = driverUUID
        self.deviceUUID = deviceUUID
        self.processors = processors
        self.apiVersion = apiVersion
        self.limits = limits
        self.heaps = heaps
        self.features = features
        self.matrixShapes = matrixShapes
        self.workgroupMatrixShapes = workgroupMatrixShapes
        self.canCompute = canCompute
    }

    /// Whether the driver computes on the CPU. Such a device is right and slow, and only used when asked for.
    public var isSoftware: Bool { kind == .cpu }

    /// Memory that the device owns, in bytes.
    public var deviceMemory: Int { heaps.filter(\.isDeviceLocal).reduce(0) { $0 + $1.byteCount } }

    /// Why the device cannot be used; empty when it can.
    public var refusals: [String] {
        var reasons: [String] = []
        if apiVersion < Version(major: 1, minor: 3, patch: 0) { reasons.append("it has Vulkan \(apiVersion) and 1.3 is needed") }
        if !canCompute { reasons.append("it has no queue for compute") }
        if limits.pushConstants < 128 { reasons.append("it has \(limits.pushConstants) bytes of push constants and 128 are needed") }
        let missing = DeviceFeature.required.subtracting(features).map(\.rawValue).sorted()
        if !missing.isEmpty { reasons.append("it lacks \(missing.joined(separator: ", "))") }
        return reasons
    }
}

/// A device that was not chosen, and why.
public struct DeviceRefusal: Sendable, Equatable, CustomStringConvertible {
    public let index: Int
    public let name: String
    public let reasons: [String]

    public init(index: Int, name: String, reasons: [String]) {
        (self.index, self.name, self.reasons) = (index, name, reasons)
    }

    public var description: String { "\(index) (\(name)): \(reasons.joined(separator: ", "))" }
}
