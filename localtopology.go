package postrider

import (
	"context"
	"errors"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// sure makes sure of a queue of the embedded broker and returns its name: what a client.Conn does on other brokers.
func (e *embedded) sure(ctx context.Context, q *client.Queue) (string, error) {
	if q.After != nil {
		if _, err := e.sure(ctx, q.After); err != nil {
			return "", err
		}
	}
	info, err := e.declare(ctx, q)
	if err != nil || q.From == nil {
		return info.Name, err
	}
	if err := e.bind(ctx, info.Name, q); err != nil {
		return "", err
	}
	return info.Name, nil
}

// bind binds a queue that is there as q is to be, to an exchange that is made if need be.
func (e *embedded) bind(ctx context.Context, name string, q *client.Queue) error {
	if err := e.sureOf(ctx, q.From); err != nil {
		return err
	}
	for _, key := range q.Keys {
		if err := e.conn.BindQueue(ctx, name, q.From.Name, key, nil); err != nil {
			return err
		}
	}
	return nil
}

// remake makes an exchange that somebody has deleted, and binds anew what this node receives from.
func (e *embedded) remake(ctx context.Context, x *client.Exchange) error {
	if err := e.sureOf(ctx, x); err != nil {
		return err
	}
	for _, i := range e.boundTo(x.Name) {
		i.bind()
	}
	return nil
}

// keepBound notes a receiver's part whose queue is bound to something; unbound forgets it.
func (e *embedded) keepBound(i *localIntake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bound[i] = i.binding.From.Name
}

func (e *embedded) unbound(i *localIntake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.bound, i)
}

func (e *embedded) boundTo(exchange string) (all []*localIntake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, to := range e.bound {
		if to == exchange {
			all = append(all, i)
		}
	}
	return all
}

func (e *embedded) declare(ctx context.Context, q *client.Queue) (broker.QueueInfo, error) {
	if q.Own {
		return e.conn.DeclareQueue(ctx, broker.QueueOptions{Exclusive: true, AutoDelete: true, Args: q.Args})
	}
	if !q.Exact || q.Instead != nil {
		info, err := e.conn.DeclareQueue(ctx, broker.QueueOptions{Name: q.Name, Passive: true})
		switch {
		case !isRefusal(err, amqp.NotFound) && !q.Exact:
			return info, err
		case isRefusal(err, amqp.NotFound):
			err = e.notInstead(ctx, q.Instead)
		}
		if err != nil {
			return info, err
		}
	}
	return e.make(ctx, q)
}

// notInstead looks for the queue in whose place another is not to be made. It may be nil.
func (e *embedded) notInstead(ctx context.Context, q *client.Queue) error {
	if q == nil {
		return nil
	}
	if _, err := e.conn.DeclareQueue(ctx, broker.QueueOptions{Name: q.Name, Passive: true}); err != nil {
		return nil
	}
	var told error
	if q.Exact {
		_, told = e.make(ctx, q)
	}
	return client.Instead(q, told)
}

func (e *embedded) make(ctx context.Context, q *client.Queue) (broker.QueueInfo, error) {
	return e.conn.DeclareQueue(ctx, broker.QueueOptions{Name: q.Name, Durable: q.Durable, Args: q.Args})
}

// sureOf makes sure of an exchange. One of another kind is used as it is.
func (e *embedded) sureOf(ctx context.Context, x *client.Exchange) error {
	err := e.conn.DeclareExchange(ctx, broker.ExchangeOptions{Name: x.Name, Kind: x.Kind, Durable: true})
	if isRefusal(err, amqp.PreconditionFailed) {
		return nil
	}
	return err
}

func isRefusal(err error, code uint16) bool {
	var refused *amqp.Error
	return errors.As(err, &refused) && refused.Code == code
}
