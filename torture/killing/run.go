package killing

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/clients"
	"github.com/postrider-mq/postrider/torture/history"
)

// Config is a run.
type Config struct {
	Program string        // the broker's
	Dir     string        // where the run keeps the data directory, the history and the broker's logs
	Seed    uint64        // of all that is left to chance here
	Kills   int           // at least so many
	For     time.Duration // and at least so long
	Flags   []string      // more for `postrider serve`
	Log     io.Writer     // takes a line now and then; may be nil
}

// Run is one run.
type Run struct {
	cfg     Config
	random  *rand.Rand
	history *history.History
	actors  []clients.Actor
	report  Report
	failed  chan error
	began   time.Time
}

// ErrBroken is what Torture returns, wrapped, when a promise was broken.
var ErrBroken = errors.New("a promise was broken")

// Torture runs until the kills are done and the time is over, and returns what happened. Dir keeps everything.
func Torture(cfg Config) (Report, error) {
	log, err := os.Create(filepath.Join(cfg.Dir, "history"))
	if err != nil {
		return Report{}, err
	}
	defer log.Close()
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	queues, publishers := clients.Plan()
	r := &Run{
		cfg: cfg, random: rand.New(rand.NewPCG(cfg.Seed, 0)), history: history.New(queues, publishers, log),
		actors: append(clients.Publishers(cfg.Seed), clients.Consumers(cfg.Seed)...),
		failed: make(chan error, 1), began: time.Now(),
	}
	r.report.Seed = cfg.Seed
	err = r.lives()
	if err == nil {
		err = r.lastLife()
	}
	r.report.Took = time.Since(r.began)
	r.report.Totals = r.history.Totals()
	r.report.Violations = r.history.Violations()
	if flushed := r.history.Flush(); err == nil {
		err = flushed
	}
	if len(r.report.Violations) > 0 && !errors.Is(err, ErrBroken) {
		err = errors.Join(r.broken(), err)
	}
	return r.report, err
}

// broken tells the first violation with the story of its message.
func (r *Run) broken() error {
	v := r.history.Violations()[0]
	_ = r.history.Flush()
	f, err := os.Open(filepath.Join(r.cfg.Dir, "history"))
	if err != nil {
		return err
	}
	defer f.Close()
	return fmt.Errorf("%w: %v\n%s", ErrBroken, v, history.Story(f, v.ID))
}

func (r *Run) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}

func (r *Run) lives() error {
	for r.report.Kills < r.cfg.Kills || time.Since(r.began) < r.cfg.For {
		if err := r.life(); err != nil {
			return err
		}
		if r.report.lives()%20 == 0 {
			t := r.history.Totals()
			fmt.Fprintf(r.cfg.Log, "%v: %d kills, %d published, %d confirmed, %d delivered\n",
				time.Since(r.began).Round(time.Second), r.report.Kills, t.Published, t.Confirmed, t.Delivered)
		}
	}
	return nil
}

// life starts the broker, lets clients at it, and ends it in one way or another.
func (r *Run) life() error {
	end := r.chooseEnd()
	b, err := r.start()
	if err != nil {
		return err
	}
	if end == killedAtStart {
		return r.killAtStart(b)
	}
	s, err := r.open(b)
	if err != nil {
		return err
	}
	for _, a := range r.actors {
		s.Enter(a)
	}
	err = r.work(b, time.Duration(r.random.Float64()*float64(time.Second)))
	s.Ending()
	if err != nil {
		b.Kill()
		s.Clear()
		return r.keepLog(b, err)
	}
	err = r.end(b, end)
	s.Clear()
	r.history.NextLife(string(end))
	return r.keepLog(b, err)
}

func (r *Run) start() (*broker.Broker, error) {
	return broker.Start(broker.Serve(r.cfg.Program, filepath.Join(r.cfg.Dir, "data"), r.cfg.Flags...))
}

// open waits for the broker and returns the stage, with everything declared.
func (r *Run) open(b *broker.Broker) (*clients.Stage, error) {
	url, err := b.Ready()
	if err != nil {
		return nil, r.keepLog(b, err)
	}
	r.report.Starts = append(r.report.Starts, b.TimeToGo)
	s := clients.NewStage(url, r.history, r.fail)
	if err := s.Declare(); err != nil {
		b.Kill()
		return nil, r.keepLog(b, err)
	}
	return s, nil
}

// work lets the clients work for a while, unless something goes wrong.
func (r *Run) work(b *broker.Broker, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case err := <-r.failed:
		return err
	case <-r.history.Broken():
		return r.broken()
	case <-b.Done():
		return fmt.Errorf("%w: exit code %d", broker.ErrEnded, b.ExitCode())
	}
}

// lastLife drains every queue, twice, and judges what is missing.
func (r *Run) lastLife() error {
	for round := range 2 {
		b, err := r.start()
		if err != nil {
			return err
		}
		s, err := r.open(b)
		if err != nil {
			return err
		}
		err = s.Drain(r.cfg.Seed)
		select {
		case failure := <-r.failed:
			err = errors.Join(failure, err)
		default:
		}
		s.Clear()
		if err == nil {
			err = b.Stop()
		} else {
			b.Kill()
		}
		r.history.NextLife(fmt.Sprintf("drained %d", round+1))
		if err := r.keepLog(b, err); err != nil {
			return err
		}
	}
	r.history.Finish()
	return nil
}

// keepLog adds what the broker said to an error.
func (r *Run) keepLog(b *broker.Broker, err error) error {
	if err == nil {
		return nil
	}
	path := filepath.Join(r.cfg.Dir, "broker.log")
	_ = os.WriteFile(path, []byte(b.Log()), 0o600)
	return fmt.Errorf("%w\nthe broker's log is %s", err, path)
}
