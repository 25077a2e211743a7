package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Application declares that a path of a repository is to be what a namespace
// of a cluster holds.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=applications,shortName=app;apps
// +kubebuilder:printcolumn:name="Sync Status",type=string,JSONPath=`.status.sync.status`
// +kubebuilder:printcolumn:name="Health Status",type=string,JSONPath=`.status.health.status`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.status.sync.revision`,priority=10
// +kubebuilder:printcolumn:name="Project",type=string,JSONPath=`.spec.project`,priority=10
type Application struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec ApplicationSpec `json:"spec"`
	// +optional
	Status ApplicationStatus `json:"status,omitzero"`
	// Operation asks for a sync now. It is removed when the sync has been taken up.
	// +optional
	Operation *Operation `json:"operation,omitempty"`
}

// ApplicationList is a list of Applications.
//
// +kubebuilder:object:root=true
type ApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []Application `json:"items"`
}

// ApplicationSpec is what the user declares.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSpec struct {
	// Source is where the manifests come from.
	// +optional
	Source *ApplicationSource `json:"source,omitempty"`
	// Sources are several places the manifests come from; Source is then ignored.
	// +optional
	Sources []ApplicationSource `json:"sources,omitempty"`
	// SourceHydrator renders a dry source into a branch that is then synced.
	// +optional
	SourceHydrator *SourceHydrator `json:"sourceHydrator,omitempty"`
	// Destination is the cluster and namespace that are written to.
	Destination ApplicationDestination `json:"destination"`
	// Project is the AppProject the Application belongs to; empty is "default".
	Project string `json:"project"`
	// SyncPolicy says when and how the cluster is brought to the declared state.
	// +optional
	SyncPolicy *SyncPolicy `json:"syncPolicy,omitempty"`
	// IgnoreDifferences are fields whose difference does not count.
	// +optional
	IgnoreDifferences []IgnoreDifference `json:"ignoreDifferences,omitempty"`
	// Info are facts for people, shown with the Application.
	// +optional
	Info []Info `json:"info,omitempty"`
	// RevisionHistoryLimit is how many entries of status.history are kept;
	// 10 if unset, 0 keeps none.
	// +optional
	RevisionHistoryLimit *int64 `json:"revisionHistoryLimit,omitempty"`
}

// ApplicationDestination is a cluster, by its URL or by its name, and a namespace.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationDestination struct {
	// Server is the URL of the cluster's API server. Either Server or Name is set.
	// +optional
	Server string `json:"server,omitempty"`
	// Namespace is given to namespaced objects that name none.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name is the cluster's name, as its cluster Secret has it.
	// +optional
	Name string `json:"name,omitempty"`
}

// IgnoreDifference selects objects and the fields of them that may differ.
//
// +kubebuilder:pruning:PreserveUnknownFields
type IgnoreDifference struct {
	// +optional
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind"`
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// JSONPointers are the fields, as RFC 6901 pointers.
	// +optional
	JSONPointers []string `json:"jsonPointers,omitempty"`
	// JQPathExpressions are the fields, as jq paths.
	// +optional
	JQPathExpressions []string `json:"jqPathExpressions,omitempty"`
	// ManagedFieldsManagers are field managers whose fields may differ.
	// +optional
	ManagedFieldsManagers []string `json:"managedFieldsManagers,omitempty"`
}

// Info is a named fact for people.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Info struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
