package measure

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// NewHistogram is for latencies, which are kept to three digits, from 1 ns to a minute.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(time.Minute), 3)
}

// Record adds a latency in nanoseconds. What is out of range counts as the nearest that is not.
func Record(h *hdrhistogram.Histogram, d int64) {
	_ = h.RecordValue(min(max(d, 1), int64(time.Minute)))
}

// EncodeHistogram is a histogram as another process can read it; nil for an empty one.
func EncodeHistogram(h *hdrhistogram.Histogram) ([]byte, error) {
	if h.TotalCount() == 0 {
		return nil, nil
	}
	return h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// DecodeHistogram is the inverse of EncodeHistogram.
func DecodeHistogram(b []byte) (*hdrhistogram.Histogram, error) {
	if len(b) == 0 {
		return NewHistogram(), nil
	}
	return hdrhistogram.Decode(b)
}
