package admin

import "testing"

func TestANodeTellsHowItFares(t *testing.T) {
	d := newDesk(t)
	d.wants(200, "GET /api/nodes", "", `[{"name":`, `"running":true`, `"mem_used":`, `"message_memory":0`)
	d.wants(404, "GET /api/nodes/elsewhere", "")
}
