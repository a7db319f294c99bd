package access

import "slices"

// The tags that mean something to the broker. Others are allowed, and mean something to people.
const (
	Administrator = "administrator"
	Monitoring    = "monitoring"
	PolicyMaker   = "policymaker"
	Management    = "management"
	Impersonator  = "impersonator" // may publish in another's name
)

// Tags are those, in their order by name.
var Tags = []string{Administrator, Impersonator, Management, Monitoring, PolicyMaker}

// implied says which tags come with a tag.
var implied = map[string][]string{
	Administrator: {Monitoring, PolicyMaker, Management},
	Monitoring:    {Management},
	PolicyMaker:   {Management},
}

// Tagged says whether tags have tag, or one that it comes with.
func Tagged(tags []string, tag string) bool {
	return slices.Contains(tags, tag) ||
		slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(implied[t], tag) })
}

// Limits bound what one user may have at once; nil is no limit.
type Limits struct {
	MaxConnections *int64 `json:"max-connections,omitempty"`
	MaxChannels    *int64 `json:"max-channels,omitempty"`
}
