package admin

import (
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/journal"
)

var nodeRoutes = []endpoint{
	{"GET", "/api/nodes", supervisor, listNodes},
	{"GET", "/api/nodes/{node}", supervisor, getNode},
	{"GET", "/api/feature-flags", everyUser, listFeatureFlags},
	{"PUT", "/api/feature-flags/{flag}/enable", administrator, enableFeatureFlag},
}

// nodeJSON is how a broker fares, in RabbitMQ's words as far as it has them. Sizes are in bytes.
type nodeJSON struct {
	Name          string       `json:"name"`
	Type          string       `json:"type"`
	Running       bool         `json:"running"`
	Memory        int64        `json:"mem_used"`
	MemoryMark    int64        `json:"mem_limit"` // 0 = none
	LowOnMemory   bool         `json:"mem_alarm"`
	Free          *int64       `json:"disk_free,omitempty"`
	MinFree       int64        `json:"disk_free_limit,omitempty"`
	LowOnDisk     bool         `json:"disk_free_alarm"`
	LowOnFiles    bool         `json:"fd_alarm"`
	MessageMemory int64        `json:"message_memory"` // of messages in queues
	Budget        int64        `json:"message_memory_limit"`
	Journal       *journalJSON `json:"journal,omitempty"` // absent without a disk
}

// journalJSON is how a broker's journal fares.
type journalJSON struct {
	Segments int    `json:"segments"`
	Bytes    int64  `json:"bytes"`
	Live     int64  `json:"live_bytes"`
	Backlog  int    `json:"backlog_bytes"` // not safe yet
	Appended uint64 `json:"records"`
	Syncs    uint64 `json:"syncs"`
	Full     bool   `json:"full"`
	Slow     bool   `json:"slow"`
}

func listNodes(r *request) (any, error) { return []nodeJSON{r.node()}, nil }

func getNode(r *request) (any, error) {
	if r.PathValue("node") != r.admin.node {
		return nil, errNotFound
	}
	return r.node(), nil
}

func (r *request) node() nodeJSON {
	f := r.admin.core.Figures()
	n := nodeJSON{
		Name: r.admin.node, Type: "disc", Running: true,
		Memory: f.Memory, MemoryMark: f.MemoryMark, LowOnMemory: f.Shortage&core.LowOnMemory != 0,
		LowOnDisk: f.Shortage&core.LowOnDisk != 0, LowOnFiles: f.Shortage&core.LowOnFiles != 0, MessageMemory: f.Resident, Budget: f.Budget,
	}
	if f.Free >= 0 {
		n.Free, n.MinFree = &f.Free, f.MinFree
	}
	if j := f.Journal; j != nil {
		n.Journal = &journalJSON{
			Segments: j.Segments, Bytes: j.Bytes, Live: j.LiveBytes, Backlog: j.Backlog, Appended: j.Appended, Syncs: j.Syncs,
			Full: j.Full, Slow: j.Pace != journal.PaceGood,
		}
	}
	return n
}
