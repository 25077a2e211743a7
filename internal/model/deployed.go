package model

import "time"

// Deployed is what a sync applied: the objects of a revision, as rendered, before
// they became the app's.
type Deployed struct {
	// Revision is in the form of Revision, Spec the digest of the sources as App.Spec.
	Revision string
	Spec     Digest
	// Target and Namespace are where it was deployed, as those of App.
	Target, Namespace string
	// At is when the sync ended.
	At time.Time
	// Healthy: the app was seen healthy with it.
	Healthy bool
	// Snapshots are those of the sources, without their trees; Tools what rendered
	// them.
	Snapshots []Snapshot
	Tools     []string
	Objects   []Object
}
