/// The owner of bytes that take no memory until they are read again: a mapped file.
///
/// A backend that has made its own copy of a weight lets go of those it was made from.
public protocol ReadableAgain: AnyObject {
    /// Lets the system have the memory of some of the bytes; they stay readable.
    func letGo(of bytes: UnsafeRawBufferPointer)
}
