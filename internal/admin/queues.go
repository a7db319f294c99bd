package admin

import (
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

var queueRoutes = []endpoint{
	{"GET", "/api/queues", everyUser, listQueues},
	{"GET", "/api/queues/{vhost}", inVHost, listQueues},
	{"GET", "/api/queues/{vhost}/{queue}", inVHost, getQueue},
	{"PUT", "/api/queues/{vhost}/{queue}", inVHost, putQueue},
	{"DELETE", "/api/queues/{vhost}/{queue}", inVHost, deleteQueue},
	{"DELETE", "/api/queues/{vhost}/{queue}/contents", inVHost, purgeQueue},
}

type queueJSON struct {
	Name       string         `json:"name"`
	VHost      string         `json:"vhost"`
	Type       string         `json:"type"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Exclusive  bool           `json:"exclusive"`
	Owner      any            `json:"owner_pid_details,omitempty"`
	Arguments  map[string]any `json:"arguments"`
	Effective  map[string]any `json:"effective_arguments"` // with what policies make of them; RabbitMQ does not tell this
	Consumers  int            `json:"consumers"`
	State      string         `json:"state"`
	Node       string         `json:"node"`
	policyNames
	messageCounts

	MessagesDetails details      `json:"messages_details"`
	ReadyDetails    details      `json:"messages_ready_details"`
	UnackedDetails  details      `json:"messages_unacknowledged_details"`
	Stats           messageStats `json:"message_stats,omitempty"`
}

// queueRow is a queue in a list. How fast it changes is measured from when somebody asks for that.
func (a *Admin) queueRow(q *core.Queue, c columns) queueJSON {
	var status core.QueueStatus
	if c.rates() {
		status = q.Status()
	} else {
		status = q.Brief()
	}
	return a.queueOf(&status)
}

func (a *Admin) queueOf(q *core.QueueStatus) queueJSON {
	j := queueJSON{
		Name: q.Name, VHost: q.VHost, Type: "classic", Durable: q.Durable, AutoDelete: q.AutoDelete, Exclusive: q.Exclusive,
		Arguments: toJSON(q.Args), Effective: toJSON(q.Effective()), Consumers: q.Consuming, State: "running", Node: a.node,
		policyNames: namesOf(q.Policy, q.OperatorPolicy),
	}
	if kind, ok := q.Args["x-queue-type"].(string); ok {
		j.Type = kind
	}
	if q.Owner != "" {
		j.Owner = map[string]any{"name": q.Owner}
	}
	j.add(q)
	rates := &q.Rates
	j.MessagesDetails, j.ReadyDetails, j.UnackedDetails = details{rates.Ready + rates.Unacked}, details{rates.Ready}, details{rates.Unacked}
	j.Stats = statsOf(q.Counts[:], rates.Counts[:])
	return j
}

func listQueues(r *request) (any, error) {
	var all []*core.Queue
	for _, v := range r.vhosts() { // by name
		queues := v.AllQueues()
		slices.SortFunc(queues, func(a, b *core.Queue) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, queues...)
	}
	return listOf(all, r.admin.queueRow), nil
}

// queue is the one in the path. Errors: 404.
func (r *request) queue() (v *core.VHost, q core.QueueStatus, err error) {
	if v, err = r.vhost(); err != nil {
		return nil, q, err
	}
	q, ok := v.Queue(r.PathValue("queue"))
	if !ok {
		return nil, q, errNotFound
	}
	return v, q, nil
}

func getQueue(r *request) (any, error) {
	_, q, err := r.queue()
	if err != nil {
		return nil, err
	}
	details := []consumerJSON{}
	for _, c := range q.Consumers {
		details = append(details, consumerOf(c))
	}
	return struct {
		queueJSON
		Details []consumerJSON `json:"consumer_details"`
	}{r.admin.queueOf(&q), details}, nil
}

func putQueue(r *request) (any, error) {
	var want struct {
		Durable    *truth         `json:"durable"`
		AutoDelete truth          `json:"auto_delete"`
		Arguments  map[string]any `json:"arguments"`
	}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	args, err := fromJSON(want.Arguments)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("queue")
	if err := r.mayConfigure("queue", name, args, "x-dead-letter-exchange"); err != nil {
		return nil, err
	}
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	_, had := v.Queue(name)
	return madeOr(!had, v.Operator().Do(func(c *core.Client, b *core.Burst) error {
		_, err := c.DeclareQueue(r.Context(), b, core.QueueSpec{
			Name: name, Durable: want.Durable.or(true), AutoDelete: bool(want.AutoDelete), Args: args,
		})
		return err
	}))
}

func deleteQueue(r *request) (any, error) {
	v, q, err := r.queue()
	if err != nil {
		return nil, err
	}
	if err := r.may(access.Configure, "queue", q.Name); err != nil {
		return nil, err
	}
	ask := r.URL.Query()
	ifUnused, ifEmpty := ask.Get("if-unused") == "true", ask.Get("if-empty") == "true"
	if !r.overrides() {
		return nil, v.Operator().Do(func(c *core.Client, b *core.Burst) error {
			_, err := c.DeleteQueue(r.Context(), b, q.Name, ifUnused, ifEmpty)
			return err
		})
	}
	return nil, v.Operator().DeleteQueue(r.Context(), q.Name, ifUnused, ifEmpty)
}

// overrides says whether the caller may delete and purge what is exclusive to a connection.
func (r *request) overrides() bool { return r.caller.tagged(access.Administrator) }

func purgeQueue(r *request) (any, error) {
	v, q, err := r.queue()
	if err != nil {
		return nil, err
	}
	if err := r.may(access.Read, "queue", q.Name); err != nil {
		return nil, err
	}
	if !r.overrides() {
		return nil, v.Operator().Do(func(c *core.Client, b *core.Burst) error {
			_, err := c.PurgeQueue(b, q.Name)
			return err
		})
	}
	return nil, v.Operator().PurgeQueue(q.Name)
}
