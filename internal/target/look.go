package target

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxLookPause is the longest pause between two attempts to read an object.
const maxLookPause = 30 * time.Second

// look reads one object by itself, until that has succeeded or nobody claims it
// any more, and takes it in as if it had just arrived.
func (t *Target) look(w *kindWatch, key model.ObjectKey) {
	for pause := time.Second; t.mirror.unclear(key); pause = min(2*pause, maxLookPause) {
		if t.lookOnce(t.ctx, w, key) {
			return
		}
		select {
		case <-t.ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (t *Target) lookOnce(ctx context.Context, w *kindWatch, key model.ObjectKey) (done bool) {
	defer t.mirror.expect(key)()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	e, err := t.fetch(ctx, w.resource, key)
	if err == nil {
		t.arrived(e)
	}
	return err == nil || apierrors.IsNotFound(err)
}
