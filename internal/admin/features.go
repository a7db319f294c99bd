package admin

// featureFlagJSON is a flag of RabbitMQ 3.10. All that the broker has are on, for ever.
type featureFlagJSON struct {
	Name      string `json:"name"`
	About     string `json:"desc"`
	Where     string `json:"doc_url"`
	State     string `json:"state"`
	Stability string `json:"stability"`
	Of        string `json:"provided_by"`
}

// featureFlags are those of what the broker does, too.
var featureFlags = []featureFlagJSON{
	featureFlag("drop_unroutable_metric", "Messages that no queue took are counted"),
	featureFlag("empty_basic_get_metric", "Gets from an empty queue are counted"),
	featureFlag("implicit_default_bindings", "The default exchange knows each queue by its name"),
	featureFlag("quorum_queue", "Queues of the type quorum"),
	featureFlag("user_limits", "Limits to the connections and channels of a user"),
	featureFlag("virtual_host_metadata", "Virtual hosts have a description and tags"),
}

func featureFlag(name, about string) featureFlagJSON {
	return featureFlagJSON{Name: name, About: about, State: "enabled", Stability: "stable", Of: "rabbit"}
}

func listFeatureFlags(*request) (any, error) { return list(featureFlags), nil }

func enableFeatureFlag(r *request) (any, error) {
	for _, f := range featureFlags {
		if f.Name == r.PathValue("flag") {
			return nil, nil
		}
	}
	return nil, badRequest("unsupported")
}
