import CPUBackend
import CSimd
import Foundation
import Tensors
import Testing

/// Planes moved by the kernels of every instruction set, and whole permutations that take more than one block.
@Suite struct FastMovementTests {
    /// Memory whose last byte lies before a page that cannot be touched.
    private final class GuardedMemory {
        let end: UnsafeMutableRawPointer
        private let base: UnsafeMutableRawPointer
        private let length: Int

        init(byteCount: Int) throws {
            let page = sysconf(Int32(_SC_PAGESIZE))
            length = (byteCount + page - 1) / page * page + page
            base = try #require(mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
            try #require(base != UnsafeMutableRawPointer(bitPattern: -1))
            try #require(mprotect(base + (length - page), page, PROT_NONE) == 0)
            end = base + (length - page)
        }

        deinit { munmap(base, length) }
    }

    /// Moves a plane whose source and destination end where memory does, and compares with one element at a time.
    private func check<Element: FixedWidthInteger>(
        _ set: UInt32, _ type: Element.Type, _ from: monge_steps, _ to: monge_steps, rows: Int, columns: Int
    ) throws {
        func extent(_ steps: monge_steps) -> Int { (rows - 1) * steps.row + (columns - 1) * steps.column + 1 }
        let size = MemoryLayout<Element>.size
        let (sourceMemory, placeMemory) = (
            try GuardedMemory(byteCount: extent(from) * size), try GuardedMemory(byteCount: extent(to) * size)
        )
        let source = (sourceMemory.end - extent(from) * size).assumingMemoryBound(to: Element.self)
        let place = (placeMemory.end - extent(to) * size).assumingMemoryBound(to: Element.self)
        for index in 0..<extent(from) { source[index] = Element(truncatingIfNeeded: index &* 40503 &+ 1) }
        var expected = [Element](repeating: 0, count: extent(to))
        for row in 0..<rows {
            for column in 0..<columns { expected[row * to.row + column * to.column] = source[row * from.row + column * from.column] }
        }
        monge_kernels_for(monge_instruction_set(set)).pointee.move_plane(size, source, from, place, to, rows, columns)
        #expect(Array(UnsafeBufferPointer(start: place, count: extent(to))) == expected, "\(type) [\(rows), \(columns)]")
    }

    private static let extents = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 50]

    /// Odd numbers of rows and columns, with and without gaps between the lines of either side.
    @Test(arguments: FastHalfTests.sets, extents)
    func transposedPlanes(set: UInt32, rows: Int) throws {
        for columns in Self.extents {
            for (sourceGap, gap) in [(0, 0), (5, 0), (0, 3), (100, 70)] {
                let (from, to) = (monge_steps(row: 1, column: rows + sourceGap), monge_steps(row: columns + gap, column: 1))
                try check(set, UInt32.self, from, to, rows: rows, columns: columns)
                try check(set, UInt16.self, from, to, rows: rows, columns: columns)
            }
        }
    }

    /// Rows that stay rows, one row for all, one element for all, and elements apart on both sides.
    @Test(arguments: FastHalfTests.sets, extents + [64, 127, 128, 200])
    func otherPlanes(set: UInt32, columns: Int) throws {
        for (from, to) in [
            ((columns, 1), (columns + 2, 1)), ((0, 1), (columns, 1)), ((1, 0), (columns, 1)), ((3 * columns, 3), (2 * columns, 2)),
        ] {
            let (from, to) = (monge_steps(row: from.0, column: from.1), monge_steps(row: to.0, column: to.1))
            try check(set, UInt32.self, from, to, rows: 5, columns: columns)
            try check(set, UInt16.self, from, to, rows: 5, columns: columns)
        }
    }

    private static let permuted: [([Int], [Int])] = [
        ([300, 270], [1, 0]), ([517, 3], [1, 0]), ([3, 517], [1, 0]), ([2, 260, 7, 5], [0, 3, 1, 2]), ([2, 5, 261, 7], [0, 2, 3, 1]),
        ([9, 4, 33, 12], [2, 3, 0, 1]), ([6, 7, 8, 9, 10], [4, 2, 0, 3, 1]), ([5, 3, 6, 3, 17], [0, 1, 3, 2, 4]), ([3, 9000], [0, 1]),
    ]

    /// Planes of more than one block in either direction, whole and cut, several of them, in a view of a larger tensor.
    @Test(arguments: [1, 3], permuted)
    func permutations(threads: Int, permutation: ([Int], [Int])) throws {
        let (extents, axes) = permutation
        var numbers = SeededNumbers(seed: 11)
        let shape = Shape([extents[0] + 1] + extents.dropFirst())
        let floats = numbers.floats(shape.count)
        func moved(_ backend: some Backend, _ dtype: DType) throws -> [Float] {
            let x = try backend.cast(backend.upload(floats, shape), to: dtype)
            return try backend.readFloats(backend.permute(x.rows(1..<shape[0]), axes))
        }
        for dtype in [DType.f32, .f16] {
            #expect(try moved(CPUBackend(threads: threads), dtype) == moved(ReferenceBackend(), dtype), "\(extents) \(dtype)")
        }
    }
}
