/// What a driver made of a kernel (`VK_KHR_pipeline_executable_properties`).
///
/// Every driver counts what it likes, under names of its own; the properties below find the counts that most of them have.
public struct PipelineDescription: Sendable, Codable, Equatable {
    /// A number that the driver tells.
    public struct Statistic: Sendable, Codable, Equatable {
        public var name: String
        public var value: Double

        public init(name: String, value: Double) {
            self.name = name
            self.value = value
        }
    }

    /// A form of the kernel on its way to the machine: the driver's own language, or the listing of the machine code.
    public struct Form: Sendable, Equatable {
        public var name: String
        public var text: String

        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    /// Family, shader and variant: `linear/matvec-q4_0`.
    public var kernel: String
    /// The specialization constants, the first three of which are the work-group's size.
    public var constants: [UInt32]
    public var subgroupSize: Int
    /// What the driver took to compile it, in seconds.
    public var compileSeconds: Double
    /// In the driver's order.
    public var statistics: [Statistic]
    /// In the order of compilation; empty unless ``DeviceOptions/keepsPipelineForms``. Not encoded.
    public var forms: [Form] = []

    private enum CodingKeys: CodingKey {
        case kernel, constants, subgroupSize, compileSeconds, statistics
    }

    public init(
        kernel: String, constants: [UInt32], subgroupSize: Int, compileSeconds: Double, statistics: [Statistic], forms: [Form] = []
    ) {
        self.kernel = kernel
        self.constants = constants
        self.subgroupSize = subgroupSize
        self.compileSeconds = compileSeconds
        self.statistics = statistics
        self.forms = forms
    }

    /// Instructions of the machine, nil where the driver does not count them.
    public var instructions: Int? { value(of: ["Instructions", "Instruction count", "Instruction Count"]) }

    /// Registers of an invocation, of the vector kind where there are two.
    public var registers: Int? { value(of: ["VGPRs", "Number of GPRs", "GPRs", "Registers used", "Max live registers", "Register Count"]) }

    /// Shared memory of a work-group, in bytes.
    public var sharedMemory: Int? { value(of: ["LDS size", "Workgroup Memory Size"]) }

    /// How often registers are stored to memory for lack of them, or the bytes of memory that stand in for registers.
    public var spills: Int? {
        let names = [
            "Spilled SGPRs", "Spilled VGPRs", "Scratch size", "Spills to memory", "SLM size", "Spills", "Scratch", "Scratch Memory Size",
            "STP Count", "Stack Size", "Local Memory Size",
        ]
        let found = names.compactMap { value(of: [$0]) }
        return found.isEmpty ? nil : found.reduce(0, +)
    }

    /// The most subgroups, or invocations, that a processor holds at once, in the driver's own measure.
    public var occupancy: Int? { value(of: ["Subgroups per SIMD", "Max warps/SM", "Threads", "Max Waves Per Core", "Max dispatch width"]) }

    private func value(of names: [String]) -> Int? {
        names.lazy.compactMap { name in statistics.first { $0.name == name } }.first.map { Int(exactly: $0.value.rounded()) ?? .max }
    }
}
