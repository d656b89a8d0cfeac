import CSimd
import Tensors

extension CPUBackend {
    public func linear(_ operation: LinearOperation) throws { try linears([operation]) }

    /// Products that go the same way share a round of the threads, and those of rounded activations the rounding.
    public func linears(_ operations: [LinearOperation]) throws {
        let name = "linear"
        var operands = operands(name)
        let x = UnsafePointer(try operands.input(operations[0].x))
        var products = try operations.map { operation in
            var linear = monge_linear()
            linear.x = x
            linear.rows = operation.rows
            linear.inputs = operation.inputChannels
            linear.type = operation.weight.dtype.kernelType
            linear.weight_row_bytes = operation.weight.dtype.byteCount(elements: operation.inputChannels)!
            linear.epilogue.channels = operation.outputChannels
            linear.epilogue.bias = try operation.bias.map { UnsafePointer(try floats(of: $0, name)) }
            linear.epilogue.activation = operation.activation.kernelActivation
            linear.epilogue.transport = try applied(operation.transport, on: operation.output.shape, name)
            linear.epilogue.residual = try operation.residual.map { UnsafePointer(try operands.input($0)) }
            linear.epilogue.output = try operands.output(operation.output)
            return linear
        }
        let (weights, methods) = (operations.map(\.weight), operations.map(method))
        try perform { [self, operands] in
            // Those that are in the order of products stay there.
            for index in products.indices where !products[index].interleaved { try setWeight(weights[index], of: &products[index]) }
            var first = 0
            while first < products.count {
                let end = methods[first...].firstIndex { $0 != methods[first] } ?? products.count
                try multiply(Array(products[first..<end]), methods[first])
                first = end
            }
            try operands.finish()
        }
    }

    private func multiply(_ products: [monge_linear], _ method: Method) throws {
        switch method {
        case .rounded: try roundedProducts(products)
        case .dot: try dotProducts(products)
        case .panels: try panelProducts(products)
        case .gemm:
            for product in products {
                try matrixProduct(product) { rows, _, _, panel, packed in kernels.pointee.pack(rows, panel, packed) }
            }
        }
    }

    /// How a product is computed. A row has the same bits whichever it is of the last three.
    private enum Method: Equatable {
        /// With activations rounded for the type of the weights.
        case rounded(DType)
        case dot
        case panels
        case gemm
    }

    private func method(_ operation: LinearOperation) -> Method {
        let dtype = operation.weight.dtype
        if precision == .fast, dtype.isQuantised { return .rounded(dtype) }
        return operation.rows <= Self.rowsOfDotProducts ? .dot : dtype.isQuantised ? .panels : .gemm
    }

    /// Tasks where weights are read once: enough of them that a core that is held up does not hold up the others, each some microseconds
    /// long, and of whole cache lines of output.
    func readOnce(_ products: [monge_linear]) -> ProductTasks {
        let bytes = products.reduce(0) { $0 + $1.epilogue.channels * $1.weight_row_bytes }
        let taskBytes = min(max(bytes / (workers.threads * 4), 24 << 10), 256 << 10)
        return ProductTasks(products) { max(1, taskBytes / max(1, $0.weight_row_bytes) / 16) * 16 }
    }

    /// Few rows: bound by the bytes of the weights, which are read once, in place.
    private func dotProducts(_ products: [monge_linear]) throws {
        let tasks = readOnce(products)
        let scratch = try threadScratch.take(Self.rowsOfDotProducts * tasks.mostChannels)
        workers.run(tasks.count) { task, thread in
            let (product, channels) = tasks[task]
            withUnsafePointer(to: products[product]) {
                kernels.pointee.dot($0, channels.lowerBound, channels.upperBound, scratch[thread])
            }
        }
    }
}

extension CPUBackend {
    /// Many rows: bound by arithmetic. Weights are decoded once for all of them, or for those of a task where channels are few.
    private func panelProducts(_ products: [monge_linear]) throws {
        let (rows, inputs) = (products[0].rows, products[0].inputs)
        // The decoded weights of a task stay in the second-level cache: at most a mebibyte.
        let taskChannels = max(6, min(MONGE_PANEL_CHANNELS, (1 << 18) / max(1, inputs) / 6 * 6))
        let tasks = ProductTasks(products) { _ in taskChannels }
        let parts = min((rows + 31) / 32, max(1, 4 * workers.threads / tasks.count))
        let scratch = try threadScratch.take(kernels.pointee.panel_scratch(taskChannels, inputs))
        workers.run(tasks.count * parts) { task, thread in
            let (product, channels) = tasks[task / parts]
            let part = task % parts
            withUnsafePointer(to: products[product]) {
                kernels.pointee.dot_panel(
                    $0, channels.lowerBound, channels.upperBound, rows * part / parts, rows * (part + 1) / parts, scratch[thread])
            }
        }
    }
}

/// The blocks of output channels of one product after another.
struct ProductTasks {
    private let parts: [(first: Int, channels: Int, taskChannels: Int)]
    let count: Int
    /// Of a task.
    let mostChannels: Int

    /// - Parameter most: The channels of a product's tasks.
    init(_ products: [monge_linear], most taskChannels: (monge_linear) -> Int) {
        var (count, most) = (0, 0)
        parts = products.map { product in
            let channels = product.epilogue.channels
            let taskChannels = taskChannels(product)
            defer { count += (channels + taskChannels - 1) / taskChannels }
            most = max(most, min(taskChannels, channels))
            return (count, channels, taskChannels)
        }
        self.count = count
        mostChannels = most
    }

    subscript(task: Int) -> (product: Int, channels: Range<Int>) {
        var index = parts.count - 1
        while parts[index].first > task { index -= 1 }
        let (part, first) = (parts[index], (task - parts[index].first) * parts[index].taskChannels)
        return (index, first..<min(first + part.taskChannels, part.channels))
    }
}
