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
        let weights = operations.map(\.weight)
        var (methods, first) = ([(Method, Range<Int>)](), 0)
        while first < operations.count {
            let method = method(operations[first])
            let end = operations[first...].firstIndex { self.method($0) != method } ?? operations.count
            methods.append((method, first..<end))
            first = end
        }
        let steered = products.first { $0.epilogue.transport.table != nil } ?? products[0]
        let reads = CPURecording.Reads(steered.epilogue.transport, rows: steered.rows, channels: steered.epilogue.channels)
        try perform(reads: reads) { [self, operands, methods] in
            try products.withUnsafeMutableBufferPointer { products in
                // Those that are in the order of products stay there.
                for index in products.indices where !products[index].interleaved { try setWeight(weights[index], of: &products[index]) }
                for (method, range) in methods { try multiply(Products(rebasing: products[range]), method) }
            }
            try operands.finish()
        }
    }

    private func multiply(_ products: Products, _ method: Method) throws {
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

    /// Calls `body` with tasks where weights are read once: enough of them that a core that is held up does not hold up the others, each some
    /// microseconds long, and of whole cache lines of output.
    func readOnce(_ products: Products, _ body: (ProductTasks) throws -> Void) rethrows {
        let bytes = products.reduce(0) { $0 + $1.epilogue.channels * $1.weight_row_bytes }
        let taskBytes = min(max(bytes / (workers.threads * 4), 24 << 10), 256 << 10)
        try ProductTasks.with(products, most: { max(1, taskBytes / max(1, $0.weight_row_bytes) / 16) * 16 }, body)
    }

    /// Few rows: bound by the bytes of the weights, which are read once, in place.
    private func dotProducts(_ products: Products) throws {
        struct Work: BitwiseCopyable {
            let tasks: ProductTasks
            let kernels: UnsafePointer<monge_kernels>
            let scratch: ThreadScratch.Parts

            func run(_ task: Int, _ thread: Int) {
                let (product, channels) = tasks[task]
                kernels.pointee.dot(product, channels.lowerBound, channels.upperBound, scratch[thread])
            }
        }
        try readOnce(products) { tasks in
            let scratch = try threadScratch.take(Self.rowsOfDotProducts * tasks.mostChannels)
            workers.run(tasks.count, with: Work(tasks: tasks, kernels: kernels, scratch: scratch)) {
                $0!.assumingMemoryBound(to: Work.self).pointee.run($1, Int($2))
            }
        }
    }

    /// Many rows: bound by arithmetic. Weights are decoded once for all of them, or for those of a task where channels are few.
    private func panelProducts(_ products: Products) throws {
        let (rows, inputs) = (products[0].rows, products[0].inputs)
        // The decoded weights of a task stay in the second-level cache: at most a mebibyte.
        let taskChannels = max(6, min(MONGE_PANEL_CHANNELS, (1 << 18) / max(1, inputs) / 6 * 6))
        try ProductTasks.with(products, most: { _ in taskChannels }) { tasks in
            let parts = min((rows + 31) / 32, max(1, 4 * workers.threads / tasks.count))
            let scratch = try threadScratch.take(kernels.pointee.panel_scratch(taskChannels, inputs))
            workers.run(tasks.count * parts) { task, thread in
                let (product, channels) = tasks[task / parts]
                let part = task % parts
                kernels.pointee.dot_panel(
                    product, channels.lowerBound, channels.upperBound, rows * part / parts, rows * (part + 1) / parts, scratch[thread])
            }
        }
    }
}

/// Products of one x, where kernels read them.
typealias Products = UnsafeBufferPointer<monge_linear>

/// The blocks of output channels of one product after another.
struct ProductTasks: BitwiseCopyable {
    private struct Part: BitwiseCopyable {
        let product: UnsafePointer<monge_linear>
        /// The tasks before it.
        let first: Int
        let taskChannels: Int
    }

    private let parts: UnsafePointer<Part>
    private let last: Int
    let count: Int
    /// Of a task.
    let mostChannels: Int

    /// Calls `body` with tasks, which are good until it returns.
    /// - Parameter most: The channels of a product's tasks.
    static func with(_ products: Products, most taskChannels: (monge_linear) -> Int, _ body: (ProductTasks) throws -> Void) rethrows {
        try withUnsafeTemporaryAllocation(of: Part.self, capacity: products.count) { parts in
            var (count, most) = (0, 0)
            for index in products.indices {
                let (channels, taskChannels) = (products[index].epilogue.channels, taskChannels(products[index]))
                parts.initializeElement(
                    at: index, to: Part(product: products.baseAddress! + index, first: count, taskChannels: taskChannels))
                count += (channels + taskChannels - 1) / taskChannels
                most = max(most, min(taskChannels, channels))
            }
            try body(
                ProductTasks(
                    parts: UnsafePointer(parts.baseAddress!), last: products.count - 1, count: count, mostChannels: most))
        }
    }

    subscript(task: Int) -> (product: UnsafePointer<monge_linear>, channels: Range<Int>) {
        var index = last
        while parts[index].first > task { index -= 1 }
        let part = parts[index]
        let first = (task - part.first) * part.taskChannels
        return (part.product, first..<min(first + part.taskChannels, part.product.pointee.epilogue.channels))
    }
}
