package apply

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Hook is the object with the mark of the operation that makes it, and with the
// finalizer that holds it until its outcome is known.
func Hook(o model.Object, mark string) (model.Object, error) {
	annotations := map[string]string{model.AnnotationOperation: mark}
	for k, v := range o.Annotations {
		if k != model.AnnotationOperation {
			annotations[k] = v
		}
	}
	made, err := withMetadata(o, func(meta map[string]json.RawMessage) error {
		var finalizers []string
		if raw, ok := meta["finalizers"]; ok && json.Unmarshal(raw, &finalizers) != nil {
			return model.Invalidf("%s: metadata.finalizers has to be a list of strings", o.ObjectKey)
		}
		if !slices.Contains(finalizers, model.HookFinalizer) {
			finalizers = append(finalizers, model.HookFinalizer)
		}
		return set(meta, map[string]any{"annotations": annotations, "finalizers": finalizers})
	})
	made.Annotations = annotations
	return made, err
}

// Named is an object that has only metadata.generateName, with the name that it has
// in an operation's phase. One that has a name stays as it is.
func Named(o model.Object, revision string, phase model.SyncPhase, started time.Time) (model.Object, error) {
	if o.Name != "" {
		return o, nil
	}
	name := ""
	made, err := withMetadata(o, func(meta map[string]json.RawMessage) error {
		var prefix string
		if json.Unmarshal(meta["generateName"], &prefix) != nil || prefix == "" {
			return model.Invalidf("%s: %s has neither metadata.name nor metadata.generateName", o.Origin, o.Kind)
		}
		name = HookName(prefix, revision, phase, started)
		delete(meta, "generateName")
		return set(meta, map[string]any{"name": name})
	})
	made.Name = name
	return made, err
}

// maxName is how long a name may be that is used as a label too.
const maxName = 63

// HookName is the name of a hook that has only metadata.generateName: that, the
// first seven characters of the revision, the phase and the operation's start.
// A prefix that leaves no room for them is cut, and told apart by a digest.
func HookName(generateName, revision string, phase model.SyncPhase, started time.Time) string {
	suffix := strings.ToLower(string(phase)) + "-" + strconv.FormatInt(started.Unix(), 10)
	if short := shortRevision(revision); short != "" {
		suffix = short + "-" + suffix
	}
	if room := maxName - len(suffix); len(generateName) > room {
		digest := model.DigestOf([]byte(generateName)).String()[:6]
		generateName = generateName[:room-len(digest)-1] + digest + "-"
	}
	return generateName + suffix
}

// shortRevision is what a name can hold of a revision: of several only the first,
// of a digest what comes after its algorithm.
func shortRevision(revision string) string {
	first, _, _ := strings.Cut(revision, ",")
	if _, digest, ok := strings.Cut(first, ":"); ok {
		first = digest
	}
	first = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' {
			return c
		}
		return '-'
	}, strings.ToLower(first))
	return strings.Trim(first[:min(7, len(first))], "-.")
}

// withMetadata is the object with other metadata in its JSON.
func withMetadata(o model.Object, change func(meta map[string]json.RawMessage) error) (model.Object, error) {
	var whole, meta map[string]json.RawMessage
	if err := json.Unmarshal(o.JSON, &whole); err != nil || whole == nil {
		return o, model.Invalidf("%s: %s is no object", o.Origin, o.ObjectKey)
	}
	if raw, ok := whole["metadata"]; ok && json.Unmarshal(raw, &meta) != nil {
		return o, model.Invalidf("%s: %s: metadata has to be a map", o.Origin, o.ObjectKey)
	}
	if meta == nil {
		meta = map[string]json.RawMessage{}
	}
	if err := change(meta); err != nil {
		return o, err
	}
	if err := set(whole, map[string]any{"metadata": meta}); err != nil {
		return o, err
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return o, fmt.Errorf("%s: %w", o.ObjectKey, err)
	}
	o.JSON, o.Digest = text, model.DigestOf(text)
	return o, nil
}

func set(to map[string]json.RawMessage, values map[string]any) error {
	for name, v := range values {
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		to[name] = raw
	}
	return nil
}
