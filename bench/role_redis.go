package main

import (
	"fmt"
	"os/exec"
	"strconv"

	"github.com/postrider-mq/postrider/internal/measure"
)

// What Redis calls the mailbox and who takes from it.
const (
	redisStream = "bench"
	redisGroup  = "workers"
)

// redisServer is Debian's redis-server with an append-only file.
type redisServer struct {
	order   order
	service *service
	address string
}

func (p *redisServer) prepare(o order) (string, error) {
	p.order = o
	port, err := freePort()
	if err != nil {
		return "", err
	}
	p.address = "127.0.0.1:" + port
	p.service, err = startServiceAt(p.address, redisCommand(port, o))
	if err != nil {
		return "", err
	}
	r, err := dialRedis(p.address)
	if err != nil {
		return "", err
	}
	defer r.close()
	_, err = r.do("XGROUP", "CREATE", redisStream, redisGroup, "$", "MKSTREAM")
	return p.address, err
}

func redisCommand(port string, o order) *exec.Cmd {
	return exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", o.Dir, "--save", "", "--loglevel", "warning",
		"--appendonly", "yes", "--appendfsync", o.Append)
}

func (p *redisServer) pid() int { return p.service.pid() }

// work serves until the clients are gone, and then looks that they have acknowledged everything.
func (p *redisServer) work(stop <-chan struct{}) (tally, error) {
	p.service.begin()
	<-stop
	t := tally{CPU: p.service.cpu()}
	r, err := dialRedis(p.address)
	if err != nil {
		return t, err
	}
	defer r.close()
	n, err := r.do("XLEN", redisStream)
	if err != nil {
		return t, err
	}
	if t.Messages, err = strconv.ParseUint(n, 10, 64); err != nil {
		return t, err
	}
	r.command("XPENDING", redisStream, redisGroup)
	if err := r.out.Flush(); err != nil {
		return t, err
	}
	if _, err := r.array(); err != nil {
		return t, err
	}
	left, err := r.simple()
	if err == nil && string(left) != "0" {
		err = fmt.Errorf("%s messages were not acknowledged", left)
	}
	return t, err
}

func (p *redisServer) close() error {
	if p.service != nil {
		p.service.close()
	}
	return nil
}

// redisSender adds messages with a window of them unanswered: Redis answers an XADD when it is as safe as appendfsync says.
type redisSender struct {
	order order
	conn  *resp
}

func (s *redisSender) prepare(o order) (_ string, err error) {
	s.order = o
	s.conn, err = dialRedis(o.Broker)
	return "", err
}

func (s *redisSender) work(<-chan struct{}) (tally, error) {
	ahead := newCredit(s.order.Window)
	go s.answers(ahead)
	watch, pace := newStopwatch(s.order), measure.NewPace(float64(s.order.Rate))
	pace.Idle = s.conn.out.Flush
	err := stream(s.order, pace, watch, func(body []byte) error {
		if err := ahead.take(s.conn.out.Flush); err != nil {
			return err
		}
		s.conn.head(5)
		s.conn.word("XADD")
		s.conn.word(redisStream)
		s.conn.word("*")
		s.conn.word("b")
		s.conn.bytes(body)
		return nil
	})
	if err == nil {
		err = s.conn.out.Flush()
	}
	if err == nil {
		err = ahead.drain(s.order.Window)
	}
	if err != nil {
		return tally{}, err
	}
	return watch.stop()
}

// answers counts what comes back, as much at once as there is.
func (s *redisSender) answers(ahead *credit) {
	for n := 0; ; {
		if _, err := s.conn.simple(); err != nil {
			ahead.fail(err)
			return
		}
		if n++; s.conn.in.Buffered() == 0 || n == s.order.Window/2 {
			ahead.give(n)
			n = 0
		}
	}
}

func (s *redisSender) close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.close()
}

// redisReceiver reads as a member of a group, and acknowledges what it has read in one command. It leaves the messages in the
// stream, which is less work for Redis than to delete them.
type redisReceiver struct {
	order order
	conn  *resp
}

func (r *redisReceiver) prepare(o order) (_ string, err error) {
	r.order = o
	r.conn, err = dialRedis(o.Broker)
	return "", err
}

func (r *redisReceiver) work(<-chan struct{}) (tally, error) {
	arrivals := newArrivals(r.order)
	var ids []string
	for {
		if len(ids) > 0 { // its answer comes before the next messages
			r.conn.command(acknowledging(ids)...)
		}
		r.conn.command("XREADGROUP", "GROUP", redisGroup, "one", "COUNT", strconv.Itoa(r.order.Prefetch), "BLOCK", "0", "STREAMS", redisStream, ">")
		if err := r.conn.out.Flush(); err != nil {
			return tally{}, err
		}
		if len(ids) > 0 {
			if _, err := r.conn.simple(); err != nil {
				return tally{}, err
			}
		}
		var last bool
		var err error
		if ids, last, err = r.messages(arrivals, ids[:0]); err != nil {
			return tally{}, err
		}
		if last {
			if _, err := r.conn.do(acknowledging(ids)...); err != nil {
				return tally{}, err
			}
			return arrivals.stop()
		}
	}
}

// acknowledging is one command for all of them.
func acknowledging(ids []string) []string {
	return append([]string{"XACK", redisStream, redisGroup}, ids...)
}

// messages reads [[stream, [[id, [field, value]], …]]].
func (r *redisReceiver) messages(arrivals *arrivals, ids []string) (_ []string, last bool, err error) {
	if err := r.arrays(1, 2); err != nil {
		return ids, false, err
	}
	if _, err := r.conn.simple(); err != nil {
		return ids, false, err
	}
	n, err := r.conn.array()
	if err != nil {
		return ids, false, err
	}
	for range n {
		if err := r.arrays(2); err != nil {
			return ids, false, err
		}
		id, err := r.conn.simple()
		if err != nil {
			return ids, false, err
		}
		ids = append(ids, string(id))
		if err := r.arrays(2); err != nil {
			return ids, false, err
		}
		if _, err := r.conn.simple(); err != nil {
			return ids, false, err
		}
		body, err := r.conn.simple()
		if err != nil {
			return ids, false, err
		}
		if last, err = arrivals.add(body); err != nil {
			return ids, false, err
		}
	}
	return ids, last, nil
}

// arrays reads heads of arrays of these lengths.
func (r *redisReceiver) arrays(lengths ...int) error {
	for _, want := range lengths {
		n, err := r.conn.array()
		if err != nil {
			return err
		}
		if n != want {
			return fmt.Errorf("redis answered an array of %d, not %d", n, want)
		}
	}
	return nil
}

func (r *redisReceiver) close() error {
	if r.conn == nil {
		return nil
	}
	return r.conn.close()
}
