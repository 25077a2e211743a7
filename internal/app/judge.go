package app

import (
	"context"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/script"
)

// judge says how live objects are: by the users' own scripts where there are any
// for a kind, else by the rules that come with Fixpoint.
type judge struct {
	pool *script.Pool
	// script is the one for a kind; false if there is none.
	script func(group, kind string) (src string, openLibs, ok bool)
}

func (j judge) of(obj map[string]any) model.Health {
	apiVersion, _ := obj["apiVersion"].(string)
	kind, _ := obj["kind"].(string)
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		group = ""
	}
	src, openLibs, ok := j.script(group, kind)
	if !ok || goes(obj) {
		return health.Of(obj)
	}
	h, err := j.pool.Health(context.Background(), src, openLibs, obj)
	if err != nil {
		return model.Health{Status: model.Unknown, Message: "its health check failed: " + err.Error()}
	}
	return h
}

// goes reports whether an object is being deleted, which is judged alike for all
// kinds.
func goes(obj map[string]any) bool {
	meta, _ := obj["metadata"].(map[string]any)
	at, _ := meta["deletionTimestamp"].(string)
	return at != ""
}

// needsContent reports whether whole objects of a kind have to be watched.
func (j judge) needsContent(group, kind string) bool {
	if _, _, ok := j.script(group, kind); ok {
		return true
	}
	return health.NeedsContent(group, kind)
}
