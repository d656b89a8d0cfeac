import Foundation

/// A sketch within a safetensors file of maps or activations: two f32 tensors, and the matrices' names as metadata.
extension WeightSketch {
    private static let (valuesName, stepsName, key) = ("sketch.values", "sketch.steps", "sketch")

    /// The tensors that hold the sketch.
    public var entries: [SafetensorsWriter.Entry] {
        [(Self.valuesName, matrices.flatMap(\.values)), (Self.stepsName, matrices.flatMap(\.steps))].map { name, values in
            SafetensorsWriter.Entry(name: name, shape: [values.count], floats: values)
        }
    }

    /// The metadata that belong to ``entries``.
    public var metadata: [String: String] {
        get throws { [Self.key: String(decoding: try JSONEncoder().encode(matrices.map(\.name)), as: UTF8.self)] }
    }

    /// Reads the sketch of a file; nil for a file that was written before there were sketches.
    /// - Throws: ``ModelFileError/malformed(file:detail:)`` for a sketch that contradicts itself.
    public init?(_ file: SafetensorsFile) throws(ModelFileError) {
        guard let text = file.metadata[Self.key] else { return nil }
        func malformed() -> ModelFileError { .malformed(file: file.name, detail: "the sketch of the model's weights contradicts itself") }
        guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)) else { throw malformed() }
        let values = try file.tensor(Self.valuesName).floats()
        let steps = try file.tensor(Self.stepsName).floats()
        guard values.count == names.count * Self.samples, steps.count == values.count,
            steps.allSatisfy({ $0.isFinite && $0 >= 0 })
        else { throw malformed() }
        self.init(
            names.enumerated().map { index, name in
                let range = index * Self.samples..<(index + 1) * Self.samples
                return Matrix(name: name, values: Array(values[range]), steps: Array(steps[range]))
            })
    }
}
