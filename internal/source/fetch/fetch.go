// Package fetch is what the kinds of artifacts have in common: what is asked
// for, what was got, and how to speak HTTP for it with one source's credentials,
// certificates and proxy. It knows no registry, repository or bucket.
package fetch

import (
	"context"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
)

// Want is what is asked for at one place.
type Want struct {
	Ref model.Ref
	// Chart is the chart of a Helm repository; "" is its index.
	Chart string
}

// Got is the content that a Want stood for when it was last looked at. It never
// changes.
type Got struct {
	// Ref, Revision, Digest, Verified and Metadata are those of model.Snapshot.
	Ref, Revision, Digest, Verified string
	Metadata                        map[string]string
	Tree                            *archive.Tree
	// Marks are what the kind recognises unchanged content by. They are kept
	// across a restart, and hold no secret.
	Marks map[string]string
	// Pinned: the Want can never stand for anything else.
	Pinned bool
}

// Result is what a look found: Got, which is the very same that was there
// before if nothing has changed, or Err.
type Result struct {
	Got *Got
	Err error
}

// Puller looks at one place: a repository in a registry, a Helm repository, or a
// bucket.
type Puller interface {
	// Pull looks for the newest content of each want; the values are what is
	// there, nil if nothing. The error is that of the place as a whole, and the
	// wants without a result share it. One call at a time.
	Pull(ctx context.Context, have map[Want]*Got) (map[Want]Result, error)
}
