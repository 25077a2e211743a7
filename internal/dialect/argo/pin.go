package argo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// target is what a request for a sync is about: the sources that are meant and,
// for each, the revision that it asks for; "" is what the source follows.
type target struct {
	spec      v1alpha1.ApplicationSpec
	revisions []string
	// pinned: that is another thing than what the Application declares.
	pinned bool
}

// revision is what is asked for in the form of model.Revision; "" is the newest.
func (t target) revision() string {
	if strings.Join(t.revisions, "") == "" {
		return ""
	}
	return strings.Join(t.revisions, ",")
}

// targetOf reads what a request is about. What a source follows in any case is not
// asked for; and a revision that is at hand, which the snapshots are, is not
// another thing than what is declared.
func targetOf(s v1alpha1.SyncOperation, spec v1alpha1.ApplicationSpec, atHand []*model.Snapshot) target {
	t := target{spec: withSources(spec, s)}
	meant, declared := sourceList(t.spec), sourceList(spec)
	own := !slices.EqualFunc(meant, declared, sameButRevision)
	t.revisions = make([]string, len(meant))
	asked := asksFor(s)
	for i := range meant {
		if i < len(asked) {
			t.revisions[i] = asked[i]
		}
		follows := meant[i].TargetRevision
		if !own {
			if strings.Join(asked, "") == "" {
				t.revisions[i] = follows
			}
			follows = declared[i].TargetRevision
		}
		if rev := t.revisions[i]; rev == "HEAD" || rev == follows {
			t.revisions[i] = ""
		}
		here := !own && i < len(atHand) && isAtHand(t.revisions[i], atHand[i])
		t.pinned = t.pinned || own || (t.revisions[i] != "" && !here)
	}
	return t
}

// asksFor are the revisions that a request names, one for each source or one for
// the first.
func asksFor(s v1alpha1.SyncOperation) []string {
	if len(s.Revisions) == 0 && s.Revision != "" {
		return []string{s.Revision}
	}
	return slices.Clone(s.Revisions)
}

func isAtHand(revision string, s *model.Snapshot) bool {
	return s != nil && revision != "" && (revision == s.Ref || strings.HasPrefix(s.Revision, revision))
}

// withSources is a spec with the sources that a request brings, if it does.
func withSources(spec v1alpha1.ApplicationSpec, s v1alpha1.SyncOperation) v1alpha1.ApplicationSpec {
	if own, ok := sourcesIn(s.Source, s.Sources); ok {
		spec.Source, spec.Sources, spec.SourceHydrator = own.Source, own.Sources, nil
	}
	return spec
}

// sourcesIn are the sources of two such fields; false if there are none. Argo CD
// writes an empty source beside several.
func sourcesIn(one *v1alpha1.ApplicationSource, several []v1alpha1.ApplicationSource) (v1alpha1.ApplicationSpec, bool) {
	switch {
	case len(several) > 0:
		return v1alpha1.ApplicationSpec{Sources: several}, true
	case one != nil && one.RepoURL != "":
		return v1alpha1.ApplicationSpec{Source: one}, true
	}
	return v1alpha1.ApplicationSpec{}, false
}

// sourceList are the sources that count of a spec.
func sourceList(spec v1alpha1.ApplicationSpec) []v1alpha1.ApplicationSource {
	if len(spec.Sources) == 0 && spec.Source != nil {
		return []v1alpha1.ApplicationSource{*spec.Source}
	}
	return spec.Sources
}

// sameButRevision reports whether two sources differ in nothing but the revision.
func sameButRevision(a, b v1alpha1.ApplicationSource) bool {
	a.TargetRevision, b.TargetRevision = "", ""
	return string(mustJSON(a)) == string(mustJSON(b))
}

// digestOf is App.Spec of an Application with the sources of that spec.
func digestOf(spec v1alpha1.ApplicationSpec, d v1alpha1.ApplicationDestination) model.Digest {
	return specDigest(spec.Source, spec.Sources, d)
}

// pinSource is the key of a source that a request asks for:
// "<key of the app>/op/<index>".
func pinSource(app model.AppKey, index int) model.SourceKey {
	return SourceKey(app) + model.SourceKey(fmt.Sprintf("/op/%d", index))
}

// pin is what the engine has to know of what is asked for, with the sources to
// subscribe to, in the same order. How files become objects is as declared there;
// of the revision only the content depends.
func (t target) pin(app model.AppKey, env Env) (*model.Pin, []model.Source, error) {
	at := t.spec
	if at.Source != nil {
		at.Source = at.Source.DeepCopy()
	}
	at.Sources = copySources(at.Sources)
	for i, revision := range t.revisions {
		switch {
		case revision == "":
		case len(at.Sources) > 0:
			at.Sources[i].TargetRevision = revision
		default:
			at.Source.TargetRevision = revision
		}
	}
	var wrong problems
	asked, declared := model.App{Key: app}, model.App{Key: app}
	sources := sourcesOf(&asked, at, env, &wrong)
	if err := wrong.err(); err != nil {
		return nil, nil, err
	}
	sourcesOf(&declared, t.spec, env, &problems{})
	for i := range declared.Sources {
		declared.Sources[i].Key = pinSource(app, i)
	}
	named := make([]string, len(t.revisions))
	for i, s := range sourceList(t.spec) {
		named[i] = cmp.Or(t.revisions[i], s.TargetRevision, "HEAD")
	}
	return &model.Pin{
		Sources: declared.Sources, Revision: strings.Join(named, ","), Spec: digestOf(t.spec, t.spec.Destination),
	}, sources, nil
}

// deployedAs is the entry of the history that a request goes back to; nil if it
// names none: it repeats the entry's sources, and asks for its revisions.
func deployedAs(s v1alpha1.SyncOperation, history []v1alpha1.RevisionHistory) *v1alpha1.RevisionHistory {
	own, ok := sourcesIn(s.Source, s.Sources)
	if !ok {
		return nil
	}
	for i := range slices.Backward(history) {
		then, known := sourcesIn(history[i].Source, history[i].Sources)
		if known && string(mustJSON(sourceList(then))) == string(mustJSON(sourceList(own))) &&
			strings.Join(asksFor(s), ",") == revisionIn(history[i].Revision, history[i].Revisions) {
			return &history[i]
		}
	}
	return nil
}
