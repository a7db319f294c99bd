package evaluation

import (
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// Figures for programs. Times are in microseconds.
type (
	resultJSON struct {
		Workload workloadJSON `json:"workload"`
		Broker   string       `json:"broker,omitempty"`
		Ways     []wayJSON    `json:"ways"`
		Verdict  verdictJSON  `json:"verdict"`
		Advice   []adviceJSON `json:"advice"`
		Machine  string       `json:"machine"`
		Seconds  float64      `json:"seconds"`
	}
	workloadJSON struct {
		Rate      float64 `json:"rate"`
		Body      int     `json:"bodyBytes"`
		Senders   int     `json:"senders"`
		Receivers int     `json:"receivers"`
		Handling  float64 `json:"handlingMicros"`
		Transient bool    `json:"transient"`
		Faults    []Fault `json:"faults"`
		Down      float64 `json:"downMicros"`
		Late      float64 `json:"lateMicros"`
	}
	wayJSON struct {
		Way       string             `json:"way"`
		Code      string             `json:"code"`
		Call      latencyJSON        `json:"callMicros"`
		Confirmed latencyJSON        `json:"confirmedMicros"`
		EndToEnd  latencyJSON        `json:"endToEndMicros"`
		Rate      float64            `json:"messagesPerSecond"`
		Unsent    uint64             `json:"unsent"`
		Refused   uint64             `json:"refused"`
		FullRate  float64            `json:"fullSpeedMessagesPerSecond"`
		Sharing   int                `json:"processesThatShared"`
		Costs     []load.CostFigures `json:"costs,omitempty"`
		Faults    []harmJSON         `json:"faults"`
	}
	latencyJSON struct {
		P50  float64 `json:"p50"`
		P90  float64 `json:"p90"`
		P99  float64 `json:"p99"`
		P999 float64 `json:"p999"`
		Max  float64 `json:"max"`
	}
	harmJSON struct {
		Fault    Fault    `json:"fault"`
		Skipped  string   `json:"skipped,omitempty"`
		Messages uint64   `json:"messages"`
		Lost     uint64   `json:"lost"`
		Refused  uint64   `json:"refused"`
		Maybe    uint64   `json:"maybeDelivered"`
		Unsent   uint64   `json:"unsent"`
		Late     uint64   `json:"late"`
		Repeated uint64   `json:"repeated"`
		Back     *float64 `json:"backAfterMicros"` // null: not within the run
		Longest  float64  `json:"longestCallMicros"`
	}
	verdictJSON struct {
		Text    string   `json:"text"`
		Ways    []string `json:"ways"` // that meet all needs, the best first
		Figures []string `json:"figures,omitempty"`
	}
	adviceJSON struct {
		Need    Need     `json:"need,omitempty"`
		Text    string   `json:"text"`
		Ways    []string `json:"ways,omitempty"`
		Figures []string `json:"figures"`
	}
)

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func names(list []ways.Way) []string {
	all := []string{}
	for _, w := range list {
		all = append(all, w.String())
	}
	return all
}

// JSON is all of it, for encoding.
func (r *Result) JSON(needs []Need) any {
	w := &r.Workload
	out := resultJSON{
		Workload: workloadJSON{w.Rate, w.Body, w.Senders, w.Receivers, micros(w.Handling), w.Transient, w.Faults, micros(w.Down), micros(w.Late)},
		Broker:   r.Broker.Address, Machine: r.Machine, Seconds: r.Took.Seconds(),
	}
	for i := range r.Ways {
		out.Ways = append(out.Ways, r.Ways[i].json(w.Faults))
	}
	v := r.Decide(needs)
	out.Verdict = verdictJSON{v.Text, names(v.Best), v.Figures}
	for _, a := range r.Advise(needs) {
		out.Advice = append(out.Advice, adviceJSON{a.Need, a.Text, names(a.Ways), a.Figures})
	}
	return out
}

func (f *Figures) json(faults []Fault) wayJSON {
	latency := func(l Latency) latencyJSON {
		return latencyJSON{micros(l.P50), micros(l.P90), micros(l.P99), micros(l.P999), micros(l.Max)}
	}
	w := wayJSON{
		Way: f.Way.String(), Code: f.Way.Code(), Call: latency(f.Call), Confirmed: latency(f.Confirmed), EndToEnd: latency(f.EndToEnd),
		Rate: f.Rate, Unsent: f.Unsent, Refused: f.Refused, FullRate: f.FullRate, Sharing: f.Sharing,
	}
	for _, c := range f.Costs {
		w.Costs = append(w.Costs, c.Figures())
	}
	for _, fault := range faults {
		h := f.Faults[fault]
		j := harmJSON{fault, h.Skipped, h.Messages, h.Lost, h.Refused, h.Maybe, h.Unsent, h.Late, h.Repeated, nil, micros(h.Longest)}
		if back := micros(h.Back); !h.NeverBack && h.Skipped == "" {
			j.Back = &back
		}
		w.Faults = append(w.Faults, j)
	}
	return w
}
