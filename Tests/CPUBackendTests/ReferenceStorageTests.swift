import CPUBackend
import Tensors
import Testing

/// The memory that CPU backends share.
@Suite struct ReferenceStorageTests {
    private final class Owner {
        let bytes: UnsafeMutableRawBufferPointer
        private let onRelease: () -> Void

        init(byteCount: Int, onRelease: @escaping () -> Void) {
            bytes = .allocate(byteCount: byteCount, alignment: 64)
            self.onRelease = onRelease
        }

        deinit {
            bytes.deallocate()
            onRelease()
        }
    }

    private func address(_ tensor: Tensor) throws -> UInt {
        UInt(bitPattern: try #require(tensor.storage as? CPUStorage).pointer)
    }

    @Test(arguments: [0, 1, 63, 1000])
    func memoryIsAlignedAndUsedAgain(_ count: Int) throws {
        let backend = ReferenceBackend()
        let first = try address(backend.allocate([count], .f32))
        #expect(first % UInt(CPUMemoryPool.alignment) == 0)
        #expect(backend.memory.unusedBytes > 0)
        #expect(try address(backend.allocate([count], .f32)) == first)
    }

    @Test func memoryInUseIsNotGivenTwice() throws {
        let backend = ReferenceBackend()
        let tensors = try (0..<8).map { try backend.upload([Float($0)], [1]) }
        #expect(Set(try tensors.map(address)).count == 8)
        #expect(try tensors.flatMap(backend.readFloats) == (0..<8).map(Float.init))
    }

    @Test func aPoolKeepsNoMoreThanItsCapacity() throws {
        let pool = CPUMemoryPool(device: "test", capacity: 256)
        do {
            let storages = try (0..<8).map { _ in try CPUStorage(byteCount: 64, from: pool) }
            // An optimised build lets go of them after their last use.
            withExtendedLifetime(storages) { #expect(pool.unusedBytes == 0) }
        }
        #expect(pool.unusedBytes <= 256)
        _ = try CPUStorage(byteCount: 4096, from: pool)
        #expect(pool.unusedBytes <= 256)
    }

    @Test func tooMuchMemoryIsAnErrorAndNotACrash() throws {
        let backend = ReferenceBackend()
        for shape: Shape in [[1 << 50], [1 << 61, 2]] {
            #expect {
                _ = try backend.allocate(shape, .f32)
            } throws: {
                guard case TensorError.outOfMemory = $0 else { return false }
                return true
            }
        }
    }

    @Test func rowsThatAreNotWholeBlocksAreAnError() {
        #expect(throws: TensorError.self) { _ = try ReferenceBackend().allocate([2, 33], .q4_0) }
    }

    @Test func adoptedMemoryIsReadInPlaceAndKeepsItsOwner() throws {
        let backend = ReferenceBackend()
        nonisolated(unsafe) var isReleased = false
        do {
            var owner: Owner? = Owner(byteCount: 64) { isReleased = true }
            owner!.bytes.storeBytes(of: 2.5, toByteOffset: 8, as: Float.self)
            let slice = UnsafeRawBufferPointer(rebasing: owner!.bytes[8..<12])
            let tensor = try backend.adopt(slice, owner: owner!, [1], .f32)
            owner = nil
            #expect(!isReleased)
            #expect(try backend.readFloats(tensor) == [2.5])
            #expect(try address(tensor) % 64 == 8)
        }
        #expect(isReleased)
    }

    @Test func memoryAtAnOddAddressIsCopied() throws {
        let backend = ReferenceBackend()
        let owner = Owner(byteCount: 64) {}
        owner.bytes.storeBytes(of: Float(2.5).bitPattern.littleEndian, toByteOffset: 3, as: UInt32.self)
        let tensor = try backend.adopt(UnsafeRawBufferPointer(rebasing: owner.bytes[3..<7]), owner: owner, [1], .f32)
        #expect(try backend.readFloats(tensor) == [2.5])
    }

    @Test func aTensorOfAnotherBackendIsAnError() throws {
        let backend = ReferenceBackend()
        let foreign = Tensor(shape: [2], dtype: .f32, storage: TensorStorage(byteCount: 8))
        #expect {
            _ = try backend.add(foreign, foreign)
        } throws: {
            guard case TensorError.wrongBackend(operation: "add", _) = $0 else { return false }
            return true
        }
    }
}
