package policy

// A Policy gives settings to the queues and exchanges whose names match.
// Nothing may change it once it is in a Book.
type Policy struct {
	Name       string
	Pattern    string // a regular expression, which may match anywhere in the name
	ApplyTo    string // to what: see Applies
	Priority   int64
	Definition Definition
}

// A Definition is settings by their keys. Values are those of JSON: nil, bool,
// string, int64, float64, []any and map[string]any.
type Definition = map[string]any

// Kind is what a policy may apply to.
type Kind uint8

const (
	Exchange Kind = iota
	ClassicQueue
	QuorumQueue
	StreamQueue
)

// applies says to which kinds each value of apply-to does.
var applies = map[string][4]bool{
	"all":            {Exchange: true, ClassicQueue: true, QuorumQueue: true, StreamQueue: true},
	"exchanges":      {Exchange: true},
	"queues":         {ClassicQueue: true, QuorumQueue: true, StreamQueue: true},
	"classic_queues": {ClassicQueue: true},
	"quorum_queues":  {QuorumQueue: true},
	"streams":        {StreamQueue: true},
}

// holds says whether the policy is for things of a kind, whatever their names.
func (p *Policy) holds(kind Kind) bool {
	if !applies[p.ApplyTo][kind] {
		return false
	}
	for key := range p.Definition {
		if s, known := settings[key]; known && s.not[kind] {
			return false
		}
	}
	return true
}
