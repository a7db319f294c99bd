package main

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// Nodes make queues beside mailboxes, for their own use: where messages wait for another try, where receipts come to, and one that keeps
// the number of partitions.

// receiptsName is the name of a queue for receipts.
var receiptsName = regexp.MustCompile(`\.receipts\.[A-Z2-7]{16}$`)

// retryOf is the mailbox whose messages wait in a queue; empty if none do.
func retryOf(q map[string]any) string {
	name := cell(q, "name")
	for _, s := range client.Steps {
		mailbox, is := strings.CutSuffix(name, client.RetryInfix+s.Name)
		arguments, _ := q["arguments"].(map[string]any)
		if is && arguments["x-dead-letter-routing-key"] == mailbox {
			return mailbox
		}
	}
	return ""
}

// keepsPartitions says whether a queue is there for its arguments alone.
func keepsPartitions(q map[string]any) bool {
	arguments, _ := q["arguments"].(map[string]any)
	return strings.HasSuffix(cell(q, "name"), ".partitions") && arguments["x-max-length"] != nil && cell(q, "messages_ready") == "0"
}

// withoutHelpers are the mailboxes among durable queues. Each has the number of its messages that wait for another try in messages_retrying.
func withoutHelpers(queues []map[string]any) []map[string]any {
	mailboxes := make(map[string]map[string]any)
	for _, q := range queues {
		mailboxes[cell(q, "name")] = q
		q["messages_retrying"] = 0.
	}
	return slices.DeleteFunc(queues, func(q map[string]any) bool {
		if mailbox := mailboxes[retryOf(q)]; mailbox != nil {
			waiting, _ := q["messages_ready"].(float64)
			mailbox["messages_retrying"] = mailbox["messages_retrying"].(float64) + waiting
			return true
		}
		return receiptsName.MatchString(cell(q, "name")) || keepsPartitions(q)
	})
}

// retries are the queues that there are for messages of a mailbox to wait in, with how many do. One that we may not ask about counts as none.
func (d *desk) retries(ctx context.Context, mailbox string) (map[string]int, error) {
	found := make(map[string]int)
	for _, s := range client.Steps {
		name := s.Queue(mailbox).Name
		if len(name) > client.MaxID {
			continue
		}
		err := d.patiently(func() error {
			messages, _, err := d.line.Queue(ctx, name)
			if err == nil {
				found[name] = messages
			}
			return err
		})
		if err != nil && !isNotFound(err) && !isRefused(err) {
			return nil, err
		}
	}
	return found, nil
}

func isRefused(err error) bool { return hasCode(err, amqp.AccessRefused) }

// total is how many wait in all.
func total(retries map[string]int) (n int) {
	for m := range maps.Values(retries) {
		n += m
	}
	return n
}
