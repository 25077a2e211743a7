package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ApplicationStatus is what the controller knows of an Application.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationStatus struct {
	// Resources are the Application's objects, without their health.
	// +optional
	Resources []ResourceStatus `json:"resources,omitempty"`
	// +optional
	Sync SyncStatus `json:"sync,omitzero"`
	// +optional
	Health HealthStatus `json:"health,omitzero"`
	// History are the full syncs that succeeded, oldest first.
	// +optional
	History []RevisionHistory `json:"history,omitempty"`
	// +optional
	Conditions []ApplicationCondition `json:"conditions,omitempty"`
	// ReconciledAt is when the state was last compared and found changed.
	// +optional
	ReconciledAt *metav1.Time `json:"reconciledAt,omitempty"`
	// OperationState is the running or the last sync.
	// +optional
	OperationState *OperationState `json:"operationState,omitempty"`
	// ObservedAt is not used any more.
	// +optional
	ObservedAt *metav1.Time `json:"observedAt,omitempty"`
	// SourceType is Helm, Kustomize, Directory or Plugin.
	// +optional
	SourceType string `json:"sourceType,omitempty"`
	// +optional
	Summary ApplicationSummary `json:"summary,omitzero"`
	// ResourceHealthSource is appTree where resources carry no health.
	// +optional
	ResourceHealthSource string `json:"resourceHealthSource,omitempty"`
	// +optional
	SourceTypes []string `json:"sourceTypes,omitempty"`
	// ControllerNamespace is the namespace of the controller's settings.
	// +optional
	ControllerNamespace string `json:"controllerNamespace,omitempty"`
}

// SyncStatus is whether the cluster is as declared.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncStatus struct {
	// Status is Synced, OutOfSync or Unknown.
	Status string `json:"status"`
	// ComparedTo is what was declared when the comparison was made.
	// +optional
	ComparedTo ComparedTo `json:"comparedTo,omitzero"`
	// Revision is the commit that was compared to.
	// +optional
	Revision string `json:"revision,omitempty"`
	// +optional
	Revisions []string `json:"revisions,omitempty"`
}

// ComparedTo is what was declared when a comparison was made.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ComparedTo struct {
	// +optional
	Source *ApplicationSource `json:"source,omitempty"`
	// +optional
	Destination ApplicationDestination `json:"destination"`
	// +optional
	Sources []ApplicationSource `json:"sources,omitempty"`
	// +optional
	IgnoreDifferences []IgnoreDifference `json:"ignoreDifferences,omitempty"`
}

// HealthStatus is how well the objects are.
//
// +kubebuilder:pruning:PreserveUnknownFields
type HealthStatus struct {
	// Status is Healthy, Progressing, Degraded, Suspended, Missing or Unknown.
	// +optional
	Status string `json:"status,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// LastTransitionTime is when Status became what it is.
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
}

// ResourceStatus is how one object of an Application is.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ResourceStatus struct {
	// +optional
	Group string `json:"group,omitempty"`
	// +optional
	Version string `json:"version,omitempty"`
	// +optional
	Kind string `json:"kind,omitempty"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +optional
	Name string `json:"name,omitempty"`
	// Status is Synced, OutOfSync or Unknown.
	// +optional
	Status string `json:"status,omitempty"`
	// +optional
	Health *HealthStatus `json:"health,omitempty"`
	// +optional
	Hook bool `json:"hook,omitempty"`
	// RequiresPruning: it is not declared any more and has not been deleted.
	// +optional
	RequiresPruning bool `json:"requiresPruning,omitempty"`
	// +optional
	SyncWave int64 `json:"syncWave,omitempty"`
	// +optional
	RequiresDeletionConfirmation bool `json:"requiresDeletionConfirmation,omitempty"`
}

// ApplicationSummary are facts gathered from the objects.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSummary struct {
	// +optional
	ExternalURLs []string `json:"externalURLs,omitempty"`
	// +optional
	Images []string `json:"images,omitempty"`
	// IsAppOfApps: an object of the Application is an Application.
	// +optional
	IsAppOfApps bool `json:"isAppOfApps,omitempty"`
}

// ApplicationCondition is an error or a warning.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationCondition struct {
	// Type ends in Error or Warning.
	Type    string `json:"type"`
	Message string `json:"message"`
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
}

// RevisionHistory is a sync that succeeded.
//
// +kubebuilder:pruning:PreserveUnknownFields
type RevisionHistory struct {
	// +optional
	Revision string `json:"revision,omitempty"`
	// DeployedAt is when the sync ended.
	DeployedAt metav1.Time `json:"deployedAt"`
	// ID rises from one sync to the next.
	ID int64 `json:"id"`
	// +optional
	Source *ApplicationSource `json:"source,omitempty"`
	// DeployStartedAt is when the sync began.
	// +optional
	DeployStartedAt *metav1.Time `json:"deployStartedAt,omitempty"`
	// +optional
	Sources []ApplicationSource `json:"sources,omitempty"`
	// +optional
	Revisions []string `json:"revisions,omitempty"`
	// +optional
	InitiatedBy OperationInitiator `json:"initiatedBy,omitzero"`
}

// OperationState is a running or an ended sync.
//
// +kubebuilder:pruning:PreserveUnknownFields
type OperationState struct {
	Operation Operation `json:"operation"`
	// Phase is Running, Terminating, Failed, Error or Succeeded.
	Phase string `json:"phase"`
	// +optional
	Message string `json:"message,omitempty"`
	// +optional
	SyncResult *SyncOperationResult `json:"syncResult,omitempty"`
	StartedAt  metav1.Time          `json:"startedAt"`
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	// RetryCount is how many times it was repeated.
	// +optional
	RetryCount int64 `json:"retryCount,omitempty"`
}

// SyncOperationResult is what a sync did.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncOperationResult struct {
	// +optional
	Resources []ResourceResult `json:"resources,omitempty"`
	// Revision is the commit that was synced.
	// +optional
	Revision string `json:"revision"`
	// +optional
	Source ApplicationSource `json:"source,omitzero"`
	// +optional
	Sources []ApplicationSource `json:"sources,omitempty"`
	// +optional
	Revisions []string `json:"revisions,omitempty"`
	// +optional
	ManagedNamespaceMetadata *ManagedNamespaceMetadata `json:"managedNamespaceMetadata,omitempty"`
}

// ResourceResult is what a sync did with one object.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ResourceResult struct {
	Group     string `json:"group"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Status is Synced, SyncFailed, Pruned or PruneSkipped.
	// +optional
	Status string `json:"status,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// HookType is the phase of a hook.
	// +optional
	HookType string `json:"hookType,omitempty"`
	// HookPhase is the state of the object or hook.
	// +optional
	HookPhase string `json:"hookPhase,omitempty"`
	// SyncPhase is PreSync, Sync, PostSync or SyncFail.
	// +optional
	SyncPhase string `json:"syncPhase,omitempty"`
	// +optional
	Images []string `json:"images,omitempty"`
}
