package model

import "context"

// Judge says what of an object counts when it is compared with what an apply
// would make of it. Both are as the API server gives them, with managedFields.
type Judge interface {
	// Thorough: that a dry run leaves our ownership as it is does not prove that
	// nothing that counts would change.
	Thorough() bool
	// Released is what an apply makes of the object without the fields that an older
	// client-side apply left behind and nobody declares any more; nil if there are
	// none.
	Released(live, after map[string]any) map[string]any
	Judge(ctx context.Context, live, after map[string]any) (Judgement, error)
}

// Judgement is what a comparison tells.
type Judgement struct {
	// Same: applying the object would change nothing that counts.
	Same bool
	// Owned: our field manager owns all that is declared and counts, so that its
	// ownership tells of every change to come. Known where Same.
	Owned bool
}
