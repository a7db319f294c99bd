package admin

import (
	"strings"

	"github.com/postrider-mq/postrider/internal/core"
)

var overviewRoutes = []endpoint{
	{"GET", "/api/whoami", everyUser, whoami},
	{"GET", "/api/overview", everyUser, overview},
	{"GET", "/api/cluster-name", everyUser, clusterName},
}

func whoami(r *request) (any, error) {
	return map[string]any{"name": r.caller.name, "tags": tagList(r.caller.tags), "is_internal_user": true}, nil
}

func clusterName(r *request) (any, error) { return map[string]string{"name": r.admin.node}, nil }

// emulated is the RabbitMQ whose interface this is; tools look at its version to know what they may ask.
const emulated = "3.10.8"

func overview(r *request) (any, error) {
	totals, messages := map[string]int{"queues": 0, "exchanges": 0, "consumers": 0, "connections": 0, "channels": 0}, messageCounts{}
	for _, v := range r.vhosts() {
		totals["exchanges"] += len(v.Exchanges())
		v.EachQueue(func(q *core.QueueStatus) {
			totals["queues"]++
			totals["consumers"] += q.Consuming
			messages.add(q)
		})
	}
	for _, c := range r.connections() {
		totals["connections"]++
		totals["channels"] += c.Channels
	}
	return map[string]any{
		"product_name":       "Postrider",
		"product_version":    r.admin.version,
		"management_version": emulated,
		"rabbitmq_version":   emulated,
		"cluster_name":       r.admin.node,
		"node":               r.admin.node,
		"object_totals":      totals,
		"queue_totals":       messages,
		"message_stats":      totalStats(r.admin.core),
	}, nil
}

// messageCounts are how many messages there are.
type messageCounts struct {
	Messages int `json:"messages"`
	Ready    int `json:"messages_ready"`
	Unacked  int `json:"messages_unacknowledged"`
}

func (m *messageCounts) add(q *core.QueueStatus) {
	m.Ready += q.Ready
	m.Unacked += q.Unacked
	m.Messages = m.Ready + m.Unacked
}

// tagList is never null.
func tagList(tags []string) []string {
	if tags == nil {
		return []string{}
	}
	return tags
}

// tagsOf reads tags as they come from a client: a list, or a text with commas.
func tagsOf(v any) ([]string, error) {
	tags := []string{}
	switch v := v.(type) {
	case nil:
	case string:
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
	case []any:
		for _, tag := range v {
			text, ok := tag.(string)
			if !ok {
				return nil, badRequest("tags are texts")
			}
			tags = append(tags, text)
		}
	default:
		return nil, badRequest("tags are a list of texts, or a text with commas")
	}
	return tags, nil
}
