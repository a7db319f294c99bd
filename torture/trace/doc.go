// Package trace reads what strace wrote about a broker, and tells from the system calls alone whether a confirm left
// before the message was safe.
//
// strace stops a thread when it enters a system call and when it leaves it, writes a line each time, and only then lets
// the thread go on. So when the line that ends an fdatasync stands before the line that begins a write to a socket, the
// sync had succeeded before the write began. A message is safe when
//
//	pwrite64 of bytes with its name in them, to a file         has ended, before
//	fdatasync of that file                                     begins, and has ended well before
//	write of a basic.ack that covers its tag, to its socket    begins.
package trace
