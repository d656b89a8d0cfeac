import CPUBackend
import Tensors
import Testing

/// Several maps in one epilogue against the same steps one by one: the same kernels on the same numbers, so the same bits.
@Suite struct ComposedMapsTests {
    @Test(arguments: [false, true]) func mapsActInTurnAndTheResidualComesLast(overwritesResidual: Bool) throws {
        let backends: [any Backend] = [ReferenceBackend(), try CPUBackend()]
        for backend in backends {
            let x = try backend.upload([1, -2, 0.5, 3, 0.25, -1], [2, 3])
            let weight = try backend.upload([0.5, 1, -1, 2, 0.25, 0.125], [2, 3])
            let residual = try backend.upload([Float(10), 20, 30, 40], [2, 2])
            let strength = try backend.upload([Float(1)])
            let index = try backend.upload([Int32(1)])
            let maps = try [(Float(2), Float(1)), (-1, 0.5), (0.5, -3)].map { omega, beta in
                let row = [omega, beta, -Float.infinity, .infinity]
                return TransportApplication(
                    table: try backend.upload(row + row + row + row, [2, 2, 4]), indices: index, strengths: strength)
            }
            var stepwise = try backend.linear(x, weight: weight)
            for map in maps { stepwise = try backend.transport(stepwise, by: map) }
            let unjoined = try backend.readFloats(stepwise)
            #expect(try backend.readFloats(backend.linear(x, weight: weight, epilogue: Epilogue(transports: maps))) == unjoined)
            let expected = try backend.readFloats(backend.add(stepwise, residual))
            let joined = try backend.linear(
                x, weight: weight, epilogue: Epilogue(transports: maps, residual: residual), into: overwritesResidual ? residual : nil)
            #expect(try backend.readFloats(joined) == expected)
            #expect(unjoined != expected)
        }
    }
}
