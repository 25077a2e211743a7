package model

// Live is what the mirror knows of a live object, as seen by one field manager.
type Live struct {
	Ref ObjectRef
	UID string
	// Owner is the app whose mark it bears; zero if none.
	Owner AppKey
	// Fields is the digest of what our manager owns; zero if that is nothing.
	Fields Digest
	// Time is when our manager's ownership last changed, in Unix seconds.
	Time int64
	// Writes changes when anybody writes anything of it but its status.
	Writes uint64
	// ResourceVersion is that of the newest state seen.
	ResourceVersion string
	// Traits are what it asks for by its labels and annotations.
	Traits Traits
	// Operation is the mark of the operation that made it as a hook, see
	// Operation.Mark; "" for none.
	Operation string
	// Held: it bears HookFinalizer.
	Held bool
	// Busy: it is Progressing, and something of it is really running: to end it now
	// would interrupt that.
	Busy bool
	// Terminating: it is being deleted.
	Terminating bool
	// Health is zero where its kind has no rule.
	Health Health
	// Warning is what the API server warned of when it was written; "" for nothing,
	// and where it was not written just now.
	Warning string
}

// HookFinalizer keeps a hook, whoever deletes it, until its outcome is known. It
// is Argo CD's.
const HookFinalizer = "argocd.argoproj.io/hook-finalizer"

// AnnotationOperation marks a hook with the operation that made it, so that it is
// never made twice. Its value is Operation.Mark.
const AnnotationOperation = "fixpoint-cd.github.io/operation"

// Pair remembers that a desired object and a live one belong together: when
// Fields and Time are still those of the live object, it is as Desired says.
type Pair struct {
	Desired Digest
	Fields  Digest
	Time    int64
	UID     string
	// ResourceVersion is that of the object when the pair was made.
	ResourceVersion string
	// Basis is what the two were compared by, beside what they are: the rules and the
	// app's marks.
	Basis uint64
	// Recalled: the pair is of an earlier run of the controller, which may have
	// written more before it ended than it could note.
	Recalled bool `json:"-"`
	// Differs: a dry run has shown that it is not as Desired says.
	Differs bool
	// Partial: not all that Desired says and that counts is our manager's own, so that
	// Fields don't tell of every change; Writes, of the run that made the pair, do.
	Partial bool
	Writes  uint64
}

// Matches reports whether the live object is the one that the pair is of, with
// nothing changed since.
func (p Pair) Matches(l Live) bool {
	return p.UID == l.UID && p.Fields == l.Fields && p.Time == l.Time &&
		(!p.Partial || !p.Recalled && p.Writes == l.Writes)
}

// Certain reports whether a pair that matches can't have missed a write of our
// own: times count whole seconds only.
func (p Pair) Certain(l Live) bool {
	return !p.Recalled || p.ResourceVersion == l.ResourceVersion
}
