package postrider

import (
	"slices"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// What only looks like a pack is a message like others.
func TestWhatIsNoPackStaysWhole(t *testing.T) {
	whole := pack.Append(pack.Append(nil, []byte("1"), []byte("one")), []byte("2"), []byte("two"))
	long := whole
	for range pack.MaxMessages {
		long = pack.Append(long, []byte("n"), nil)
	}
	for name, c := range map[string]struct {
		encoding string
		body     []byte
		parts    int
	}{
		"a pack":            {pack.Encoding, whole, 2},
		"a truncated one":   {pack.Encoding, whole[:len(whole)-1], 1},
		"one of too many":   {pack.Encoding, long, 1},
		"an empty one":      {pack.Encoding, nil, 1},
		"another encoding":  {"gzip", whole, 1},
		"no encoding":       {"", whole, 1},
		"text of that name": {pack.Encoding, []byte("no pack"), 1},
	} {
		p := amqp.Properties{ContentEncoding: c.encoding, ContentType: "x", MessageID: "own"}
		props, err := p.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		i := &inbox{packs: packs{open: make(map[*packed]struct{})}}
		parts := slices.Collect(i.fold([]arrival{{props: props, body: c.body}})[0].each)
		if len(parts) != c.parts {
			t.Errorf("%s is taken for %d messages", name, len(parts))
		}
		if len(parts) == 1 && (string(parts[0].body) != string(c.body) || string(parts[0].props) != string(props) || parts[0].id != nil) {
			t.Errorf("%s is not what it was: %+v", name, parts[0])
		}
	}
}
