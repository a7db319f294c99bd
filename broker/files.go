package broker

// How many of the files that the process may open are not for clients: an eighth, within bounds, and never more than half.
const (
	leastOwnFiles = 32
	mostOwnFiles  = 256
)

// clientFiles is how many files may be open when a client is let in, of all that may be; 0 = as many as there are.
func clientFiles(all uint64) uint64 {
	return all - min(max(all/8, leastOwnFiles), mostOwnFiles, all/2)
}
