import Tensors

extension VulkanBackend {
    public func elementwise(_ operation: ElementwiseOperation) throws {
        let name = operation.function.name
        let walk = operation.walk
        let result = operation.operands.count
        let operands = try operation.operands.enumerated().map {
            try place(of: $1, name).from(element: walk.offsets[$0], of: $1.dtype)
        }
        for tensor in operation.operands { _ = try count(tensor, name) }
        let output = try place(of: operation.output, name)

        // Eight elements at a time where all rows begin at multiples of 16 bytes; a single row may end anywhere.
        let isWide =
            family == .tiles && output.isAligned(to: 16) && (walk.extents.count == 1 || walk.innerExtent % 8 == 0)
            && operands.indices.allSatisfy { operand in
                walk.innerStep(operand) == 0
                    || operands[operand].isAligned(to: 16) && walk.steps[operand].dropLast().allSatisfy { $0 % 8 == 0 }
            }
        let width = isWide ? 8 : 1
        let groups = (walk.innerExtent + width - 1) / width

        var arguments = KernelArguments()
        for operand in 0..<3 { arguments.buffer(operand < result ? operands[operand] : operands[0], .read) }
        arguments.buffer(output, .write)
        arguments.number(UInt32(groups * walk.stretches))
        arguments.number(try count(operation.output, name))
        let (first, second) = operation.function.numbers
        arguments.real(first)
        arguments.real(second)
        arguments.numbers([groups] + walk.extents.dropLast().reversed(), count: 5, filling: 1)
        for operand in 0..<3 {
            arguments.numbers(operand < result ? walk.steps[operand].dropLast().reversed() : [], count: 4, filling: 0)
        }
        let varying = operands.indices.reduce(0 as UInt32) { $0 | UInt32(walk.innerStep($1)) << UInt32($1) }
        let (number, activation) = operation.function.kernelNumbers
        let types = operation.operands.map(\.dtype)
        let activations = ActivationTypes(
            types[0], to: operation.output.dtype, types.count > 1 ? types[1] : nil, types.count > 2 ? types[2] : nil)
        try run(
            "elementwise/function", types: activations,
            constants: [number, activation, UInt32(walk.extents.count), UInt32(width), varying],
            launch(elements: groups * walk.stretches, iterations: walk.extents.count, name), arguments, name)
    }
}

extension ElementwiseFunction {
    /// The function and its activation in the shaders.
    fileprivate var kernelNumbers: (function: UInt32, activation: UInt32) {
        switch self {
        case .activation(let activation): (0, activation.kernelNumber)
        case .scale: (1, 0)
        case .clamp: (2, 0)
        case .add: (3, 0)
        case .subtract: (4, 0)
        case .multiply: (5, 0)
        case .gatedProduct(let activation): (6, activation.kernelNumber)
        case .multiplyAdd: (7, 0)
        }
    }

    /// The numbers that it has besides its operands.
    fileprivate var numbers: (Float, Float) {
        switch self {
        case .scale(let factor, let offset): (factor, offset)
        case .clamp(let low, let high): (low, high)
        case .multiplyAdd(let offset): (offset, 0)
        default: (0, 0)
        }
    }
}
