package killing

import (
	"time"

	"github.com/postrider-mq/postrider/torture/broker"
)

// end is how a life of the broker ends.
type end string

const (
	killed           end = "killed"
	killedAtStart    end = "killed while it started"
	killedAtShutdown end = "killed while it shut down"
	stopped          end = "stopped"
)

func (r *Run) chooseEnd() end {
	switch dice := r.random.IntN(100); {
	case dice < 15 && len(r.report.Starts) > 0:
		return killedAtStart
	case dice < 25:
		return stopped
	case dice < 32:
		return killedAtShutdown
	}
	return killed
}

// end ends the broker's life. Its clients have been told to expect it.
func (r *Run) end(b *broker.Broker, how end) error {
	switch how {
	case stopped:
		r.report.Stops++
		return b.Stop()
	case killedAtShutdown:
		r.report.Kills++
		r.report.KillsAtShutdown++
		if err := b.Terminate(); err != nil {
			return err
		}
		time.Sleep(time.Duration(r.random.IntN(5000)) * time.Microsecond)
	default:
		r.report.Kills++
	}
	b.Kill()
	return nil
}

// killAtStart kills a broker somewhere between its start and a little after it listens.
func (r *Run) killAtStart(b *broker.Broker) error {
	usual := r.report.Starts[len(r.report.Starts)-1]
	time.Sleep(time.Duration(r.random.Float64() * 1.2 * float64(usual)))
	select {
	case <-b.Done():
		return r.keepLog(b, broker.ErrEnded)
	default:
	}
	if !b.Listens() {
		r.report.KillsAtStart++
	}
	b.Kill()
	r.report.Kills++
	r.history.NextLife(string(killedAtStart))
	return nil
}
