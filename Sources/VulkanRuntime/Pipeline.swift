import CVulkan

/// A kernel compiled for the device with its specialization constants.
package final class Pipeline: @unchecked Sendable {
    /// The kernel's name.
    package let name: String
    /// Invocations in a work group along x, y and z.
    package let workGroupSize: (Int, Int, Int)

    let handle: VkPipeline
    private let context: DeviceContext

    init(_ context: DeviceContext, name: String, workGroupSize: (Int, Int, Int), handle: VkPipeline) {
        self.context = context
        self.name = name
        self.workGroupSize = workGroupSize
        self.handle = handle
    }

    deinit {
        context.functions.destroyPipeline(context.handle, handle, nil)
    }
}
