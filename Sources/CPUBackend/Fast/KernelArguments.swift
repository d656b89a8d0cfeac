import CSimd
import Tensors

extension DType {
    /// The weight type as the kernels call it.
    /// - Precondition: the type is a weight's.
    var kernelType: monge_weight_type {
        switch self {
        case .f32: MONGE_F32
        case .f16: MONGE_F16
        case .bf16: MONGE_BF16
        case .q4_0: MONGE_Q4_0
        case .q4_1: MONGE_Q4_1
        case .q5_0: MONGE_Q5_0
        case .q5_1: MONGE_Q5_1
        case .q8_0: MONGE_Q8_0
        case .q4_K: MONGE_Q4_K
        case .q5_K: MONGE_Q5_K
        case .q6_K: MONGE_Q6_K
        case .i32: preconditionFailure("an index is not a weight")
        }
    }
}

extension Activation {
    /// The activation as the kernels call it.
    var kernelActivation: monge_activation {
        switch self {
        case .identity: MONGE_IDENTITY
        case .silu: MONGE_SILU
        case .gelu: MONGE_GELU
        case .geluTanh: MONGE_GELU_TANH
        case .geluQuick: MONGE_GELU_QUICK
        case .relu: MONGE_RELU
        case .sigmoid: MONGE_SIGMOID
        case .tanh: MONGE_TANH
        }
    }
}

extension monge_function {
    init(_ function: ElementwiseFunction) {
        self.init()
        switch function {
        case .activation(let which): (kind, activation) = (MONGE_FUNCTION_ACTIVATION, which.kernelActivation)
        case .scale(let factor, let offset): (kind, first, second) = (MONGE_FUNCTION_SCALE, factor, offset)
        case .clamp(let low, let high): (kind, first, second) = (MONGE_FUNCTION_CLAMP, low, high)
        case .add: kind = MONGE_FUNCTION_ADD
        case .subtract: kind = MONGE_FUNCTION_SUBTRACT
        case .multiply: kind = MONGE_FUNCTION_MULTIPLY
        case .gatedProduct(let which): (kind, activation) = (MONGE_FUNCTION_GATED_PRODUCT, which.kernelActivation)
        case .multiplyAdd(let offset): (kind, first) = (MONGE_FUNCTION_MULTIPLY_ADD, offset)
        }
    }
}

extension monge_transport {
    /// The application's tables as the kernels read them; for nil, one that leaves every row as it is.
    /// - Parameter shape: That of the activation the map acts on.
    init(_ transport: TransportApplication?, on shape: Shape, _ operation: String) throws {
        self.init()
        (rows_per_index, rows_per_strength) = (1, 1)
        guard let transport else { return }
        if let clusters = transport.clusters {
            // What chooses the map of a row is the same; its numbers lie elsewhere.
            maps = clusters.weights.shape[0]
            channels = clusters.weights.shape[2]
        } else {
            let table = try transport.affineTable(operation)
            self.table = UnsafePointer(try table.hostFloats(operation))
            maps = table.shape[0]
            channels = table.shape[1]
        }
        indices = UnsafePointer(try transport.indices.hostIntegers(operation))
        strengths = UnsafePointer(try transport.strengths.hostFloats(operation))
        rows_per_index = TransportApplication.rowsSharing(transport.indices.shape.count, of: shape)
        rows_per_strength = TransportApplication.rowsSharing(transport.strengths.shape.count, of: shape)
    }
}
