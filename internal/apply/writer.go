package apply

import (
	"context"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Writer writes to a target. Errors have a kind of package model.
type Writer interface {
	// Apply writes the object, by server-side apply if nothing else is asked for.
	// With model.ErrImmutable it returns the UID of what stands in the way.
	Apply(ctx context.Context, obj model.Object, manager string, how model.Write) (model.Live, error)
	// Delete deletes the object with that UID.
	Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error
	// Parallel is how many writes may be under way now.
	Parallel() int
}

// Options are those of one Do.
type Options struct {
	// Objects are the desired objects that the tasks name.
	Objects map[model.ObjectKey]model.Object
	// UIDs are those of the objects that the tasks delete.
	UIDs map[model.ObjectKey]string
	// Manager is the field manager.
	Manager string
	// Deletion is the propagation policy of deletes; "" is "Background".
	Deletion string
	// Recreate deletes and creates an object whose change is refused because a
	// field can't change.
	Recreate bool
	// DryRun asks the API server and writes nothing.
	DryRun bool
	// Prune carries out the tasks' deletes.
	Prune bool
	// Migrate is that of model.Write.
	Migrate []string
	// Wrote is called after each write, from several goroutines; nil for none.
	Wrote func(model.Result)
}
