package model

// IgnoredFields names fields of some objects whose differences don't count.
type IgnoredFields struct {
	// Group and Kind are globs; "" of Group is the core group, "*" is any.
	Group, Kind string
	// Namespace and Name are exact; "" is any.
	Namespace, Name string
	// Pointers are JSON pointers (RFC 6901), JQ path expressions of jq.
	Pointers, JQ []string
	// Managers are field managers: what they own does not count.
	Managers []string
}

// Comparison says how an app's objects are compared with what is live.
type Comparison struct {
	// Ignore are the fields that don't count, the app's and the installation's.
	Ignore []IgnoredFields
	// Respect leaves ignored fields as they are when an object is written.
	Respect bool
	// KnownTypes are fields of custom resources that hold types of Kubernetes, by
	// "<group>_<kind>": a map of the field's path, separated by dots, to its type, such as
	// "core/v1/PodSpec" or "core/Quantity".
	KnownTypes map[string]map[string]string
	// KeepWebhooks counts what admission webhooks change as a difference of the
	// object's own.
	KeepWebhooks bool
	// Marks are JSON pointers to what marks an object as the app's: on one that bears
	// another mark of the same app a difference in them does not count.
	Marks []string
}
