import CSimd

extension CPUBackend {
    /// A convolution where each channel has a kernel of its own. Tasks are some rows of the result and some channels, so that a strip of
    /// the image stays in the nearest caches.
    func depthwise(_ product: monge_linear, _ patches: monge_patches, images: Int) throws {
        let channels = product.epilogue.channels
        let (taskRows, taskChannels) = (min(16, patches.output_height), min(256, channels))
        let strips = (patches.output_height + taskRows - 1) / taskRows
        let blocks = (channels + taskChannels - 1) / taskChannels
        let packed = try packedScratch.take(kernels.pointee.depthwise_packed(channels, product.inputs), of: Float.self)
        try withUnsafePointer(to: product) { product in
            try withUnsafePointer(to: patches) { patches in
                workers.ranges(channels, cost: product.pointee.inputs, multiple: 16) { range, _ in
                    kernels.pointee.depthwise_weights(product, range.lowerBound, range.upperBound, packed)
                }
                func rows(_ strip: Int) -> Range<Int> { strip * taskRows..<min((strip + 1) * taskRows, patches.pointee.output_height) }
                let most = (0..<strips).map {
                    kernels.pointee.depthwise_scratch(patches, rows($0).lowerBound, rows($0).upperBound, taskChannels)
                }.max()!
                let scratch = try threadScratch.take(most)
                workers.run(images * strips * blocks) { task, thread in
                    let (image, strip, first) = (task / blocks / strips, task / blocks % strips, task % blocks * taskChannels)
                    kernels.pointee.depthwise(
                        product, patches, packed, image, rows(strip).lowerBound, rows(strip).upperBound, first,
                        min(first + taskChannels, channels), scratch[thread])
                }
            }
        }
    }
}
