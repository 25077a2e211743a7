package target

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// warnings collects what the API server warns of while it answers one write.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

type warningsKey struct{}

// on is a context whose requests' warnings are collected.
func (w *warnings) on(ctx context.Context) context.Context {
	return context.WithValue(ctx, warningsKey{}, w)
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}

// unknown notes that fields were left out.
func (w *warnings) unknown(fields []string, quiet bool) {
	for _, f := range fields {
		if !quiet {
			w.add(fmt.Sprintf("unknown field %q: left out", f))
		}
	}
}

// text is all of them. Of a Secret only those that name fields are shown.
func (w *warnings) text(ref model.ObjectRef) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	shown := w.texts
	if ref.Group == "" && ref.Kind == "Secret" {
		shown = slices.DeleteFunc(slices.Clone(w.texts), func(s string) bool {
			return !strings.HasPrefix(s, "unknown field") && !strings.HasPrefix(s, "duplicate field")
		})
	}
	return strings.Join(shown, "; ")
}

// warningHandler gives the warnings of an answer to the write that it is of.
type warningHandler struct{}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (warningHandler) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if w, ok := ctx.Value(warningsKey{}).(*warnings); ok && code == 299 && text != "" {
		w.add(text)
	}
}
