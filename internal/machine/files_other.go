//go:build !unix

package machine

// OpenFiles is how many files and sockets this process may have open; 0 when the system does not tell.
func OpenFiles() uint64 { return 0 }

// NextFile is the number that the next file or socket which this process opens gets; 0 when the system does not tell.
func NextFile() uint64 { return 0 }
