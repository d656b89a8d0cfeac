import ModelFiles
import Tensors

/// A residual network that names what a picture shows (He et al. 2016).
///
/// It reads like `ResNetForImageClassification` of transformers. Norms over batches are folded into the convolutions before them.
public final class ResNetClassifier {
    public let backend: any Backend
    /// In the order of ``logits(_:)``'s columns.
    public let labels: [String]
    private let activation: Activation
    private let embedder: ConvolutionLayer
    private let layers: [ResNetLayer]
    private let classifier: LinearLayer

    public init(_ folder: HuggingFaceFolder, on backend: any Backend) throws {
        let settings = try ResNetConfiguration(folder.config)
        let weights = FileWeights(folder)
        self.backend = backend
        labels = settings.labels
        activation = settings.activation
        let store = ComponentStore(WeightStore(on: backend), "classifier", quantisation: .none)
        let m = ModuleLoader(weights, sitePath: nil, register: SiteRegister(), in: store)
        embedder = try m["resnet.embedder.embedder"].normedConvolution(settings.pictureChannels, settings.embedding, kernel: 7)
        var layers: [ResNetLayer] = []
        var inputs = settings.embedding
        for (stage, (outputs, depth)) in zip(settings.channels, settings.depths).enumerated() {
            for index in 0..<depth {
                let stride = index == 0 && (stage > 0 || settings.reducesInFirstStage) ? 2 : 1
                layers.append(
                    try ResNetLayer(
                        m["resnet.encoder.stages.\(stage).layers", index], inputs: inputs, outputs: outputs, stride: stride, settings))
                inputs = outputs
            }
        }
        self.layers = layers
        classifier = try m["classifier.1"].linear(inputs, settings.labels.count)
        weights.ignore(weights.unused.filter { $0.hasSuffix(".num_batches_tracked") })
        try weights.refuseUnused(architecture: "ResNetForImageClassification")
    }

    /// - Parameter pictures: `[pictures, height, width, 3]` f32, prepared as the model was trained.
    /// - Returns: `[pictures, labels]` f32, the larger the likelier.
    public func logits(_ pictures: Tensor) throws -> Tensor {
        var x = try backend.maximumOfNeighbours(embedder(pictures, stride: 2, activation: activation, on: backend))
        for layer in layers { x = try layer(x, on: backend) }
        return try classifier(backend.reduce(x, .mean, axes: 1...2), on: backend)
    }

    /// The probability of each label, a row a picture.
    public func probabilities(_ pictures: Tensor) throws -> [[Float]] {
        let numbers = try backend.readFloats(backend.softmax(logits(pictures)))
        return stride(from: 0, to: numbers.count, by: labels.count).map { Array(numbers[$0..<$0 + labels.count]) }
    }
}

/// Convolutions whose result is added to the input.
private struct ResNetLayer {
    private let convolutions: [(layer: ConvolutionLayer, stride: Int)]
    /// Where the extents differ.
    private let shortcut: ConvolutionLayer?
    private let stride: Int
    /// Of the sum; within the layer it is ReLU whatever the settings say, as in transformers.
    private let activation: Activation

    init(_ m: ModuleLoader, inputs: Int, outputs: Int, stride: Int, _ settings: ResNetConfiguration) throws {
        self.stride = stride
        activation = settings.activation
        shortcut = inputs == outputs && stride == 1 ? nil : try m["shortcut"].normedConvolution(inputs, outputs, kernel: 1)
        let shapes: [(inputs: Int, outputs: Int, kernel: Int, stride: Int)]
        switch settings.kind {
        case .basic: shapes = [(inputs, outputs, 3, stride), (outputs, outputs, 3, 1)]
        case .bottleneck:
            let (narrow, isFirst) = (outputs / 4, settings.reducesInBottleneck)
            guard narrow > 0 else { throw ModelError.invalidConfiguration("hidden_sizes has \(outputs), a bottleneck needs at least 4") }
            shapes = [(inputs, narrow, 1, isFirst ? stride : 1), (narrow, narrow, 3, isFirst ? 1 : stride), (narrow, outputs, 1, 1)]
        }
        convolutions = try shapes.enumerated().map { index, shape in
            (try m["layer", index].normedConvolution(shape.inputs, shape.outputs, kernel: shape.kernel), shape.stride)
        }
    }

    func callAsFunction(_ x: Tensor, on backend: any Backend) throws -> Tensor {
        var h = x
        for (layer, stride) in convolutions.dropLast() { h = try layer(h, stride: stride, activation: .relu, on: backend) }
        let residual = try shortcut.map { try $0(x, stride: stride, on: backend) } ?? x
        let sum = try convolutions.last!.layer(h, stride: convolutions.last!.stride, residual: residual, on: backend)
        return try backend.activation(sum, activation)
    }
}

extension ModuleLoader {
    /// A convolution without a bias and the norm over batches behind it (Ioffe & Szegedy 2015), as one: with gain γ, bias β, mean m and variance v
    /// of what training saw, `W' = W · γ / √(v + 1e-5)` and `b' = β − m · γ / √(v + 1e-5)`.
    fileprivate func normedConvolution(_ inputs: Int, _ outputs: Int, kernel: Int) throws -> ConvolutionLayer {
        let convolution = self["convolution"]
        let stored = try weights.required(convolution.name("weight"), shape: [outputs, inputs, kernel, kernel])
        let values = try stored.floats(name: convolution.name("weight"))
        let norm = self["normalization"]
        func vector(_ name: String) throws -> [Double] { try weights.vector(norm.name(name), channels: outputs).map(Double.init) }
        let (gain, bias) = (try vector("weight"), try vector("bias"))
        let (mean, variance) = (try vector("running_mean"), try vector("running_var"))
        let factors = zip(gain, variance).map { $0 / ($1 + 1e-5).squareRoot() }
        let perOutput = inputs * kernel * kernel
        let folded = values.enumerated().map { Float(Double($1) * factors[$0 / perOutput]) }
        let permuted = try folded.withUnsafeBytes { try ConvolutionWeights.fromConv($0, stored.shape, .f32) }
        return ConvolutionLayer(
            weight: LayerWeight(try backend.upload(permuted.bytes, permuted.shape, .f32)),
            bias: try backend.upload((0..<outputs).map { Float(bias[$0] - mean[$0] * factors[$0]) }), kernel: kernel)
    }
}

extension Backend {
    /// The largest of each 3 × 3 pixels, at every second one along both sides: `MaxPool2d(kernel_size=3, stride=2, padding=1)` of PyTorch.
    /// - Parameter x: `[images, height, width, channels]`.
    fileprivate func maximumOfNeighbours(_ x: Tensor) throws -> Tensor {
        let (images, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
        let (rows, columns) = ((height + 1) / 2, (width + 1) / 2)
        // Beyond an edge the edge's own pixel stands again, which changes no maximum.
        func neighbours(_ place: Int, _ extent: Int) -> [Int] { (-1...1).map { min(max(2 * place + $0, 0), extent - 1) } }
        var indices: [Int32] = []
        indices.reserveCapacity(images * rows * columns * 9)
        for image in 0..<images {
            for row in 0..<rows {
                for column in 0..<columns {
                    for y in neighbours(row, height) {
                        for x in neighbours(column, width) { indices.append(Int32((image * height + y) * width + x)) }
                    }
                }
            }
        }
        let gathered = try gatherRows(x.reshaped([images * height * width, channels]), at: upload(indices))
        return try reduce(gathered.reshaped([images, rows, columns, 9, channels]), .max, axis: 3)
    }
}
