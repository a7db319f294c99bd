package load

import (
	"context"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// A Shape says what a load is like.
type Shape struct {
	Way       ways.Way
	Senders   int
	Receivers int           // 0: nobody of ours receives
	Processes int           // senders, and receivers, are spread over at most so many
	Body      int           // bytes
	Rate      float64       // messages a second of all senders together; 0 is as fast as it goes
	For       time.Duration // how long
	Count     uint64        // how many at most, of all senders together; 0 is no limit
	InFlight  int           // of each sender: posts that are not confirmed, or sends at once
	Prefetch  int           // 0 is the API's default
	Handling  time.Duration // how long a handler takes
	Timeout   time.Duration // of each Send, and for the last confirms of posts
	Quiet     time.Duration // how long nothing may come before what is missing counts as lost
	Stall     time.Duration // how long no post may be confirmed before all that wait are given up; 0 is for ever
	Transient bool
	Handled   bool // a send ends when the handler has returned
	Ledger    bool // keep what became of each message, even though receivers are killed
}

// Where says between whom.
type Where struct {
	Program string   // this binary
	Dir     string   // for what must be on disk
	Brokers []string // the user's; none: one is started
	Mailbox string   // "" is one of its own, which is removed at the end
	Peer    string   // of a direct load; "" is one that is started
	PeerAt  string   // where that is; "": Brokers are asked
	Keys    Keys     // for the user's broker or peer
	Sync    string   // of a broker that is started; "" is its default

	// Through, unless nil, has the senders dial another address in place of that of the broker or peer.
	Through func(ctx context.Context, address string) (string, error)
}

// Keys say whom the processes of a load trust, and who they are. They are no use among processes that were started for it, which speak on the loopback.
type Keys struct {
	CA, Cert, Key string // files; "" is none
	Login         string // at a peer that is found through a broker
}

// spread deals n out to at most so many processes.
func spread(n, processes int) []int {
	k := min(n, max(processes, 1))
	shares := make([]int, k)
	for i := range n {
		shares[i%k]++
	}
	return shares
}
