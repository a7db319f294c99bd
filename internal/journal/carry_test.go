package journal

import (
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// TestCarryingWritesLittle bounds what compaction adds to what is written. It begins when more than half of the journal is not needed,
// so what it carries was preceded by as much that was not carried: at worst it writes as much as its users.
func TestCarryingWritesLittle(t *testing.T) {
	const rounds, size = 20_000, 200
	for _, test := range []struct {
		name  string
		most  float64 // of what the users wrote, how much may be carried
		round func(i int, publish func(slow bool), consume func())
	}{
		{"one old message among many that were consumed", 0.02, func(i int, publish func(bool), _ func()) {
			publish(i == 0)
		}},
		{"a backlog that nobody consumes beside a fast queue", 1, func(i int, publish func(bool), _ func()) {
			publish(i < 500)
		}},
		{"a queue that is consumed slowly beside a fast one", 1, func(i int, publish func(bool), consume func()) {
			publish(i%10 == 0)
			if i%20 == 0 {
				consume()
			}
		}},
		{"a backlog that stays as long as it is", 1, func(i int, publish func(bool), consume func()) {
			publish(i < 500 || i%10 == 0)
			if i >= 500 && i%10 == 0 {
				consume()
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var j *Journal
			var slow []LSN      // oldest first
			at := map[LSN]int{} // where in slow
			var written, carried int64
			consumed := 0
			hand := &Manual{Random: func(b []byte) { b[0] = 1 }}
			hand.Yield = func() { hand.Write() }
			j, _ = openT(t, Config{FS: disk.NewMem(), SegmentSize: 16 << 10, Manual: hand, Carry: func(r Record) {
				i, ok := at[r.LSN]
				if !ok {
					return
				}
				delete(at, r.LSN)
				slow[i] = j.Append(r.Kind, true, r.Body)
				at[slow[i]] = i
				carried += int64(recordSize(len(r.Body)))
				j.Release(r.LSN)
			}})
			body := make([]byte, size)
			publish := func(stays bool) {
				lsn := j.Append(1, true, body)
				written += int64(recordSize(size))
				if stays {
					at[lsn] = len(slow)
					slow = append(slow, lsn)
				} else {
					j.Release(lsn)
				}
			}
			consume := func() {
				lsn := slow[consumed]
				delete(at, lsn)
				consumed++
				j.Release(lsn)
			}
			most := int64(0)
			for i := range rounds {
				test.round(i, publish, consume)
				if i%20 == 19 {
					hand.Write()
					hand.Prepare()
					for range 10 {
						hand.Reclaim()
					}
					most = max(most, j.Stats().Bytes-2*j.Stats().LiveBytes)
				}
			}
			if share := float64(carried) / float64(written); share > test.most || carried == 0 {
				t.Errorf("%d bytes were carried beside %d that were written, %.2f of them; at most %.2f may be", carried, written, share, test.most)
			} else {
				t.Logf("carried beside what was written: %.4f; never more than twice what is needed and %d bytes", share, most)
			}
			if most > 8*16<<10 {
				t.Errorf("the journal took up to %d bytes more than twice what was needed", most)
			}
		})
	}
}
