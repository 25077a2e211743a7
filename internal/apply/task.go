package apply

import "github.com/fixpoint-cd/fixpoint/internal/model"

// Task is a thing to be done: a step of one phase of a sync.
type Task struct {
	model.Step
	Phase model.SyncPhase
	// Hook: Step creates a hook; Mark is what it has to bear.
	Hook bool
	Mark string
	// Recreate: the task is to delete what exists of that name, so that it can be
	// created anew. UID is its.
	Recreate bool
	UID      string
}

// deletes reports whether the task deletes something that is not wanted any more.
func (t Task) deletes() bool { return !t.Recreate && t.Action == model.ActionDelete }

// lasting reports whether others live in the object: it is never deleted to be
// created anew, since they would go with it.
func (t Task) lasting() bool {
	switch {
	case t.Object.Kind == "Namespace" && t.Object.Group == "":
		return true
	case t.Object.Kind == crdKind && t.Object.Group == crdGroup:
		return true
	}
	return false
}

// forced reports whether the object may be deleted and created anew.
func (t Task) forced(app bool) bool {
	return (app || t.Traits.Force == model.Yes) && !t.lasting() && !t.Shared
}

// how is the way in which the object is written.
func (t Task) how(opt Options) model.Write {
	return model.Write{
		DryRun: opt.DryRun, Shared: t.Shared,
		Replace:    t.Traits.Replace == model.Yes,
		NoValidate: t.Traits.Validate == model.No,
		Strict:     t.Traits.Validate == model.Yes,
		CreateOnly: t.Traits.CreateOnly,
		Migrate:    opt.Migrate,
	}
}
