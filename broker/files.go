package broker

import "github.com/postrider-mq/postrider/internal/machine"

// How many of the files that the process may open are not for clients: an eighth, within bounds, and never more than half. And how many the journal leaves when it
// grows: to clients, for consumers are who makes it smaller, and to who asks what goes on.
const (
	leastOwnFiles = 32
	mostOwnFiles  = 256

	leastForConsumers = 4
	mostForConsumers  = 64
	forOthers         = 8
)

// clientFiles is how many files may be open when a client is let in, of all that may be; 0 = as many as there are.
func clientFiles(all uint64) uint64 {
	return all - min(max(all/8, leastOwnFiles), mostOwnFiles, all/2)
}

// consumerFiles is how many clients are let in, whatever has taken the files, and how many may be open then.
func consumerFiles(all uint64) (clients int, files uint64) {
	return int(min(max(clientFiles(all)/8, leastForConsumers), mostForConsumers)), all - min(all, forOthers)
}

// filesLeft says whether the journal may open more when so many are open, of all that may be, some of them clients'. It leaves places to a few consumers,
// and ahead of time, while all can still be written, as many as clients may have.
func filesLeft(all, open, clients uint64, ahead bool) bool {
	consumers, most := consumerFiles(all)
	bound := most
	if ahead {
		bound = clientFiles(all)
	}
	return open < most && open-min(open, clients)+uint64(consumers) < bound
}

// mayGrow asks that for the journal; nil where the system does not tell.
func (b *Broker) mayGrow(all uint64) func(ahead bool) bool {
	if all == 0 {
		return nil
	}
	return func(ahead bool) bool {
		clients := 0
		select {
		case <-b.opened:
			clients = b.server.Clients()
		default: // there are none
		}
		return filesLeft(all, machine.NextFile(), uint64(clients), ahead)
	}
}
