import Foundation
import Models
import Monge
import Tensors
import Testing
import VulkanBackend

/// A key-value cache in f16.
@Suite(.serialized) struct HalfCacheTests {
    /// Against transformers in Float64, which rounds nothing.
    ///
    /// A key or value is rounded by at most 2⁻¹¹ of its size where f32 rounds by 2⁻²⁴, so that to first order what all roundings to f32
    /// do to the logits, which is what rounding keys and values alone does and more, grows by 2¹³ at most. In PyTorch they change a logit by
    /// the fixture's `float32_difference`, 1.1e-4: the bound is 2¹³ times that, 0.9, of logits up to 30. A top token may change
    /// where its margin is below twice the bound.
    @Test func logitsStayWithinTheRoundingOfKeysAndValues() throws {
        let fixture = try TestModel.file("smollm2/logits.safetensors")
        let difference = try #require(fixture.metadata["float32_difference"].flatMap(Float.init))
        let bound = 0x1p13 * difference
        for device in [DeviceChoice.cpu, .vulkanIndex(0)] {
            let model = try Model.load("smollm2", device: device, cache: .f16)
            let width = model.language.vocabularySize
            var largest: Float = 0
            for key in ["00", "01"] {
                let ids = try fixture.integers("\(key).ids")
                let logits = try model.logits(of: ids)
                let (indices, expected) = (try fixture.integers("\(key).indices"), try fixture.floats("\(key).logits"))
                let (top, margins) = (try fixture.integers("\(key).top"), try fixture.floats("\(key).margins"))
                for position in ids.indices {
                    let row = Array(logits[position * width..<(position + 1) * width])
                    for (column, index) in indices.enumerated() {
                        let error = abs(row[Int(index)] - expected[position * indices.count + column])
                        largest = error.isNaN ? .infinity : max(largest, error)
                    }
                    let best = try #require(row.indices.max { row[$0] < row[$1] })
                    #expect(best == Int(top[position]) || margins[position] <= 2 * bound)
                }
            }
            #expect(largest <= bound, "\(device): \(largest)")
            // Were nothing rounded, the differences would be those of f32.
            #expect(largest > 2 * difference, "\(device): \(largest)")
        }
    }

    /// What enters the cache is the f16 number next to each key, and what attends reads that: attention over an f16 cache is attention
    /// over an f32 cache of rounded numbers, bit for bit.
    @Test func aHalfCacheIsACacheOfRoundedNumbers() throws {
        for device in [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)] {
            let backend = try device.open()
            let shape: Shape = [7, 2, 40]
            let rows = (0..<shape.count).map { Float($0 * 7919 % 4093) / 1000 - 2 }
            let (whole, rounded, half) = (
                try backend.upload(rows, shape), try backend.upload(rows.map { Float(Float16($0)) }, shape),
                try backend.allocate([1, 9, 2, 40], .f16)
            )
            let places = try backend.upload([2, 0, 1, 3, 6, 5, 4] as [Int32])
            try backend.scatterRows(whole, into: half.reshaped([9, 2, 40]), at: places)
            let single = try backend.allocate([1, 9, 2, 40], .f32)
            try backend.scatterRows(rounded, into: single.reshaped([9, 2, 40]), at: places)
            let queries = try backend.upload(Array(rows.prefix(4 * 40)), [1, 1, 4, 40])
            let results = try [half, single].map {
                try backend.readFloats(backend.attention(queries, keys: $0, values: $0, keyLengths: [7])).map(\.bitPattern)
            }
            #expect(results[0] == results[1], "\(device)")
        }
    }

    @Test func generationRunsWithIt() throws {
        let options = GenerationOptions(tokens: 12, temperature: 0)
        let texts = try [DType.f32, .f16].map { cache in
            try Model.load("smollm2", device: .cpu, cache: cache).generate("The capital of France is", options: options)
        }
        #expect(texts[1].contains("Paris"))
        #expect(texts[0] == texts[1])
    }

    @Test func otherTypesAreRefused() throws {
        #expect {
            try Model.load("smollm2", device: .cpu, cache: .q8_0)
        } throws: {
            ($0 as? ModelError)?.description.contains("key-value cache of q8_0") == true
        }
    }
}
