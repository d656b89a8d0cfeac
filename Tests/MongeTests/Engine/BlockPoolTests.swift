import Foundations
import Monge
import Testing

/// The blocks of a paged cache, against a plain account of who holds what.
@Suite struct BlockPoolTests {
    /// Texts come and go at random; no two of them ever hold a block of which one may still write.
    @Test func blocksAreHeldByThoseWhoMayReadThem() throws {
        struct Text {
            var tokens: [Int32]
            var acting: [BlockPool.Acting]
            var blocks: [Int32] = []
        }
        var random = SeededGenerator(seed: 3)
        var pool = BlockPool(count: 30)
        var texts: [Text] = []
        /// What each block holds, as it was written.
        var contents: [Int32: (tokens: [Int32], acting: [BlockPool.Acting])] = [:]
        var (found, refused) = (0, 0)
        for _ in 0..<20_000 {
            if Bool.random(using: &random), !texts.isEmpty {
                pool.release(texts.remove(at: .random(in: texts.indices, using: &random)).blocks)
            } else {
                // Few beginnings, so that many are alike.
                let tokens = (0..<Int.random(in: 1...5, using: &random)).flatMap { _ in
                    [Int32](repeating: .random(in: 0...1, using: &random), count: BlockPool.size)
                }
                var text = Text(
                    tokens: tokens, acting: Bool.random(using: &random) ? [] : [BlockPool.Acting(map: 1, strength: 0.5)])
                var parent = 0, isKnown = true
                for block in 0..<tokens.count / BlockPool.size {
                    let range = block * BlockPool.size..<(block + 1) * BlockPool.size
                    if isKnown, let known = pool.find(Array(tokens[range]), after: parent, acting: text.acting) {
                        #expect(contents[known.block]! == (Array(tokens[..<range.upperBound]), text.acting))
                        text.blocks.append(known.block)
                        parent = known.identity
                        found += 1
                        continue
                    }
                    isKnown = false
                    guard let taken = pool.take() else {
                        refused += 1
                        break
                    }
                    #expect(!texts.contains { $0.blocks.contains(taken) } && !text.blocks.contains(taken))
                    text.blocks.append(taken)
                    contents[taken] = (Array(tokens[..<range.upperBound]), text.acting)
                    parent = pool.register(taken, Array(tokens[range]), after: parent, acting: text.acting)
                }
                texts.append(text)
            }
            #expect(pool.available == pool.count - Set(texts.flatMap(\.blocks)).count)
        }
        #expect(found > 1000 && refused > 1000)
    }

    /// What was let go of first makes room first, the end of a text before its beginning.
    @Test func theOldestMakesRoom() {
        var pool = BlockPool(count: 4)
        func write(_ value: Int32, _ count: Int) -> [Int32] {
            var parent = 0
            return (0..<count).map { _ in
                let block = pool.take()!
                parent = pool.register(block, [Int32](repeating: value, count: BlockPool.size), after: parent, acting: [])
                return block
            }
        }
        let (a, b) = (write(1, 2), write(2, 2))
        pool.release(a)
        pool.release(b)
        #expect(pool.take() == a[1])
        let first = pool.find([Int32](repeating: 1, count: BlockPool.size), after: 0, acting: [])
        #expect(first?.block == a[0])
        // Held again: the others go.
        #expect(pool.take() == b[1] && pool.take() == b[0] && pool.take() == nil)
        #expect(pool.find([Int32](repeating: 2, count: BlockPool.size), after: 0, acting: []) == nil)
    }

    /// Who asks for much waits for those who ask for little, and nobody waits for ever.
    @Test func turnsAreFair() {
        var queue = FairQueue<Int>()
        for index in 0..<100 { queue.append(index, client: "many") }
        queue.append(1000, client: "few")
        var order: [Int] = []
        for step in 0..<30 {
            let client = queue.first!.client
            let element = queue.removeFirst(of: client)
            order.append(element)
            queue.charge(client == "many" ? 10 : 50, to: client)
            queue.end(of: client)
            if step < 20, client == "few" { queue.append(1001 + step, client: "few") }
        }
        #expect(order.filter { $0 < 1000 } == Array(0..<order.count { $0 < 1000 }))
        // A turn of 50 tokens for five of 10.
        let few = order.count { $0 >= 1000 }
        #expect((5...6).contains(few), "\(order)")
        // Who comes late begins with the least that others have had, and not with nothing.
        queue.append(5000, client: "late")
        queue.append(5001, client: "late")
        var turns = 0
        while queue.first?.client == "late", turns < 2 {
            _ = queue.removeFirst(of: "late")
            queue.charge(60, to: "late")
            queue.end(of: "late")
            turns += 1
        }
        #expect(turns <= 1)
        #expect(queue.remove { $0 == 50 } == [50] && queue.remove { $0 == 50 } == [])
    }
}
