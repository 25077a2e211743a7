package v1alpha1

// SyncPolicy says when and how the cluster is brought to the declared state.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncPolicy struct {
	// Automated syncs without being asked; unset is off, {} is on.
	// +optional
	Automated *SyncPolicyAutomated `json:"automated,omitempty"`
	// SyncOptions are options as key=value.
	// +optional
	SyncOptions []string `json:"syncOptions,omitempty"`
	// Retry says how a failed sync is repeated. An automated sync without it is
	// repeated five times.
	// +optional
	Retry *RetryStrategy `json:"retry,omitempty"`
	// ManagedNamespaceMetadata is set on the namespace that CreateNamespace=true creates.
	// +optional
	ManagedNamespaceMetadata *ManagedNamespaceMetadata `json:"managedNamespaceMetadata,omitempty"`
}

// SyncPolicyAutomated are the rules of automated syncs.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncPolicyAutomated struct {
	// Prune deletes what the source no longer declares.
	// +optional
	Prune bool `json:"prune,omitempty"`
	// SelfHeal restores what was changed in the cluster.
	// +optional
	SelfHeal bool `json:"selfHeal,omitempty"`
	// AllowEmpty permits that a source without objects prunes everything.
	// +optional
	AllowEmpty bool `json:"allowEmpty,omitempty"`
	// Enabled switches automated syncs off when it is false.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
}

// RetryStrategy says how a failed sync is repeated.
//
// +kubebuilder:pruning:PreserveUnknownFields
type RetryStrategy struct {
	// Limit is how many times; 0 is never, a negative number for ever.
	// +optional
	Limit int64 `json:"limit,omitempty"`
	// +optional
	Backoff *Backoff `json:"backoff,omitempty"`
	// Refresh takes the newest revision for a repetition.
	// +optional
	Refresh bool `json:"refresh,omitempty"`
}

// Backoff is the pause between repetitions: min(maxDuration, duration*factor^n).
//
// +kubebuilder:pruning:PreserveUnknownFields
type Backoff struct {
	// Duration is the first pause, such as 5s; a bare number is seconds.
	// +optional
	Duration string `json:"duration,omitempty"`
	// +optional
	Factor *int64 `json:"factor,omitempty"`
	// MaxDuration is the longest pause.
	// +optional
	MaxDuration string `json:"maxDuration,omitempty"`
}

// ManagedNamespaceMetadata is metadata of the namespace that is created.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ManagedNamespaceMetadata struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Operation asks for a sync.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Operation struct {
	// +optional
	Sync *SyncOperation `json:"sync,omitempty"`
	// +optional
	InitiatedBy OperationInitiator `json:"initiatedBy,omitzero"`
	// +optional
	Info []Info `json:"info,omitempty"`
	// +optional
	Retry RetryStrategy `json:"retry,omitzero"`
}

// OperationInitiator is who asked for an operation.
//
// +kubebuilder:pruning:PreserveUnknownFields
type OperationInitiator struct {
	// +optional
	Username string `json:"username,omitempty"`
	// Automated: nobody asked, the controller decided.
	// +optional
	Automated bool `json:"automated,omitempty"`
}

// SyncOperation are the settings of a sync.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncOperation struct {
	// Revision is the commit or name that is synced; the newest if empty.
	// +optional
	Revision string `json:"revision,omitempty"`
	// Prune deletes what the source no longer declares.
	// +optional
	Prune bool `json:"prune,omitempty"`
	// DryRun changes nothing.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// +optional
	SyncStrategy *SyncStrategy `json:"syncStrategy,omitempty"`
	// Resources limits the sync to these objects.
	// +optional
	Resources []SyncOperationResource `json:"resources,omitempty"`
	// Source replaces spec.source for this sync; a rollback uses it.
	// +optional
	Source *ApplicationSource `json:"source,omitempty"`
	// Manifests replaces the source by these manifests.
	// +optional
	Manifests []string `json:"manifests,omitempty"`
	// +optional
	SyncOptions []string `json:"syncOptions,omitempty"`
	// +optional
	Sources []ApplicationSource `json:"sources,omitempty"`
	// +optional
	Revisions []string `json:"revisions,omitempty"`
	// AutoHealAttemptsCount counts the repairs of drift at one revision.
	// +optional
	AutoHealAttemptsCount int64 `json:"autoHealAttemptsCount,omitempty"`
}

// SyncStrategy is apply, without hooks, or hook, which is the default.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncStrategy struct {
	// +optional
	Apply *SyncStrategyApply `json:"apply,omitempty"`
	// +optional
	Hook *SyncStrategyHook `json:"hook,omitempty"`
}

// SyncStrategyApply applies without hooks.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncStrategyApply struct {
	// Force deletes and creates what can't be updated.
	// +optional
	Force bool `json:"force,omitempty"`
}

// SyncStrategyHook applies with hooks.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncStrategyHook struct {
	SyncStrategyApply `json:",inline"`
}

// SyncOperationResource names an object to sync.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncOperationResource struct {
	// +optional
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
}
