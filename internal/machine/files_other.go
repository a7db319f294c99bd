//go:build !unix

package machine

// OpenFiles is how many files and sockets this process may have open; 0 when the system does not tell.
func OpenFiles() uint64 { return 0 }
